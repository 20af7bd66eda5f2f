"""Lines by range of the input: the estimate beside what Yosys makes of the template."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest

from hwgen.cost.area import Target
from hwgen.cost.requant import pieces_cost, scale_cost
from hwgen.dataflow.unit import Memory, Parallelism, Unit
from hwgen.formats import Integer
from hwgen.numerics.interval import Interval
from hwgen.numerics.parts import monotone_parts
from hwgen.numerics.pieces import find_pieces
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.scalar_map import Chain, ClampedAffine, Levels
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.record import make
from hwgen.ops.requant_pieces import REQUANT_PIECES
from hwgen.ops.requantize import requantizer_node
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.synth.cells import area_of
from hwgen.synth.mapping import map_sources
from tests.cost.tops import Port, write_sources


def leaky(bits: int, channels: int, lanes: int, *, slope: Fraction = Fraction(13, 128), high: int | None = None) -> Unit:
    """Of an accumulator of ``bits`` bits to 8; channels: with biases of their own.  high: of clamps that differ by channel."""
    domain, below = Interval(-(1 << bits - 1), (1 << bits - 1) - 1), Chain((ClampedAffine(Surd.of(slope)),))
    parts, random = [], Random(5)
    for channel in range(channels):
        gain, bias = Fraction(random.randint(1000, 3000), 1 << bits + 4), Fraction(random.randint(-9999, 9999), 1000)
        chain = Chain((ClampedAffine(Surd.of(gain), Surd.of(bias)),)).chosen(ZERO, below, Chain())
        chain = chain if high is None else chain.clamped(None, Surd.of(high + channel % 3))
        parts.append(monotone_parts(chain, domain, where="test"))
    found = find_pieces(parts, Levels(-128, 127, Rounding.HALF_EVEN))
    assert found is not None, "leaky ReLUs have lines"
    op, attrs = requantizer_node(found, Integer(-128, 127))
    value = make(INPUT, InputAttrs((1, max(channels, lanes)), Integer(domain.low, domain.high)), [], "x", "x").output
    (unit,) = REQUANT_PIECES.units(make(REQUANT_PIECES, attrs, [value], "y", op), Parallelism(lanes, lanes))
    return replace(unit, memories=tuple(unsigned(m) for m in unit.memories))


def unsigned(memory: Memory) -> Memory:
    """Two's complement as bits."""
    fields = (replace(f, values=np.array([int(v) & (1 << f.bits) - 1 for v in f.values], dtype=object)) for f in memory.fields)
    return Memory(memory.parameter, tuple(fields))


UNITS = (leaky(20, 1, 4), leaky(12, 1, 2), leaky(20, 64, 2), leaky(26, 256, 1), leaky(16, 24, 3, high=40))


def ports(unit: Unit) -> list[Port]:
    """All but clock and reset."""
    p = dict(unit.parameters)
    given = [("in_valid_i", 1, True), ("in_data_i", p["Lanes"] * p["InWidth"], True)]
    return [*given, ("out_valid_o", 1, False), ("out_data_o", p["Lanes"] * p["OutWidth"], False)]


@pytest.mark.slow
@pytest.mark.parametrize("target", [Target.ECP5, Target.XCUP])
def test_estimates_are_of_the_right_size(target: Target, tmp_path: Path) -> None:
    netlist = map_sources(tmp_path, write_sources(UNITS, ports, tmp_path), "top", target)
    for k, unit in enumerate(UNITS):
        seen, guess = area_of(netlist.cells[f"unit{k}"], target), pieces_cost(unit, target)
        said = f"{unit.parameters}: {guess} for {seen}"
        assert guess.dsps == seen.dsps and abs(guess.brams - seen.brams) <= 2, said
        assert guess.luts <= 1.6 * seen.luts and seen.luts <= 1.6 * guess.luts, said
        assert abs(guess.ffs - seen.ffs) <= 0.3 * seen.ffs, said


@pytest.mark.parametrize("target", Target)
def test_a_second_line_costs_a_comparison_and_a_choice_but_no_multiplier(target: Target) -> None:
    for unit in UNITS:
        alone, bent = scale_cost(unit, target), pieces_cost(unit, target)
        assert alone.luts < bent.luts and alone.dsps == bent.dsps
