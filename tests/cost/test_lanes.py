"""What works lane by lane, and products over positions and groups: estimates beside what Yosys makes of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import pytest

from hwgen.cost.area import Area, Target
from hwgen.cost.lanes import eltwise_cost, reduce_cost
from hwgen.cost.matvec import matvec_cost
from hwgen.dataflow.unit import Memory, MemoryField, Unit, memory_style, tree_ranks
from tests.cost.tops import Port, hold_to_yosys

COSTS: Final[Mapping[str, Callable[[Unit, Target], Area]]] = {
    "hg_reduce": reduce_cost, "hg_eltwise": eltwise_cost, "hg_matvec": matvec_cost,
}
MAXIMUM, SUM, WEIGHTED = range(3)
ADD, MULTIPLY, MINIMUM = range(3)
INTEGER_WEIGHT, BIPOLAR_WEIGHT, TERNARY_WEIGHT = range(3)


def random_weights(depth: int, fields: int, bits: int, kind: int) -> Memory:
    """Codes from a fixed seed: a memory's LUTs depend on what is in it."""
    random, codes = Random(5), (0, 1, 3) if kind == TERNARY_WEIGHT else range(1 << bits)
    made = (np.array([random.choice(codes) for _ in range(depth)]) for _ in range(fields))
    return Memory("WeightFile", tuple(MemoryField(values, bits) for values in made))


def reduction(kind: int, lanes: int, width: int, taps: int, out: int, *, signed: int = 0, blocks: int = 1, **weights: int) -> Unit:
    """hg_reduce.  weights: XKind, WWidth and WKind of a weighted sum."""
    parameters = {"Lanes": lanes, "Width": width, "Signed": signed, "Kind": kind, "Taps": taps, "Blocks": blocks, "OutWidth": out}
    if kind != WEIGHTED:
        return Unit("hg_reduce", tuple(parameters.items()), (), lanes, lanes, taps, 1, 1)
    style = memory_style(blocks * taps, lanes * weights["WWidth"])
    memory = random_weights(blocks * taps, lanes, weights["WWidth"], weights["WKind"])
    parameters |= weights | {"RomStyle": int(style)}
    return Unit("hg_reduce", tuple(parameters.items()), (memory,), lanes, lanes, taps, 1, style.latency_cycles + 2)


def combination(kind: int, lanes: int, a: tuple[int, int], b: tuple[int, int], out: int, **constants: int) -> Unit:
    """hg_eltwise.  a, b: width, and 1 where signed."""
    parameters = {
        "Lanes": lanes, "AWidth": a[0], "ASigned": a[1], "BWidth": b[0], "BSigned": b[1], "Kind": kind, "OutWidth": out,
        "AMul": 1, "AOff": 0, "BMul": 1, "BOff": 0,
    }
    return Unit("hg_eltwise", tuple((parameters | constants).items()), (), lanes, lanes, 1, 1, 2)


def product(channels: int, outputs: int, in_lanes: int, out_lanes: int, positions: int, groups: int, **codes: int) -> Unit:
    """hg_matvec.  channels: of one position.  codes: XWidth, XKind, WWidth, WKind and AccWidth."""
    in_blocks, out_blocks = -(-channels // in_lanes), -(-outputs // out_lanes)
    depth, fields = groups * positions * in_blocks * out_blocks, in_lanes * out_lanes
    style = memory_style(depth, fields * codes["WWidth"])
    parameters = {
        "In": channels, "Out": outputs, "InLanes": in_lanes, "OutLanes": out_lanes, "HasBias": 0, "RomStyle": int(style),
        "TreeLevelsPerStage": 2, "Positions": positions, "Groups": groups,
    }
    memory = random_weights(depth, fields, codes["WWidth"], codes["WKind"])
    latency = style.latency_cycles + tree_ranks(in_lanes) + 2
    return Unit("hg_matvec", tuple((parameters | codes).items()), (memory,), in_lanes, out_lanes, 1, 1, latency)


UNITS: Final = (
    reduction(MAXIMUM, 4, 8, 9, 8),
    reduction(MAXIMUM, 1, 16, 49, 16, signed=1),
    reduction(SUM, 3, 6, 49, 12, signed=1),
    reduction(WEIGHTED, 2, 8, 9, 20, blocks=8, XKind=0, WWidth=8, WKind=INTEGER_WEIGHT),
    reduction(WEIGHTED, 4, 8, 9, 20, blocks=32, XKind=0, WWidth=8, WKind=INTEGER_WEIGHT),
    reduction(WEIGHTED, 3, 5, 9, 9, blocks=2, XKind=1, WWidth=1, WKind=BIPOLAR_WEIGHT),
    reduction(WEIGHTED, 3, 5, 9, 9, blocks=2, XKind=0, WWidth=2, WKind=TERNARY_WEIGHT),
    combination(ADD, 4, (8, 1), (8, 1), 9),
    combination(ADD, 2, (8, 1), (8, 1), 12, AMul=3, AOff=-40, BMul=-5, BOff=17),
    combination(ADD, 1, (8, 0), (6, 1), 20, AMul=1234, AOff=5678, BMul=-321, BOff=-999),
    combination(MULTIPLY, 2, (8, 0), (8, 1), 16),
    combination(MINIMUM, 3, (8, 1), (8, 0), 9, AMul=2, BOff=-7),
    product(7, 4, 2, 2, 9, 2, XWidth=4, XKind=0, WWidth=4, WKind=INTEGER_WEIGHT, AccWidth=18),
    product(5, 3, 2, 3, 9, 4, XWidth=8, XKind=1, WWidth=2, WKind=TERNARY_WEIGHT, AccWidth=16),
)


def ports(unit: Unit) -> list[Port]:
    """All but clock and reset."""
    p = dict(unit.parameters)
    in_bits = p["Lanes"] * (p["AWidth"] + p["BWidth"]) if "AWidth" in p else unit.in_lanes * p.get("XWidth", p.get("Width", 0))
    out_bits = unit.out_lanes * p.get("AccWidth", p.get("OutWidth", 0))
    stream = [("in_valid_i", 1, True), ("in_data_i", in_bits, True), ("out_valid_o", 1, False), ("out_data_o", out_bits, False)]
    room = [("room_i", 1, True), ("in_ready_o", 1, False), ("reserve_o", 1, False)]
    return stream + (room if unit.module == "hg_matvec" else [])


@pytest.mark.slow
@pytest.mark.parametrize("target", [Target.ECP5, Target.XCUP])
def test_estimates_are_of_the_right_size_and_exact_in_blocks(target: Target, tmp_path: Path) -> None:
    hold_to_yosys(UNITS, ports, COSTS, target, tmp_path, ffs_within=0.03)


@pytest.mark.parametrize("target", Target)
def test_one_tap_needs_no_logic(target: Target) -> None:
    assert reduce_cost(reduction(MAXIMUM, 3, 8, 1, 8), target) == Area(ffs=25)
    assert reduce_cost(reduction(SUM, 3, 8, 1, 8), target) == Area(ffs=25)


@pytest.mark.parametrize("target", Target)
def test_factors_that_are_powers_of_two_are_wires(target: Target) -> None:
    plain, shifted = combination(ADD, 3, (8, 1), (8, 1), 9), combination(ADD, 3, (8, 1), (8, 1), 12, AMul=8, BMul=8)
    assert eltwise_cost(shifted, target) == eltwise_cost(plain, target)


@pytest.mark.parametrize("target", Target)
def test_more_lanes_taps_and_positions_never_cost_less(target: Target) -> None:
    codes = {"XWidth": 8, "XKind": 1, "WWidth": 1, "WKind": BIPOLAR_WEIGHT, "AccWidth": 20}
    for few, many in (
        (reduction(MAXIMUM, 2, 8, 9, 8), reduction(MAXIMUM, 4, 8, 30, 8)),
        (combination(MULTIPLY, 1, (8, 0), (8, 1), 16), combination(MULTIPLY, 5, (8, 0), (8, 1), 16)),
        (product(5, 2, 2, 2, 1, 1, **codes), product(5, 2, 2, 2, 9, 1, **codes)),
        (product(5, 2, 2, 2, 9, 1, **codes), product(5, 2, 2, 2, 9, 3, **codes)),
    ):
        less, more = (COSTS[unit.module](unit, target) for unit in (few, many))
        assert less.luts < more.luts or less.dsps < more.dsps, f"{few.parameters}: {less}, {many.parameters}: {more}"
        assert less.ffs <= more.ffs and less.dsps <= more.dsps
