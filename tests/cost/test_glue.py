"""Estimates of what branches and FIFOs need, against what Yosys counts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES
from hwgen.cost.glue import credit_fifo, stream_fifo, stream_fork
from hwgen.dataflow.unit import Unit, memory_style
from hwgen.synth.cells import area_of
from hwgen.synth.mapping import map_sources
from tests.cost.tops import Port, write_sources


def unit(module: str, **parameters: int) -> Unit:
    return Unit(module, tuple(parameters.items()), (), 1, 1, 1, 1)


def fifo(module: str, width: int, depth: int) -> Unit:
    """As it stands in a design: in block memory where it is deep."""
    return unit(module, Width=width, Depth=depth, RamStyle=int(memory_style(depth, width)))


UNITS: Final = (
    *(unit("hg_stream_fork", Width=8, Outputs=n) for n in (2, 3, 4)),
    *(fifo("hg_stream_fifo", w, d) for w, d in ((8, 1), (8, 2), (16, 5), (32, 16), (12, 40), (8, 300))),
    *(fifo("hg_stream_fifo", w, d) for w, d in ((8, 512), (40, 130), (16, 9000))),
    fifo("hg_credit_fifo", 24, 700),
)
COSTS: Final = {"hg_stream_fifo": stream_fifo, "hg_credit_fifo": credit_fifo}


def guess(made: Unit, target: Target) -> Area:
    p, family = dict(made.parameters), FAMILIES[target]
    return stream_fork(p["Outputs"], family) if "Outputs" in p else COSTS[made.module](p["Width"], p["Depth"], family)


def ports(made: Unit) -> list[Port]:
    """All but clock and reset."""
    p = dict(made.parameters)
    outputs = p.get("Outputs", 1)
    room = [("room_o", 1, False), ("reserve_i", 1, True)] if made.module == "hg_credit_fifo" else [("in_ready_o", 1, False)]
    return [
        *room, ("in_valid_i", 1, True), ("in_data_i", p["Width"], True), ("out_valid_o", outputs, False),
        ("out_ready_i", outputs, True), ("out_data_o", outputs * p["Width"], False),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("target", Target)
def test_glue_costs_about_what_yosys_counts(target: Target, tmp_path: Path) -> None:
    netlist = map_sources(tmp_path, write_sources(UNITS, ports, tmp_path), "top", target)
    for k, made in enumerate(UNITS):
        seen, expected = area_of(netlist.cells[f"unit{k}"], target), guess(made, target)
        said = f"{made.module} {made.parameters}: {expected} for {seen}"
        assert (expected.dsps, expected.brams) == (seen.dsps, seen.brams), said
        near = 0.5 if seen.brams else 0.25  # blocks behind one another take a multiplexer, of which less is known
        assert abs(expected.luts - seen.luts) <= max(4, near * seen.luts), said
        assert abs(expected.ffs - seen.ffs) <= max(1, 0.15 * seen.ffs), said
