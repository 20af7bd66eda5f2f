"""The mapped netlist, simulated beside the reference: what synthesis made is still the network, bit for bit.

Cells behave as Yosys's own models say; for those that it knows only by their pins (multipliers, block memories) stand ours in
``models/``, which know the modes that our designs use and stop at any other.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from hwgen.cost.area import Target
from hwgen.errors import HwgenFailure
from hwgen.rtl.build_directory import Build
from hwgen.sim.compare import differing
from hwgen.sim.native_runner import FULL_RATE, STALLS, compile_native
from hwgen.sim.reference import reference
from hwgen.sim.samples import draw
from hwgen.sim.trials import idle_limit
from hwgen.synth.cells import SCOPE
from hwgen.synth.mapping import NETLIST_VERILOG, Netlist
from hwgen.synth.record import NetlistRun
from hwgen.synth.tools import yosys_share

MODELS: Final = Path(__file__).parent / "models"
_CELLS: Final = "cells.v"
_OURS: Final = {Target.ECP5: ("ecp5.v",), Target.XCUP: ("xilinx.v",), Target.XC7: ("xilinx.v",), Target.ICE40: ()}
_YOSYS: Final = {
    Target.ECP5: ("lattice/common_sim.vh", "lattice/ccu2c_sim.vh"), Target.XCUP: ("xilinx/cells_sim.v",),
    Target.XC7: ("xilinx/cells_sim.v",), Target.ICE40: ("ice40/cells_sim.v",),
}
_MODULE: Final = re.compile(r"^module\s+(\w+).*?^endmodule\b", re.MULTILINE | re.DOTALL)
_DIRECTIVE: Final = re.compile(r"^`(?:define|ifdef|ifndef|else|endif)\b.*$", re.MULTILINE)
_SPECIFY: Final = re.compile(r"^\s*specify\b.*?^\s*endspecify\b", re.MULTILINE | re.DOTALL)
_INSTANCE: Final = re.compile(r"^\s*(\w+)\s+(?:#\s*\(|\w+\s*\()", re.MULTILINE)
_VERILATOR_FLAGS: Final = (
    "-Wno-lint", "-Wno-style", "-Wno-UNOPTFLAT", "-Wno-INITIALDLY", "-Wno-COMBDLY", "-Wno-SPECIFYIGN", "-Wno-TIMESCALEMOD",
    "-Wno-MULTIDRIVEN",
)
"""What a netlist and the vendors' ways of writing cells give rise to; an unknown pin or parameter stays an error."""


def _modules(text: str) -> dict[str, str]:
    return {match[1]: _SPECIFY.sub("", match[0]) for match in _MODULE.finditer(text)}


def cell_models(target: Target, cells: set[str]) -> str:
    """Verilog of the cells, and of what they are made of.  Raises HwgenFailure for one that nobody models."""
    known: dict[str, str] = {}
    header: list[str] = []
    for file in _YOSYS[target]:
        text = (yosys_share() / file).read_text()
        known |= _modules(text)
        header += _DIRECTIVE.findall(text[: next(_MODULE.finditer(text)).start()])
    for file in _OURS[target]:
        known |= _modules((MODELS / file).read_text())
    wanted, found = sorted(cells), dict[str, str]()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        if name not in known:
            raise HwgenFailure("no-cell-model", f"netlist for {target}", f"no model of cell {name!r}", "leave out --netlist-sim")
        found[name] = known[name]
        wanted += [inner for inner in _INSTANCE.findall(known[name]) if inner in known and inner != name]
    return "\n".join([*header, *(found[name] for name in sorted(found))]) + "\n"


def simulate_netlist(build: Build, netlist: Netlist, samples: int, seed: int) -> NetlistRun:
    """Streams random samples through the netlist of a build, at full rate and under stalls, and counts those that differ.

    Raises HwgenFailure where a cell, or the way it is used, is not modelled.
    """
    flow, folder = build.flow, netlist.folder
    codes = draw(flow, samples, seed)
    wanted = reference(build.graph, flow, codes)
    cells = {kind for module in netlist.cells.values() for kind in module if kind not in netlist.cells}
    (folder / _CELLS).write_text("`timescale 1ns/1ps\n" + cell_models(netlist.target, cells - {SCOPE}))
    sources = [folder / _CELLS, folder / NETLIST_VERILOG]
    model = compile_native(sources, folder, flow, program=folder / "program", flags=_VERILATOR_FLAGS)
    wrong = np.zeros(samples, dtype=bool)
    for traffic in (FULL_RATE, STALLS):
        recording = model.run(wanted.inputs, seed=seed, traffic=traffic, cycles_hint=10 * idle_limit(flow))
        wrong |= differing(recording, wanted.outputs, flow)[0]
    return NetlistRun(samples=samples, mismatches=int(wrong.sum()))
