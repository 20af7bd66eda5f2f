"""Writes the operator table of README.md from hwgen.ops.table; with --check it only says whether it is up to date.

    python scripts/update_readme.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from hwgen.ops.table import INTEGER_OPS, REAL_OPS

README: Final = Path(__file__).resolve().parents[1] / "README.md"
BEGIN: Final = "<!-- ops -->"
END: Final = "<!-- /ops -->"


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def _torch(name: str) -> str:
    """``aten.add.Tensor`` as ``add``: the overload is of no interest here."""
    return name.split(".")[1].strip("_")


def table() -> str:
    """The table between the markers."""
    rows = ["| operator | ONNX | QONNX | torch (`aten`) |", "|---|---|---|---|"]
    for op in REAL_OPS:
        if not op.onnx and not op.torch:
            continue
        onnx = sorted(name for name in op.onnx if not name.startswith("qonnx."))
        qonnx = sorted(name.removeprefix("qonnx.") for name in op.onnx if name.startswith("qonnx."))
        rows.append(f"| {op.name} | {_names(onnx)} | {_names(qonnx)} | {_names(sorted({_torch(name) for name in op.torch}))} |")
    hardware = _names([op.name for op in INTEGER_OPS if op.costs])
    wires = _names([op.name for op in INTEGER_OPS if not op.costs])
    return "\n".join([*rows, "", f"In the integer graph, with hardware: {hardware}; as wires: {wires}."])


def updated(text: str) -> str:
    """``text`` with the table as it is now.  Raises ValueError where the markers are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """0 unless --check finds the table out of date."""
    text = README.read_text()
    new = updated(text)
    if "--check" in sys.argv[1:]:
        return int(new != text)
    README.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
