"""Overflow and underflow of types: against the definition in exact numbers, for every family of formats and rounding."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from hwgen.flow import run_passes
from hwgen.formats import Fixed, Format, Quantized, parse
from hwgen.numerics.rounding import Rounding, round_fraction
from hwgen.profile.check import Tally, check_types, decibels, limits, tally
from hwgen.profile.fitting import fixed_of, fraction_bits_for
from hwgen.profile.statistics import Statistics
from tests.profile.networks import small


def ties_and_others(random: Random, format_: Quantized, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Numbers around the ends of a format of power-of-two scales: halves and quarters of its step."""
    (scale,), (zero,) = format_.scales, format_.zeros
    ends = [(random.choice((format_.low, format_.high, 0)) - zero) + Fraction(random.randint(-9, 9), 4) for _ in range(count)]
    return np.array([float(scale * end) for end in ends])


@pytest.mark.parametrize("mode", Rounding)
@pytest.mark.parametrize(
    "text", ["fixed<4,2{}>", "ufixed<3,5{}>", "fixed<5,-2{},wrap>", "int4[scale=1/8,zero=3{}]", "uint3[scale=2{}]"]
)
def test_what_rounds_beyond_the_ends_overflows_and_nothing_else(random: Random, text: str, mode: Rounding) -> None:
    option = f",{mode.value}" if text.startswith(("f", "u")) and "int" not in text else f",rounding={mode.value}"
    format_ = parse(text.format(option))
    assert isinstance(format_, Quantized)
    (scale,), (zero,) = format_.scales, format_.zeros
    values = ties_and_others(random, format_, 200)
    codes = [round_fraction(Fraction(v) / scale + zero, mode) for v in values.tolist()]
    beyond = [not format_.low <= code <= format_.high for code in codes]
    low, high = limits(format_)
    assert ((values < low) | (values > high)).tolist() == beyond
    seen = tally(format_, values)
    members = format_.decode(format_.quantize(values))
    assert seen.overflow == sum(beyond) and seen.count == 200
    assert seen.underflow == int(((members == 0) & (values != 0)).sum())
    assert seen.noise == pytest.approx(float(((members - values) ** 2).sum()))


def test_channels_have_limits_of_their_own() -> None:
    format_ = parse("int4[scale=1/4 4,axis=1]")
    seen = tally(format_, np.array([[1.9, 1.9], [2.1, 2.1], [-2.2, 40.0]]))
    assert (seen.overflow, seen.underflow) == (4, 1)


@pytest.mark.parametrize(
    ("text", "values", "overflow", "underflow"),
    [
        ("minifloat<4,3>", [495.0, -497.0, 600.0, 1e-9], 2, 1),
        ("log<4>", [1.0, 1e9, -1e9], 2, 0),
        ("mxint<8,8,32>", [3.0, 1e-6, -1e37], 0, 2),
        ("binary[scale=1]", [5.0, 0.1], 0, 0),
        ("ternary[scale=1]", [1.4, 1.6, 0.2], 1, 1),
    ],
)
def test_other_families_count_too(text: str, values: list[float], overflow: int, underflow: int) -> None:
    seen = tally(parse(text), np.array(values))
    assert (seen.overflow, seen.underflow) == (overflow, underflow)


def test_signal_to_noise_is_in_decibels_and_adds_up_over_parts() -> None:
    assert decibels(100.0, 1.0) == 20.0 and decibels(1.0, 0.0) == float("inf") and decibels(0.0, 1.0) == -float("inf")
    values = np.linspace(-3, 3, 101)
    parts = [tally(parse("fixed<4,2>"), part) for part in np.split(values, [40])]
    whole = tally(parse("fixed<4,2>"), values)
    joined = parts[0] + parts[1]
    assert (joined.count, joined.overflow, joined.underflow) == (whole.count, whole.overflow, whole.underflow)
    assert joined.snr_db == pytest.approx(whole.snr_db)
    assert Tally(2, 0, 0, 5.0, 0.0).snr_db == float("inf")


def test_the_narrowest_type_holds_all_and_one_bit_less_does_not(random: Random) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    for _ in range(60):
        values = rng.normal(rng.uniform(-2, 2), 10.0 ** rng.integers(-5, 5), 50)
        values = np.maximum(values, 0) if random.random() < 0.3 else values
        seen, fraction = Statistics.of(values), random.randint(-3, 12)
        made = fixed_of(seen, fraction)
        assert made.width - made.integer_bits == fraction and tally(made, values).overflow == 0
        assert made.is_signed == bool((np.rint(values * 2.0**fraction) < 0).any())
        if made.width > 1 + made.is_signed:
            assert tally(Fixed(made.width - 1, made.integer_bits - 1, made.is_signed), values).overflow > 0


def test_no_larger_share_overflows_than_was_allowed(random: Random) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    narrower = 0
    for _ in range(30):
        values = rng.standard_t(2, 500) * 10.0 ** rng.integers(-3, 3)
        share, seen = random.choice((0.002, 0.02, 0.2)), Statistics.of(values, whole=False)
        fraction = fraction_bits_for(seen, random.randint(3, 9), share)
        made = fixed_of(seen, fraction, share)
        assert tally(made, values).overflow <= share * len(values)
        narrower += made.width < fixed_of(seen, fraction).width
    assert narrower > 10


@pytest.mark.parametrize("number", [0.0, 0.25, -3.0, 1e-20, 7e12])
def test_constants_and_all_zero_values_have_types(number: float) -> None:
    seen = Statistics.of(np.full(9, number))
    for width in (1 + (number < 0), 2, 4, 16):
        made = fixed_of(seen, fraction_bits_for(seen, width))
        assert 1 <= made.width <= width and tally(made, np.full(9, number)).overflow == 0
        assert abs(made.decode(made.quantize(np.array([number])))[0] - number) <= abs(number) / 2 ** (width - 2)


def test_a_graph_counts_at_each_quantizer_what_the_numbers_say(random: Random) -> None:
    graph, data = small(random)
    wide, _ = run_passes(graph, 'assign-input-format{format="fixed<3,2>"}, assign-precision{format="fixed<4,2>"}, fold-constants')
    checks = {(c.layer, c.role): c for c in check_types(graph, wide, data)}
    x = data.inputs["x"].astype(np.float64)
    assert checks["x", "input"].tally.overflow == int(((x < -2.25) | (x > 1.75)).sum()), "ties at -2.25 go to the end of the range"
    weight = graph.value("fc1.w")
    assert weight is not None
    floats = getattr(weight.producer.attrs, "data").astype(np.float64)  # noqa: B009 - attributes of any operator
    assert checks["fc1", "weight"].tally == tally(parse("fixed<4,2>"), floats)
    assert ("fc1", "bias") not in checks, "it stays a real"
    assert checks["a1", "value"].tally.count == data.samples * 8
    formats: set[Format] = {c.format for c in checks.values()}
    assert formats == {parse("fixed<3,2>"), parse("fixed<4,2>")}
