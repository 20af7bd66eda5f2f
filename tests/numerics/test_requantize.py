"""Requantizers equal their definition on every reachable accumulator value.

The definition is written here a second time: Python's own `round` of fractions, QONNX's `int_quant`, and mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from random import Random

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from requantizers import run

from hwgen.errors import HwgenError
from hwgen.numerics.interval import Interval
from hwgen.numerics.requantize import TableMap, find_requantizer
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.scalar_map import Chain, ClampedAffine, Levels
from hwgen.numerics.scale_shift import ScaleShift, find_scale_shift
from hwgen.numerics.surd import ZERO, Surd
from hwgen.numerics.thresholds import find_thresholds

IntArray = npt.NDArray[np.int64]

ROUND: dict[Rounding, Callable[[Fraction], int]] = {
    Rounding.HALF_EVEN: round,
    Rounding.FLOOR: floor,
    Rounding.CEIL: ceil,
    Rounding.DOWN: int,
    Rounding.UP: lambda v: ceil(v) if v > 0 else floor(v),
    Rounding.HALF_CEIL: lambda v: floor(v + Fraction(1, 2)),
    Rounding.HALF_UP: lambda v: floor(v + Fraction(1, 2)) if v > 0 else ceil(v - Fraction(1, 2)),
    Rounding.HALF_DOWN: lambda v: ceil(v - Fraction(1, 2)) if v > 0 else floor(v + Fraction(1, 2)),
}


def defined(affine: ClampedAffine, levels: Levels, code: int) -> int:
    """The level of a rational clamped affine map."""
    gain, bias = affine.gain.rational, affine.bias.rational
    assert gain is not None and bias is not None, "a rational map"
    value = gain * code + bias
    for limit, pick in ((affine.low, max), (affine.high, min)):
        if limit is not None:
            bound = limit.rational
            assert bound is not None, "a rational limit"
            value = pick(value, bound)
    level = ROUND[levels.rounding](value)
    if levels.wrap:
        return (level - levels.low) % (levels.high - levels.low + 1) + levels.low
    return min(max(level, levels.low), levels.high)


def random_affine(random: Random) -> ClampedAffine:
    denominator = random.choice((1, 2, 4, 8, 64, 3, 7, 100, 1 << 20, 999983))
    gain = Fraction(random.randint(-40, 40), random.choice((1, 2, 4, 8, 16, 32, denominator)))
    bias = Fraction(random.randint(-200, 200), random.choice((1, 2, 4, denominator)))
    low = Surd.of(random.choice((0, 0, Fraction(-3, 2), -5))) if random.random() < 0.5 else None
    high = Surd.of(random.choice((6, Fraction(13, 2), 100))) if random.random() < 0.3 else None
    return ClampedAffine(Surd.of(gain), Surd.of(bias), low, high)


def random_levels(random: Random, rounding: Rounding) -> Levels:
    bits = random.choice((1, 2, 3, 4, 6))
    half = 1 << (bits - 1)
    return Levels(-half, half - 1, rounding) if random.random() < 0.5 else Levels(0, 2 * half - 1, rounding)


@pytest.mark.parametrize("rounding", Rounding)
def test_every_form_equals_the_definition_on_random_rational_maps(rounding: Rounding, random: Random) -> None:
    forms = 0
    for _ in range(60):
        affine, levels = random_affine(random), random_levels(random, rounding)
        low = random.choice((-150, -9, 0))
        domain = Interval(low, low + random.choice((0, 1, 20, 300)))
        wanted = [defined(affine, levels, a) for a in range(domain.low, domain.high + 1)]
        chain = Chain((affine,))
        solutions = [
            find_scale_shift([affine], [domain], levels),
            find_thresholds([chain], [domain], levels),
            find_requantizer([chain], [domain], levels, where="test"),
        ]
        for found in filter(None, solutions):
            got = [run(found, 0, a) for a in range(domain.low, domain.high + 1)]
            assert got == wanted, f"{type(found).__name__} of {affine}, {levels}, {domain}"
            forms += isinstance(found, ScaleShift)
    if rounding not in (Rounding.UP, Rounding.DOWN, Rounding.HALF_UP, Rounding.HALF_DOWN):
        assert forms >= 60, "a scale and shift is found for (nearly) every map"


@pytest.mark.parametrize("rounding", [Rounding.HALF_EVEN, Rounding.FLOOR, Rounding.HALF_CEIL])
def test_wrapping_results_wrap(rounding: Rounding, random: Random) -> None:
    for _ in range(40):
        gain, bias = Fraction(random.randint(-60, 60), 16), Fraction(random.randint(-60, 60), 8)
        affine, levels = ClampedAffine(Surd.of(gain), Surd.of(bias)), Levels(-8, 7, rounding, wrap=True)
        domain = Interval(-100, 100)
        found = find_requantizer([Chain((affine,))], [domain], levels, where="test")
        assert isinstance(found, ScaleShift), "only a scale and shift can wrap"
        assert [run(found, 0, a) for a in range(-100, 101)] == [defined(affine, levels, a) for a in range(-100, 101)]


def test_channels_share_one_form_and_keep_their_own_functions(random: Random) -> None:
    for _ in range(40):
        affines = [random_affine(random) for _ in range(random.randint(1, 6))]
        affines = [ClampedAffine(a.gain, a.bias, ZERO, None) for a in affines]
        affines.append(affines[0])
        domains = [Interval(-random.randint(0, 90), random.randint(0, 90)) for _ in affines]
        levels = random_levels(random, Rounding.HALF_EVEN)
        chains = [Chain((a,)) for a in affines]
        solutions = [
            find_scale_shift(affines, domains, levels), find_thresholds(chains, domains, levels),
            find_requantizer(chains, domains, levels, where="test"),
        ]
        for found in filter(None, solutions):
            for channel, (affine, domain) in enumerate(zip(affines, domains, strict=True)):
                for code in range(domain.low, domain.high + 1):
                    assert run(found, channel, code) == defined(affine, levels, code), (found, affine, code)


def test_irrational_gains_agree_with_80_digits(random: Random) -> None:
    with mpmath.workdps(80):
        for _ in range(60):
            variance = Fraction(random.randint(1, 10**6), random.randint(1, 10**6))
            top, shift = random.randint(-300, 300), Fraction(random.randint(-90, 90), random.randint(1, 30))
            relu = random.random() < 0.5
            exact_gain = Surd.of(Fraction(top, 50)) * Surd.sqrt(variance).inverse()
            affine = ClampedAffine(exact_gain, Surd.of(shift), ZERO if relu else None)
            levels = random_levels(random, Rounding.HALF_EVEN)
            domain = Interval(-random.randint(0, 120), random.randint(0, 120))
            gain = mpmath.mpf(top) / 50 / mpmath.sqrt(mpmath.mpf(variance.numerator) / variance.denominator)
            wanted = []
            for code in range(domain.low, domain.high + 1):
                value = gain * code + mpmath.mpf(shift.numerator) / shift.denominator
                value = max(value, 0) if relu else value
                # code 0 may be a tie: mpmath's nint rounds half to even, on a value that may be off by 1e-80
                exact = ROUND[Rounding.HALF_EVEN](max(shift, 0) if relu else shift) if code == 0 else int(mpmath.nint(value))
                wanted.append(min(max(exact, levels.low), levels.high))
            chain = Chain((affine,))
            solutions = [
                find_scale_shift([affine], [domain], levels), find_thresholds([chain], [domain], levels),
                find_requantizer([chain], [domain], levels, where="test"),
            ]
            for found in filter(None, solutions):
                got = [run(found, 0, a) for a in range(domain.low, domain.high + 1)]
                assert got == wanted, f"{type(found).__name__} of {affine}, {levels}, {domain}"


def test_zero_gain_is_a_constant() -> None:
    levels = Levels(-8, 7, Rounding.HALF_EVEN)
    for bias in (Fraction(5, 2), Fraction(7, 2), Fraction(-1, 2), Fraction(-100), Fraction(100)):
        affine = ClampedAffine(ZERO, Surd.of(bias))
        for found in (
            find_scale_shift([affine], [Interval(-50, 50)], levels),
            find_thresholds([Chain((affine,))], [Interval(-50, 50)], levels),
            find_requantizer([Chain((affine,))], [Interval(-50, 50)], levels, where="test"),
        ):
            assert found is not None, "a constant has every form"
            assert {run(found, 0, a) for a in range(-50, 51)} == {min(max(round(bias), -8), 7)}


@pytest.mark.parametrize("ratio", [2, 4, 8])
@pytest.mark.parametrize(("bits", "signed", "relu"), [(4, False, True), (4, True, False), (8, True, False), (4, True, True)])
def test_power_of_two_scales_tie_as_qonnx_ties(ratio: int, bits: int, signed: bool, relu: bool) -> None:
    """Where FINN is off by one: the accumulator's scale divides the quantizer's, so every ratio-th value is a tie."""
    intquant = pytest.importorskip("qonnx.custom_op.general.intquant", reason="qonnx is not installed")
    accumulators = np.arange(-700, 701)
    scale = np.float32(0.25)
    for narrow in (False, True):
        for rounding_name, rounding in (("ROUND", Rounding.HALF_EVEN), ("FLOOR", Rounding.FLOOR), ("CEIL", Rounding.CEIL)):
            real = (accumulators * (float(scale) / ratio)).astype(np.float32)
            real = np.maximum(real, 0) if relu else real
            values = intquant.int_quant(real, scale, np.float32(0), np.float32(bits), signed, narrow, rounding_name)
            wanted = np.rint(values / scale).astype(int).tolist()
            low = -(1 << (bits - 1)) + narrow if signed else 0
            high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1 - narrow
            levels = Levels(low, high, rounding)
            affine = ClampedAffine(Surd.of(Fraction(1, ratio)), ZERO, ZERO if relu else None)
            domain, chain = Interval(-700, 700), Chain((affine,))
            for found in (
                find_scale_shift([affine], [domain], levels), find_thresholds([chain], [domain], levels),
                find_requantizer([chain], [domain], levels, where="test"),
            ):
                assert found is not None, "every form exists here"
                assert [run(found, 0, int(a)) for a in accumulators] == wanted, f"{type(found).__name__}, {rounding_name}"


def scale_shift_array(found: ScaleShift, codes: IntArray) -> IntArray:
    products = codes.astype(object) * found.multipliers[0]
    total = sum((products + b) >> found.shift for b in found.offsets[0])
    return np.clip(total, found.low, found.high).astype(np.int64)


def test_whole_range_of_a_wide_accumulator(random: Random) -> None:
    """2**17 values, by integer arithmetic on another route: floor of twice the value and a look at the remainder."""
    codes = np.arange(-(1 << 16), 1 << 16)
    for _ in range(6):
        # an accumulator's scale and a quantizer's, both float32, as a file holds them
        small, large = (Fraction(float(np.float32(random.uniform(lo, hi)))) for lo, hi in ((1e-6, 1e-4), (0.01, 0.1)))
        gain = random.choice((1, -1)) * random.choice((small / large, Fraction(1, 64), Fraction(3, 512)))
        bias = Fraction(random.randint(-1000, 1000), 256)
        n = codes.astype(object) * int(gain.numerator * bias.denominator) + bias.numerator * gain.denominator
        d = gain.denominator * bias.denominator
        nearest = (2 * n + d) // (2 * d)
        tie = (2 * n + d) % (2 * d) == 0
        wanted = np.clip(nearest - (tie & (nearest % 2 == 1)), -128, 127).astype(np.int64)
        affine, domain = ClampedAffine(Surd.of(gain), Surd.of(bias)), Interval(int(codes[0]), int(codes[-1]))
        levels = Levels(-128, 127, Rounding.HALF_EVEN)
        found = find_scale_shift([affine], [domain], levels)
        assert found is not None and np.array_equal(scale_shift_array(found, codes), wanted), f"{gain} {bias}"
        rows = find_thresholds([Chain((affine,))], [domain], levels)
        seen = ~codes if rows.invert[0] else codes
        assert np.array_equal(np.searchsorted(np.array(rows.rows[0]), seen, side="right") + rows.offset, wanted)


def test_shift_is_the_least_that_is_right() -> None:
    domain, levels = Interval(-200, 200), Levels(-128, 127, Rounding.FLOOR)
    for gain in (Fraction(1, 3), Fraction(5, 7), Fraction(2, 9)):
        found = find_scale_shift([ClampedAffine(Surd.of(gain))], [domain], levels)
        assert found is not None, "a rational line has a scale and shift"
        wanted = [min(max(floor(gain * a), -128), 127) for a in range(-200, 201)]
        for shift in range(found.shift):
            for multiplier in range(int(gain * (1 << shift)) - 1, int(gain * (1 << shift)) + 3):
                for offset in range(-(2 << shift), 2 << shift):
                    got = ((a * multiplier + offset) >> shift for a in range(-200, 201))
                    assert any(min(max(g, -128), 127) != w for g, w in zip(got, wanted, strict=True)), (gain, shift)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_table_of_a_function_agrees_with_80_digits(name: str) -> None:
    function = {"sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)), "tanh": mpmath.tanh}[name]
    chain = Chain((ClampedAffine(Surd.of(Fraction(1, 16))),)).applied(name).scaled(Surd.of(-100), Surd.of(3))
    domain, levels = Interval(-128, 127), Levels(-128, 127, Rounding.HALF_EVEN)
    with mpmath.workdps(80):
        wanted = [int(min(max(mpmath.nint(-100 * function(mpmath.mpf(a) / 16) + 3), -128), 127)) for a in range(-128, 128)]
    for found in (find_thresholds([chain], [domain], levels), find_requantizer([chain], [domain], levels, where="test")):
        assert [run(found, 0, a) for a in range(-128, 128)] == wanted, type(found).__name__
    assert isinstance(found, TableMap), "a table is cheapest for a function of a byte"


def test_tie_of_a_function_is_decided_where_it_is_exact() -> None:
    # sigmoid(0) = 1/2 exactly: to even it is 0
    chain = Chain((ClampedAffine(),)).applied("sigmoid")
    assert Levels(0, 1, Rounding.HALF_EVEN).of(chain, 0) == 0
    assert Levels(0, 1, Rounding.HALF_UP).of(chain, 0) == 1


def test_function_without_an_exact_form_is_refused_with_the_place_and_a_way_out() -> None:
    chain = Chain((ClampedAffine(Surd.of(Fraction(1, 1 << 20))),)).applied("tanh").scaled(Surd.of(30000), ZERO)
    with pytest.raises(HwgenError, match=r"layer 7.*quantize"):
        find_requantizer([chain], [Interval(-(1 << 30), 1 << 30)], Levels(-32768, 32767, Rounding.HALF_EVEN), where="layer 7")


def test_a_table_is_not_addressed_by_codes_far_from_zero() -> None:
    chain = Chain((ClampedAffine(Surd.of(Fraction(1, 1 << 20))),)).applied("sigmoid").scaled(Surd.of(65536), ZERO)
    far, near = Interval(1 << 20, (1 << 20) + 5000), Interval(-1000, 4000)
    levels = Levels(0, 65535, Rounding.HALF_EVEN)
    assert isinstance(find_requantizer([chain], [near], levels, where="near"), TableMap)
    with pytest.raises(HwgenError, match="far"):
        find_requantizer([chain], [far], levels, where="far")
