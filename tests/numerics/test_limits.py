"""Where exact arithmetic ends: the last case that is accepted and the first that is refused; and what the forms cost."""

from __future__ import annotations

from fractions import Fraction
from math import exp, isqrt, tanh

import numpy as np
import pytest
from flint import ctx

from hwgen.errors import HwgenError
from hwgen.numerics.functions import FUNCTIONS, certified_compare
from hwgen.numerics.interval import Interval, accumulator_bounds
from hwgen.numerics.requantize import TableMap, find_requantizer, scale_shift_cost, table_cost, thresholds_cost
from hwgen.numerics.rounding import Rounding, round_fraction
from hwgen.numerics.scalar_map import Chain, ClampedAffine, Levels
from hwgen.numerics.scale_shift import ScaleShift, find_scale_shift, rational_line
from hwgen.numerics.surd import ZERO, Surd
from hwgen.numerics.thresholds import Thresholds, find_thresholds

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59)


def roots(count: int) -> Surd:
    total = ZERO
    for prime in PRIMES[:count]:
        total = total + Surd.sqrt(Fraction(prime))
    return total


def test_sums_of_sixteen_roots_are_exact_and_longer_ones_refused() -> None:
    assert len(roots(16).terms) == 16
    with pytest.raises(HwgenError, match="more than 16 square roots"):
        roots(17)


def test_numbers_of_16384_bits_are_exact_and_longer_ones_refused() -> None:
    longest = (1 << 16384) - 1
    for value in (Fraction(longest), Fraction(-longest), Fraction(1, longest)):
        assert Surd.of(value).rational == value
    for value in (Fraction(longest + 1), Fraction(1, longest + 1)):
        with pytest.raises(HwgenError, match="more than 16384 bits"):
            Surd.of(value)
    root = Surd.sqrt(Fraction(2))
    with pytest.raises(HwgenError, match="more than 16384 bits"):
        Surd.of(longest) * root + Surd.of(longest) * root


def test_order_of_a_function_and_a_number_is_minus_one_zero_or_one() -> None:
    before = ctx.prec
    for target, order in ((Fraction(-1), 1), (Fraction(0), 0), (Fraction(1, 10**60), -1), (Fraction(3), -1)):
        assert certified_compare(lambda exact: exact(Surd.of(5)).tanh() * exact(ZERO), target) == order
    assert certified_compare(lambda exact: exact(Surd.sqrt(Fraction(2))), Fraction(141421356237309504880, 10**20)) == 1
    with pytest.raises(HwgenError, match=r"not told apart from 2 with 4096 bits"):
        certified_compare(lambda exact: exact(Surd.sqrt(Fraction(2))) * exact(Surd.sqrt(Fraction(2))), Fraction(2))
    assert ctx.prec == before, "the precision of others stays what it was"


def test_float_forms_of_functions_are_the_functions() -> None:
    values = np.array([-700.0, -30.0, -1.5, -0.0, 0.0, 0.25, 2.0, 40.0, 700.0])
    sigmoid, hyperbolic = (FUNCTIONS[name].array(values) for name in ("sigmoid", "tanh"))
    np.testing.assert_allclose(sigmoid, [1 / (1 + exp(-v)) for v in values], rtol=1e-15, atol=1e-16)
    np.testing.assert_allclose(hyperbolic, [tanh(v) for v in values], rtol=1e-15)


def test_sums_of_62_bits_are_bounded_and_longer_ones_refused() -> None:
    def bounds(weight: int, columns: int, high: int, bias: int | None = None) -> tuple[int, int]:
        own = None if bias is None else np.array([bias])
        low, top = accumulator_bounds(np.full((1, columns), weight, dtype=np.int64), Interval(0, high), own)
        return int(low[0]), int(top[0])

    last = (1 << 62) - 1
    assert bounds(1, 1, last) == (0, last) and bounds(-1, 1, last) == (-last, 0)
    assert bounds(1, 1, last - 5, 5) == (5, last) and bounds(3, 1, last // 3) == (0, last // 3 * 3)
    assert bounds(last, 1, 1) == (0, last)
    for weight, columns, high, bias in ((1, 1, last + 1, None), (1, 1, last - 5, 6), (last, 2, 0, None), (1 << 61, 2, 1, None)):
        with pytest.raises(HwgenError, match="62 bits"):
            bounds(weight, columns, high, bias)


def function(levels: int, bits: int) -> tuple[Chain, Interval, Levels]:
    """tanh of a code of ``bits`` bits, to ``levels`` steps."""
    gain = Surd.of(Fraction(8, 1 << bits))
    chain = Chain((ClampedAffine(gain),)).applied("tanh").scaled(Surd.of(Fraction(levels, 2)), Surd.of(Fraction(levels, 2)))
    return chain, Interval(-(1 << bits - 1), (1 << bits - 1) - 1), Levels(0, levels, Rounding.FLOOR)


def test_wide_codes_of_a_function_take_255_thresholds_and_no_more() -> None:
    chain, domain, levels = function(255, 18)
    found = find_requantizer([chain], [domain], levels, where="here")
    assert isinstance(found, Thresholds) and len(found.rows[0]) == 255
    chain, domain, levels = function(256, 18)
    with pytest.raises(HwgenError, match=r"257 output levels .* from 19 bits"):
        find_requantizer([chain], [domain], levels, where="here")


def test_a_table_has_16_bits_of_address_and_no_more() -> None:
    chain, domain, levels = function(300, 16)
    found = find_requantizer([chain], [domain], levels, where="here")
    assert isinstance(found, TableMap) and (found.low, len(found.values)) == (-(1 << 15), 1 << 16)
    assert list(found.values) == sorted(found.values) and found.values[1 << 15] == 150
    with pytest.raises(HwgenError, match="301 output levels"):
        find_requantizer([chain], [Interval(domain.low, domain.high + 1)], levels, where="here")


def test_wrapping_has_neither_thresholds_nor_a_table() -> None:
    chain, domain, levels = function(3, 4)
    with pytest.raises(HwgenError, match="no exact scale and shift"):
        find_requantizer([chain], [domain], Levels(0, 3, levels.rounding, wrap=True), where="here")


def test_costs_are_those_counted_by_hand() -> None:
    # 3 comparators of half a LUT a bit, and 1 to count each; 64 words of 4 bits are 4 LUTs
    assert thresholds_cost(Levels(0, 3, Rounding.FLOOR), 10) == 18
    assert table_cost(6, Levels(0, 15, Rounding.FLOOR)) == 4
    # 8 x 3 partial products, a sum of 11 bits for each offset, a clip of 4 bits on two sides
    assert scale_shift_cost(ScaleShift((3,), ((5,),), 2, 0, 15), 8) == 24 + 11 + 8
    assert scale_shift_cost(ScaleShift((1, -3), ((5, 6), (7, 8)), 2, 0, 15), 8) == 24 + 22 + 8
    assert scale_shift_cost(ScaleShift((1, 1), ((5,), (6,)), 2, -8, 7), 8) == 8 + 8, "a shift alone multiplies nothing"


@pytest.mark.parametrize(
    ("gain", "levels", "bits", "form"),
    [
        (Fraction(1, 2), Levels(0, 1, Rounding.FLOOR), 20, Thresholds),
        (Fraction(1, 2), Levels(-128, 127, Rounding.FLOOR), 20, ScaleShift),
        (Fraction(5, 7), Levels(-128, 127, Rounding.HALF_EVEN), 16, ScaleShift),
        (Fraction(5, 7), Levels(-8, 7, Rounding.HALF_EVEN), 4, TableMap),
    ],
)
def test_the_cheapest_form_is_taken(gain: Fraction, levels: Levels, bits: int, form: type) -> None:
    half = 1 << bits - 1
    found = find_requantizer([Chain((ClampedAffine(Surd.of(gain)),))], [Interval(-half, half - 1)], levels, where="here")
    assert isinstance(found, form)


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("sign", [1, -1])
def test_every_rounding_has_a_scale_and_shift_where_the_sign_does_not_change(rounding: Rounding, sign: int) -> None:
    """Of values of both signs, rounding by magnitude has none: the steps around zero have another length."""
    gain = Fraction(3, 8) * sign
    affine, levels, domain = ClampedAffine(Surd.of(gain)), Levels(-64, 63, rounding), Interval(0, 100)
    found = find_scale_shift([affine], [domain], levels)
    assert found is not None, "one sign only"
    for code in range(101):
        wanted = min(max(round_fraction(gain * code, rounding), -64), 63)
        total = sum((code * found.multipliers[0] + b) >> found.shift for b in found.offsets[0])
        assert min(max(total, found.low), found.high) == wanted, f"{rounding} of {gain * code}"
    both = find_scale_shift([affine], [Interval(-100, 100)], levels)
    by_magnitude = (Rounding.UP, Rounding.DOWN, Rounding.HALF_UP, Rounding.HALF_DOWN)
    assert (both is None) == (rounding in by_magnitude)


def test_a_channel_that_hardly_varies_shares_the_multiplier_of_the_others() -> None:
    """One multiplier for all is cheaper than two; 1 needs no multiplier at all."""
    gains = (Fraction(1, 4), Fraction(1, 4), Fraction(3, 4), Fraction(1, 2))
    domains = [Interval(-100, 100), Interval(-100, 100), Interval(5, 5), Interval(0, 1)]
    affines = [ClampedAffine(Surd.of(gain)) for gain in gains]
    found = find_scale_shift(affines, domains, Levels(-64, 63, Rounding.FLOOR))
    assert found is not None, "lines have a scale and shift"
    assert (found.multipliers, found.shift) == ((1, 1, 1, 1), 2)
    for gain, domain, offsets in zip(gains, domains, found.offsets, strict=True):
        for code in range(domain.low, domain.high + 1):
            assert sum((code + b) >> 2 for b in offsets) == code * gain.numerator // gain.denominator
    wide = find_scale_shift(affines[:2] + affines[:1], [Interval(-9, 9)] * 2 + [Interval(0, 3)], Levels(-64, 63, Rounding.FLOOR))
    assert wide is not None and wide.multipliers == (1, 1, 1)


def test_thresholds_of_irrational_lines_meet_whole_numbers_exactly() -> None:
    """sqrt(2) * (a - 3) is a whole number at 3 alone, and there it is a tie of nothing: 0 is reached, or not yet passed."""
    root = Surd.sqrt(Fraction(2))
    for gain, bias in ((root, Surd.of(-3) * root), (-root, Surd.of(3) * root)):
        line = ClampedAffine(gain, bias)
        for rounding in (Rounding.FLOOR, Rounding.CEIL):
            found = find_thresholds([Chain((line,))], [Interval(0, 6)], Levels(-1, 1, rounding))
            for code in range(7):
                side = (code - 3) * (1 if gain == root else -1)
                level = (side > 0) - (side < 0)
                seen = ~code if found.invert[0] else code
                assert found.offset + sum(seen >= t for t in found.rows[0]) == level, f"{rounding} at {code}"


def test_irrational_lines_away_from_steps_are_found_and_round_alike() -> None:
    line = rational_line(ClampedAffine(Surd.sqrt(Fraction(2)), Surd.sqrt(Fraction(3))), Interval(-40, 40))
    assert line is not None
    for code in range(-40, 41):
        # floor(2 * (code * sqrt(2) + sqrt(3))) from integer square roots of a hundred digits
        unit = 10**100
        exact = 2 * ((-1 if code < 0 else 1) * isqrt(2 * code * code * unit * unit) + isqrt(3 * unit * unit)) // unit
        assert 2 * (line.p * code + line.q) // line.d == exact, f"at {code}"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shifted", [False, True])
def test_irrational_lines_have_a_scale_and_shift(sign: int, *, shifted: bool) -> None:
    """a * sqrt(2) / 8, and the same with sqrt(3) added, against integer square roots."""
    gain, bias = Surd.of(Fraction(sign, 8)) * Surd.sqrt(Fraction(2)), Surd.sqrt(Fraction(3)) if shifted else ZERO
    domain = Interval(-300 if shifted else 1, 300)  # not through 0, a whole number that no approximation tells from its neighbours
    found = find_scale_shift([ClampedAffine(gain, bias)], [domain], Levels(-64, 63, Rounding.FLOOR))
    assert found is not None, "no whole number is near enough to be uncertain"
    scale = 10**40
    roots = isqrt(2 * scale**2), isqrt(3 * scale**2) if shifted else 0
    for code in range(domain.low, 301):
        wanted = min(max((sign * code * roots[0] + 8 * roots[1]) // (8 * scale), -64), 63)
        assert min(max((code * found.multipliers[0] + found.offsets[0][0]) >> found.shift, -64), 63) == wanted, f"at {code}"
