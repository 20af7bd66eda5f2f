"""Estimates of what branches need, against what Yosys counts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES
from hwgen.cost.glue import stream_fifo, stream_fork
from hwgen.dataflow.unit import Unit
from hwgen.synth.cells import area_of
from hwgen.synth.mapping import map_sources
from tests.cost.tops import Port, write_sources


def unit(module: str, **parameters: int) -> Unit:
    return Unit(module, tuple(parameters.items()), (), 1, 1, 1, 1)


UNITS: Final = (
    *(unit("hg_stream_fork", Width=8, Outputs=n) for n in (2, 3, 4)),
    *(unit("hg_stream_fifo", Width=w, Depth=d) for w, d in ((8, 1), (8, 2), (16, 5), (32, 16), (12, 40), (8, 300))),
)


def guess(made: Unit, target: Target) -> Area:
    p, family = dict(made.parameters), FAMILIES[target]
    return stream_fork(p["Outputs"], family) if "Outputs" in p else stream_fifo(p["Width"], p["Depth"], family)


def ports(made: Unit) -> list[Port]:
    """All but clock and reset."""
    p = dict(made.parameters)
    outputs = p.get("Outputs", 1)
    return [
        ("in_valid_i", 1, True), ("in_ready_o", 1, False), ("in_data_i", p["Width"], True), ("out_valid_o", outputs, False),
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
        assert abs(expected.luts - seen.luts) <= max(4, 0.25 * seen.luts), said
        assert abs(expected.ffs - seen.ffs) <= max(1, 0.15 * seen.ffs), said
