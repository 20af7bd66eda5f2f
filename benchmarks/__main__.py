"""Measures speed, the accuracy of estimates, and the clock; nothing is asserted.

    python -m benchmarks [speed] [area] [clock] [--model MODEL.onnx] [--targets ecp5,xcup] [--seed N] [--json]

Without a name all three run. The figures are left in build/benchmarks.json as well.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import area, clock, speed
from benchmarks.networks import Recipe, write_network
from hwgen.cost.area import Target

PARTS: Final = ("speed", "area", "clock")
RESULT: Final = Path("build/benchmarks.json")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed, estimates and the clock.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument("--model", type=Path, help="of the speed figures: an ONNX or QONNX file (a random network)")
    parser.add_argument("--targets", default="ecp5,xcup", help="of the area table: families, joined by commas (ecp5,xcup)")
    parser.add_argument("--seed", type=int, default=0, help="of placement (0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    arguments = parser.parse_args()
    unknown = [p for p in arguments.parts if p not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]!r}; parts are {', '.join(PARTS)}")
    try:
        arguments.targets = [Target(t) for t in arguments.targets.split(",")]
    except ValueError as error:
        parser.error(str(error))
    return arguments


def main() -> None:
    """The command line."""
    arguments = _arguments()
    record: dict[str, Any] = {}

    def show(title: str, lines: list[str]) -> None:
        if not arguments.json:
            print(f"{title}\n" + "".join(f"  {line}\n" for line in lines), flush=True)

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="hwgen-bench-") as name:
        folder = Path(name)
        for part in arguments.parts or PARTS:
            place = folder / part
            place.mkdir()
            if part == "speed":
                figures = speed.measure(arguments.model or write_network(Recipe(), place / "random.onnx"), place)
                record[part] = {f.what: f.value for f in figures}
                show("Speed", [str(f) for f in figures])
            elif part == "area":
                rows = area.measure(arguments.targets, place)
                record[part] = [{**dataclasses.asdict(r), "ratio": round(r.ratio, 3), "exact": r.exact} for r in rows]
                show("Area: estimated, and counted by Yosys", area.table(rows))
            else:
                row = clock.measure(place, arguments.seed)
                record[part] = {**dataclasses.asdict(row), "ratio": round(row.ratio, 3)}
                show("Clock, placed and routed", clock.table(row))
    record["seconds"] = round(time.perf_counter() - start, 1)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(record))
    else:
        print(f"{record['seconds']} s; all figures are in {RESULT}")


if __name__ == "__main__":
    main()
