"""Rounding modes against QONNX's own rounding functions, hand-made tables and each other."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, trunc
from random import Random

import numpy as np
import pytest

from hwgen.numerics.rounding import Rounding, level_boundary, round_float, round_fraction

QONNX_NAMES = {
    "ROUND": Rounding.HALF_EVEN, "HALF_EVEN": Rounding.HALF_EVEN, "CEIL": Rounding.CEIL, "FLOOR": Rounding.FLOOR,
    "UP": Rounding.UP, "DOWN": Rounding.DOWN, "HALF_UP": Rounding.HALF_UP, "HALF_DOWN": Rounding.HALF_DOWN,
}

# written by hand from the definitions: value, then the result in the order of MODES
MODES = (
    Rounding.HALF_EVEN, Rounding.FLOOR, Rounding.CEIL, Rounding.DOWN, Rounding.UP, Rounding.HALF_UP, Rounding.HALF_DOWN,
    Rounding.HALF_CEIL,
)
TABLE = [
    ("-5/2", -2, -3, -2, -2, -3, -3, -2, -2),
    ("-7/3", -2, -3, -2, -2, -3, -2, -2, -2),
    ("-2", -2, -2, -2, -2, -2, -2, -2, -2),
    ("-3/2", -2, -2, -1, -1, -2, -2, -1, -1),
    ("-1/2", 0, -1, 0, 0, -1, -1, 0, 0),
    ("-1/9", 0, -1, 0, 0, -1, 0, 0, 0),
    ("0", 0, 0, 0, 0, 0, 0, 0, 0),
    ("1/9", 0, 0, 1, 0, 1, 0, 0, 0),
    ("1/2", 0, 0, 1, 0, 1, 1, 0, 1),
    ("3/2", 2, 1, 2, 1, 2, 2, 1, 2),
    ("8/5", 2, 1, 2, 1, 2, 2, 2, 2),
    ("5/2", 2, 2, 3, 2, 3, 3, 2, 3),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_fraction_rounds_as_written_by_hand(row: tuple[str, int]) -> None:
    assert [round_fraction(Fraction(row[0]), mode) for mode in MODES] == list(row[1:])


@pytest.mark.parametrize("name", QONNX_NAMES)
def test_floats_round_as_qonnx_rounds_them(name: str) -> None:
    quant = pytest.importorskip("qonnx.custom_op.general.quant", reason="qonnx is not installed")
    values = np.arange(-40, 41, dtype=np.float32) / 8
    theirs = quant.resolve_rounding_mode(name)(values)
    assert np.array_equal(round_float(values, QONNX_NAMES[name]), theirs)
    assert [round_fraction(Fraction(float(v)), QONNX_NAMES[name]) for v in values] == [int(v) for v in theirs]


def test_plain_modes_equal_the_functions_of_the_standard_library(random: Random) -> None:
    for _ in range(500):
        value = Fraction(random.randint(-(10**12), 10**12), random.choice((1, 2, 3, 7, 1 << 20, 10**9)))
        assert round_fraction(value, Rounding.HALF_EVEN) == round(value)
        assert round_fraction(value, Rounding.FLOOR) == floor(value)
        assert round_fraction(value, Rounding.CEIL) == ceil(value)
        assert round_fraction(value, Rounding.DOWN) == trunc(value)


@pytest.mark.parametrize("mode", Rounding)
def test_boundary_of_a_level_is_where_rounding_first_reaches_it(mode: Rounding) -> None:
    for level in range(-4, 5):
        boundary, inclusive = level_boundary(level, mode)
        tiny = Fraction(1, 10**9)
        assert round_fraction(boundary + tiny, mode) >= level
        assert round_fraction(boundary - tiny, mode) < level
        assert (round_fraction(boundary, mode) >= level) == inclusive, f"level {level} of {mode}"


@pytest.mark.parametrize("mode", Rounding)
def test_floats_and_fractions_round_alike_on_quarters(mode: Rounding) -> None:
    values = np.arange(-64, 65) / 4
    expected = [round_fraction(Fraction(float(v)), mode) for v in values]
    assert round_float(values, mode).astype(int).tolist() == expected
