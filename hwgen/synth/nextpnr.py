"""Place and route on an ECP5 by nextpnr: the clock that the design reaches, and the path that limits it.

The device is an LFE5U-85F of speed grade 6, the slowest. The design is routed without pins (``--out-of-context``): thousands of
stream bits need no package, and the clock is that from register to register.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hwgen.cost.area import Target
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.synth.mapping import NETLIST_JSON, Netlist, map_sources, stage_of_module
from hwgen.synth.record import PathStep, Timing, Used
from hwgen.synth.tools import find_nextpnr, run_tool

DEVICE: Final = "LFE5U-85F-6CABGA381"
OUTSIDE: Final = "outside the layers"
_REPORT: Final = "report.json"
_DEVICE_OPTIONS: Final = ("--85k", "--speed", "6", "--package", "CABGA381")
_TARGET_MHZ: Final = "400"
"""More than the device can do: nextpnr then works at every path."""

_KINDS: Final = {
    "TRELLIS_FF": "register", "LUT4": "lut", "CCU2C": "carry", "PFUMX": "lut", "L6MUX21": "lut", "MULT18X18D": "multiplier",
    "DP16KD": "block memory", "TRELLIS_DPR16X4": "lut memory",
}
_CELL: Final = re.compile(rf"_({'|'.join(_KINDS)})(?=_|$)")
_INSTANCE: Final = re.compile(r"u_(?:[sc]\d+_)?(\w+)")
_BRANCH: Final = re.compile(r"f\d+(?:_b(\d+))?")


def check_routable(target: Target) -> None:
    """Raises HwgenError for a family that is not placed and routed here."""
    if target is not Target.ECP5:
        raise HwgenError("no-pnr", f"target {target}", "cannot be placed and routed here", "use --target ecp5 for that")


def route(folder: Path, sources: Sequence[str], top: str, *, seed: int = 0) -> Timing:
    """Synthesizes, places and routes any design of one clock.  sources: named relative to ``folder``, which is written to.

    Raises HwgenFailure where a tool stops, the design does not fit, or has no path from register to register.
    """
    return route_netlist(map_sources(folder, sources, top, Target.ECP5), seed=seed)


def route_netlist(netlist: Netlist, stages: Sequence[str] = (), *, seed: int = 0) -> Timing:
    """Places and routes a netlist.  stages: paths of the layers, to name the critical path by.  The seed decides all."""
    check_routable(netlist.target)
    arguments = [
        "-q", "--json", NETLIST_JSON, *_DEVICE_OPTIONS, "--out-of-context", "--timing-allow-fail", "--freq", _TARGET_MHZ,
        "--seed", str(seed), "--report", _REPORT,
    ]
    fix = f"choose less parallelism if the design is too large for the {DEVICE}"
    run_tool(find_nextpnr(), arguments, netlist.folder, f"place and route of {netlist.top}", fix)
    return read_report(json.loads((netlist.folder / _REPORT).read_bytes()), netlist.top, stages)


def read_report(report: dict[str, Any], top: str, stages: Sequence[str] = ()) -> Timing:
    """The timing in nextpnr's report of a design of one clock.  Raises HwgenFailure where it holds none."""
    clocks = report["fmax"]
    paths = [p for p in report["critical_paths"] if p["from"].startswith("posedge") and p["to"] == p["from"]]
    if len(clocks) != 1 or len(paths) != 1:
        raise HwgenFailure(
            "no-clock", f"timing of {top}", f"{len(clocks)} clocks, {len(paths)} paths from register to register",
            "route a design of one clock that holds such paths",
        )
    used = (Used(kind=k, used=u["used"], available=u["available"]) for k, u in sorted(report["utilization"].items()))
    return Timing(
        device=DEVICE, fmax_mhz=round(next(iter(clocks.values()))["achieved"], 2), used=tuple(u for u in used if u.used),
        critical_path=_steps(paths[0]["path"], stages),
    )


def _steps(hops: Sequence[dict[str, Any]], stages: Sequence[str]) -> tuple[PathStep, ...]:
    """Each cell with the delay through it and that of the wire to it; neighbours of one name as one."""
    steps: list[PathStep] = []
    wire = 0.0
    for hop in hops:
        if hop["type"] == "routing":
            wire += hop["delay"]
            continue
        stage, cell = name_cell(hop["to"]["cell"], stages)
        delay = hop["delay"] + wire
        if steps and (steps[-1].stage, steps[-1].cell) == (stage, cell):
            delay += steps.pop().delay_ns
        steps.append(PathStep(stage=stage, cell=cell, delay_ns=round(delay, 3)))
        wire = 0.0
    return tuple(steps)


def name_cell(name: str, stages: Sequence[str]) -> tuple[str, str]:
    """The layer that a flattened cell lies in, and what it is: ("fc1", "matvec.products.product_o multiplier").

    Yosys names a cell by the instances around it and a chain that begins with a signal: ``count_TRELLIS_FF_Q_3_DI_LUT4_Z`` is the
    LUT whose Z drives DI of the fourth register of ``count``.
    """
    first, _, inside = name.partition(".")
    stage = stage_of_module(first)
    *instances, chain = (name if stage is None else inside).split("$", 1)[0].split(".")
    cells = list(_CELL.finditer(chain))
    words = [_branch(m[1]) for i in instances if (m := _INSTANCE.fullmatch(i))]
    words.append(chain[: cells[0].start()] if cells else chain)
    kind = f" {_KINDS[cells[-1][1]]}" if cells else ""
    place = OUTSIDE if stage is None else stages[stage] if stage < len(stages) else first
    return place, ".".join(words) + kind


def _branch(instance: str) -> str:
    """A fork or the FIFO of a branch in words; any other name as it is."""
    match = _BRANCH.fullmatch(instance)
    return instance if match is None else "fork" if match[1] is None else f"branch{match[1]}"
