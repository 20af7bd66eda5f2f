"""Chains that choose, turn and bend: values, monotone parts and every requantizer of them, code by code.

The functions are written here a second time: fractions where the value is one, else mpmath with 120 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from random import Random

import mpmath
import numpy as np
import pytest
from requantizers import run

from hwgen.errors import HwgenError
from hwgen.numerics.functions import FUNCTIONS
from hwgen.numerics.interval import Interval
from hwgen.numerics.parts import direction, level_ends, monotone_parts
from hwgen.numerics.pieces import MAX_PIECES, Pieces, find_pieces
from hwgen.numerics.requantize import TableMap, find_requantizer
from hwgen.numerics.rounding import Rounding, round_fraction
from hwgen.numerics.scalar_map import Chain, ClampedAffine, Levels
from hwgen.numerics.scale_shift import ScaleShift
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.numerics.thresholds import Thresholds, find_thresholds

DIGITS = 120
Number = Fraction | mpmath.mpf


def wide(value: Number) -> mpmath.mpf:
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def gelu_tanh(x: mpmath.mpf) -> mpmath.mpf:
    return x / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)))


def exact_root(x: Fraction) -> Number:
    top, bottom = isqrt(x.numerator), isqrt(x.denominator)
    return Fraction(top, bottom) if Fraction(top, bottom) ** 2 == x else mpmath.sqrt(wide(x))


def certain(x: Fraction, value: Callable[[mpmath.mpf], mpmath.mpf], at_zero: Fraction | None) -> Number:
    return at_zero if x == 0 and at_zero is not None else value(wide(x))


DEFINED: dict[str, Callable[[Fraction], Number]] = {
    "sigmoid": lambda x: certain(x, lambda v: 1 / (1 + mpmath.exp(-v)), Fraction(1, 2)),
    "tanh": lambda x: certain(x, mpmath.tanh, Fraction(0)),
    "erf": lambda x: certain(x, mpmath.erf, Fraction(0)),
    "exp": lambda x: certain(x, mpmath.exp, Fraction(1)),
    "expm1": lambda x: certain(x, mpmath.expm1, Fraction(0)),
    "softplus": lambda x: certain(x, lambda v: mpmath.log1p(mpmath.exp(v)), None),
    "gelu": lambda x: certain(x, lambda v: v * mpmath.ncdf(v), Fraction(0)),
    "gelu_tanh": lambda x: certain(x, gelu_tanh, Fraction(0)),
    "silu": lambda x: certain(x, lambda v: v / (1 + mpmath.exp(-v)), Fraction(0)),
    "mish": lambda x: certain(x, lambda v: v * mpmath.tanh(mpmath.log1p(mpmath.exp(v))), Fraction(0)),
    "softsign": lambda x: x / (1 + abs(x)),
    "square": lambda x: x * x,
    "sqrt": exact_root,
    "reciprocal": lambda x: 1 / x,
}


def defined_level(value: Number, levels: Levels) -> int:
    """The level of a number that is a fraction, or no tie as far as 80 digits tell."""
    if not isinstance(value, Fraction):
        with mpmath.workdps(DIGITS):
            value = Fraction(int(mpmath.floor(value * 10**80)), 10**80)
    return min(max(round_fraction(value, levels.rounding), levels.low), levels.high)


def straight(gain: Fraction, bias: Fraction) -> ClampedAffine:
    return ClampedAffine(Surd.of(gain), Surd.of(bias))


def small(random: Random) -> Fraction:
    return Fraction(random.randint(-24, 24), random.choice((1, 2, 4, 7, 16, 100)))


def random_bend(random: Random) -> tuple[Callable[[Chain], Chain], Callable[[Fraction], Fraction]]:
    """One step of a piecewise linear chain, and the same in fractions."""
    match random.choice(("leaky", "leaky", "choose", "clamp", "line")):
        case "leaky":
            tenth = Fraction(float.fromhex("0x1.99999ap-4"))
            slope = random.choice((Fraction(13, 128), tenth, Fraction(5, 2), Fraction(-1), small(random)))
            branch = Chain((straight(slope, Fraction(0)),))
            return lambda c: c.chosen(ZERO, branch, Chain()), lambda v: v if v >= 0 else slope * v
        case "choose":
            edge, above, lines = small(random), random.random() < 0.5, [(small(random), small(random)) for _ in range(2)]
            first, second = (Chain((straight(*line),)) for line in lines)
            def chosen(v: Fraction) -> Fraction:
                gain, bias = lines[v > edge or (v == edge and above)]
                return gain * v + bias
            return lambda c: c.chosen(Surd.of(edge), first, second, edge_above=above), chosen
        case "clamp":
            low, high = sorted((small(random), small(random)))
            return lambda c: c.clamped(Surd.of(low), Surd.of(high)), lambda v: min(max(v, low), high)
        case _:
            gain, bias = small(random), small(random)
            return lambda c: c.scaled(Surd.of(gain), Surd.of(bias)), lambda v: gain * v + bias


def random_piecewise(random: Random, bends: int) -> tuple[Chain, Callable[[int], Fraction]]:
    gain, bias = small(random) or Fraction(1), small(random)
    chain, steps = Chain((straight(gain, bias),)), [lambda v: gain * v + bias]
    for _ in range(bends):
        change, step = random_bend(random)
        chain = change(chain)
        steps.append(step)

    def value(code: int) -> Fraction:
        result = Fraction(code)
        for step in steps:
            result = step(result)
        return result

    return chain, value


def test_piecewise_linear_chains_have_the_value_of_their_steps_one_by_one(random: Random) -> None:
    for _ in range(60):
        chain, value = random_piecewise(random, random.randint(1, 4))
        for code in range(-40, 41):
            assert chain.compare(code, value(code)) == 0, f"{chain} at {code} is not {value(code)}"


@pytest.mark.parametrize("above", [True, False])
def test_the_edge_itself_lies_on_the_side_that_is_said(above: bool) -> None:
    sides = [Chain((ClampedAffine(ZERO, Surd.of(value)),)) for value in (-5, 5)]
    chain, levels, domain = Chain().chosen(Surd.of(3), *sides, edge_above=above), Levels(-8, 7, Rounding.FLOOR), Interval(0, 6)
    wanted = [5 if a > 3 or (a == 3 and above) else -5 for a in range(7)]
    assert [chain.compare(a, Fraction(w)) for a, w in enumerate(wanted)] == [0] * 7
    assert [levels.of(chain, a) for a in range(7)] == wanted
    found = find_requantizer([chain], [domain], levels, where="test")
    assert [run(found, 0, a) for a in range(7)] == wanted


@pytest.mark.parametrize("rounding", Rounding)
def test_every_form_of_a_piecewise_linear_chain_is_right_at_every_code(rounding: Rounding, random: Random) -> None:
    pieces = 0
    for _ in range(24):
        chain, value = random_piecewise(random, random.randint(1, 3))
        levels = random.choice((Levels(-8, 7, rounding), Levels(0, 15, rounding), Levels(-500, 700, rounding)))
        low = random.choice((-120, -9, 0))
        domain = Interval(low, low + random.choice((0, 1, 30, 250)))
        wanted = [defined_level(value(a), levels) for a in range(domain.low, domain.high + 1)]
        parts = monotone_parts(chain, domain, where="test")
        covered = [a for part in parts for a in range(part.domain.low, part.domain.high + 1)]
        assert covered == list(range(domain.low, domain.high + 1)), "the parts cover the codes once, in order"
        ends = level_ends(parts, levels)
        assert (min(min(e) for e in ends), max(max(e) for e in ends)) == (min(wanted), max(wanted)), f"{chain} on {domain}"
        solutions = [
            find_pieces([parts], levels), find_thresholds([chain], [domain], levels),
            find_requantizer([chain], [domain], levels, where="test"),
        ]
        for found in filter(None, solutions):
            got = [run(found, 0, a) for a in range(domain.low, domain.high + 1)]
            assert got == wanted, f"{type(found).__name__} of {chain}, {levels}, {domain}"
        pieces += isinstance(solutions[0], Pieces)
        monotone = wanted in (sorted(wanted), sorted(wanted, reverse=True))
        assert (solutions[1] is not None) == monotone, "thresholds need a monotone chain"
        turned = {1: sorted(wanted), -1: sorted(wanted, reverse=True), 0: wanted[:1] * len(wanted)}
        found_direction = direction(parts, levels)
        assert (turned[found_direction] == wanted) if found_direction is not None else not monotone
    assert pieces >= 2, "chains that bend have pieces"


def test_channels_of_other_slopes_share_one_form(random: Random) -> None:
    """PReLU: slopes below 0, between 0 and 1, above 1, and 1, each with its own bias, so that the knees lie apart."""
    for _ in range(20):
        slopes = [Fraction(-3, 4), Fraction(0), Fraction(1, 3), Fraction(1), Fraction(9, 4)]
        biases = [small(random) for _ in slopes]
        chains = [
            Chain((straight(Fraction(1, 4), b),)).chosen(ZERO, Chain((straight(s, Fraction(0)),)), Chain())
            for s, b in zip(slopes, biases, strict=True)
        ]
        domains = [Interval(-random.randint(0, 900), random.randint(0, 900)) for _ in slopes]
        levels = Levels(-1000, 1000, Rounding.HALF_EVEN)
        found = find_requantizer(chains, domains, levels, where="test")
        assert isinstance(found, Pieces | ScaleShift), "no thresholds for so many levels"
        for c, (slope, bias, domain) in enumerate(zip(slopes, biases, domains, strict=True)):
            for a in range(domain.low, domain.high + 1):
                v = Fraction(a, 4) + bias
                assert run(found, c, a) == defined_level(v if v >= 0 else slope * v, levels)


def test_a_leaky_relu_of_a_wide_accumulator_is_two_lines(random: Random) -> None:
    """As in networks with scales that are powers of two: 26 bits to 8, alpha 13/128."""
    alpha, scale = Fraction(13, 128), Fraction(1, 1 << 12)
    for bias in (Fraction(0), Fraction(-1234567, 4096), Fraction(3, 7)):
        chain = Chain((straight(scale, bias),)).chosen(ZERO, Chain((straight(alpha, Fraction(0)),)), Chain())
        levels, domain = Levels(-128, 127, Rounding.HALF_EVEN), Interval(-(1 << 25), (1 << 25) - 1)
        found = find_requantizer([chain], [domain], levels, where="test")
        assert isinstance(found, Pieces) and len(found.lines[0]) == 2
        codes = [domain.low, domain.high, *(random.randint(domain.low, domain.high) for _ in range(3000))]
        steps = (int(((level + Fraction(1, 2)) / slope - bias) / scale) for level in range(-130, 130) for slope in (1, alpha))
        codes += [step + d for step in steps for d in (-1, 0, 1)]
        for a in codes:
            v = a * scale + bias
            assert run(found, 0, a) == defined_level(v if v >= 0 else alpha * v, levels), f"at {a}"


def test_clamps_that_differ_from_channel_to_channel_are_pieces() -> None:
    chains = [Chain((straight(Fraction(1, 3), Fraction(0)),)).clamped(ZERO, Surd.of(high)) for high in (20, 50, 300)]
    found = find_requantizer(chains, [Interval(-2000, 2000)] * 3, Levels(0, 1000, Rounding.HALF_EVEN), where="test")
    assert isinstance(found, Pieces) and len(found.bounds[0]) == 2
    for channel, high in enumerate((20, 50, 300)):
        for a in range(-2000, 2001):
            assert run(found, channel, a) == min(max(round(Fraction(a, 3)), 0), high)


def test_one_clamp_of_all_lines_is_clipping_and_makes_no_pieces() -> None:
    slope = Chain((straight(Fraction(-1, 5), Fraction(0)),))
    chain = Chain((straight(Fraction(1, 3), Fraction(0)),)).chosen(ZERO, slope, Chain()).clamped(Surd.of(7), Surd.of(90))
    parts = monotone_parts(chain, Interval(-900, 900), where="test")
    found = find_pieces([parts], Levels(0, 1000, Rounding.HALF_EVEN))
    assert found is not None and (found.low, found.high, len(found.lines[0])) == (7, 90, 2)
    for a in range(-900, 901):
        assert run(found, 0, a) == min(max(round(Fraction(a, 3) if a >= 0 else Fraction(-a, 15)), 7), 90)


def test_a_clamp_before_wrapping_is_pieces() -> None:
    chain = Chain((straight(Fraction(1, 2), Fraction(0)),)).clamped(ZERO, Surd.of(13))
    found = find_requantizer([chain], [Interval(-99, 99)], Levels(-8, 7, Rounding.FLOOR, wrap=True), where="test")
    assert isinstance(found, Pieces)
    for a in range(-99, 100):
        assert run(found, 0, a) == (min(max(a // 2, 0), 13) + 8) % 16 - 8


@pytest.mark.parametrize("rounding", [Rounding.UP, Rounding.DOWN, Rounding.HALF_UP, Rounding.HALF_DOWN])
def test_rounding_by_magnitude_of_both_signs_is_two_lines(rounding: Rounding) -> None:
    chain, levels = Chain((straight(Fraction(3, 8), Fraction(-1, 4)),)), Levels(-4000, 4000, rounding)
    found = find_requantizer([chain], [Interval(-9000, 9000)], levels, where="test")
    assert isinstance(found, Pieces) and len(found.bounds[0]) == 1
    for a in range(-9000, 9001):
        assert run(found, 0, a) == defined_level(Fraction(3 * a - 2, 8), levels), f"at {a}"


def test_more_lines_than_the_hardware_takes_are_no_pieces() -> None:
    folds = {1: True, 2: True, 3: True, 4: False}
    for count, fits in folds.items():
        chain = Chain()
        for k in range(count):  # |v| - 100, |…| - 50, …: each doubles the lines
            chain = chain.chosen(ZERO, Chain((straight(Fraction(-1), Fraction(0)),)), Chain()).scaled(UNIT, Surd.of(-100 >> k))
        parts = monotone_parts(chain, Interval(-5000, 5000), where="test")
        found = find_pieces([parts], Levels(-5000, 5000, Rounding.FLOOR))
        assert len(parts) == 2**count and (found is not None) == fits
        assert fits == (2**count <= MAX_PIECES)


@pytest.mark.parametrize("name", DEFINED)
def test_the_float_form_of_a_function_is_the_function(name: str) -> None:
    assert DEFINED.keys() == FUNCTIONS.keys(), "every function has a definition here"
    positive = [Fraction(1, 64), Fraction(3, 4), Fraction(1), Fraction(7, 2), Fraction(30)]
    others = [] if name == "sqrt" else [-x for x in positive]
    values = [*others, *positive, *([] if name == "reciprocal" else [Fraction(0)])]
    with mpmath.workdps(DIGITS):
        wanted = [float(wide(DEFINED[name](x))) for x in values]
    np.testing.assert_allclose(FUNCTIONS[name].array(np.array([float(x) for x in values])), wanted, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("rounding", [Rounding.HALF_EVEN, Rounding.FLOOR, Rounding.CEIL, Rounding.UP])
@pytest.mark.parametrize("name", DEFINED)
def test_a_function_of_a_narrow_code_is_right_at_every_code(name: str, rounding: Rounding, random: Random) -> None:
    least = {"sqrt": 0, "reciprocal": 1}
    for step, low, high, start in ((Fraction(1, 16), -128, 127, -128), (Fraction(3, 7), -9, 500, -99)):
        levels = Levels(low, high, rounding)
        domain = Interval(least.get(name, start), least.get(name, start) + 255)
        codes = range(domain.low, domain.high + 1)
        gain, bias = random.choice((Fraction(16), Fraction(-37, 3))), random.choice((Fraction(0), Fraction(1, 2), Fraction(7, 5)))
        chain = Chain((straight(step, Fraction(0)),)).applied(name).scaled(Surd.of(gain), Surd.of(bias))
        with mpmath.workdps(DIGITS):
            values = [DEFINED[name](step * a) for a in codes]
            values = [v * gain + bias if isinstance(v, Fraction) else v * wide(gain) + wide(bias) for v in values]
            wanted = [exact_level(v, step * a, name, gain, bias, levels) for v, a in zip(values, codes, strict=True)]
        found = find_requantizer([chain], [domain], levels, where="test")
        assert [run(found, 0, a) for a in codes] == wanted, f"{type(found).__name__} {step} {gain} {bias}"
        ends = level_ends(monotone_parts(chain, domain, where="test"), levels)
        assert (min(min(e) for e in ends), max(max(e) for e in ends)) == (min(wanted), max(wanted))


def exact_level(value: Number, x: Fraction, name: str, gain: Fraction, bias: Fraction, levels: Levels) -> int:
    """The level of a value whose distance from a fraction may be below any number of digits: it is decided by its side."""
    if isinstance(value, Fraction):
        return defined_level(value, levels)
    near: tuple[Fraction, int] | None = None
    if name in ("gelu", "gelu_tanh", "silu", "mish"):
        near = (max(x, Fraction(0)), -1)
    elif name == "softplus":
        near = (max(x, Fraction(0)), 1)
    elif name in ("exp", "expm1") and x < 0:
        near = (Fraction(-1 if name == "expm1" else 0), 1)
    elif name in ("sigmoid", "tanh", "erf"):
        near = (Fraction(1), -1) if x > 0 else (Fraction(0 if name == "sigmoid" else -1), 1)
    if near is not None:
        limit, side = near[0] * gain + bias, near[1] * (1 if gain > 0 else -1)
        if abs(value - wide(limit)) < mpmath.mpf(10) ** -70:
            return defined_level(limit + side * Fraction(1, 10**90), levels)
    return defined_level(value, levels)


@pytest.mark.parametrize("name", [name for name, f in FUNCTIONS.items() if len(f.turns) == 1 and f.turns[0].low != f.turns[0].high])
def test_a_function_turns_once_and_where_it_says(name: str) -> None:
    (turn,) = FUNCTIONS[name].turns
    with mpmath.workdps(200):
        low, high = (wide(v.rational) for v in (turn.low, turn.high))
        assert mpmath.diff(lambda v: DEFINED_WIDE[name](v), low) < 0 < mpmath.diff(lambda v: DEFINED_WIDE[name](v), high)
        for k in range(1, 400):
            below, above = low - mpmath.mpf(k) / 20, high + mpmath.mpf(k) / 20
            assert mpmath.diff(DEFINED_WIDE[name], below) < 0 < mpmath.diff(DEFINED_WIDE[name], above)


DEFINED_WIDE: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "gelu": lambda v: v * mpmath.ncdf(v),
    "gelu_tanh": gelu_tanh,
    "silu": lambda v: v / (1 + mpmath.exp(-v)),
    "mish": lambda v: v * mpmath.tanh(mpmath.log1p(mpmath.exp(v))),
}


def test_a_value_beside_its_limit_is_on_its_side_however_near() -> None:
    """silu(5000) differs from 5000 by less than 4096 bits tell; what stands behind it moves the limit along."""
    far = Chain((straight(Fraction(1), Fraction(0)),)).applied("silu")
    assert far.compare(5000, Fraction(5000)) == -1 and far.compare(-20000, Fraction(0)) == -1
    falling = far.scaled(Surd.of(-2), Surd.of(3))
    assert falling.compare(5000, Fraction(-9997)) == 1
    assert falling.clamped(Surd.of(-9997), None).compare(5000, Fraction(-9997)) == 1
    assert falling.clamped(None, Surd.of(-9997)).compare(5000, Fraction(-9997)) == 0, "cut off where it is above"
    assert far.clamped(ZERO, None).compare(-20000, Fraction(0)) == 0
    assert far.clamped(Surd.of(-1), Surd.of(4999)).compare(5000, Fraction(4999)) == 0
    tail = Chain((straight(Fraction(1), Fraction(0)),)).applied("tanh")
    assert tail.compare(9000, Fraction(1)) == -1 and tail.compare(-9000, Fraction(-1)) == 1


def test_a_function_is_refused_where_it_has_no_value() -> None:
    for name, low, what in (("sqrt", -1, "negative"), ("reciprocal", -4, "zero"), ("reciprocal", 0, "zero")):
        chain = Chain((straight(Fraction(1, 2), Fraction(0)),)).applied(name)
        with pytest.raises(HwgenError, match=rf"layer 3.*{name} can be given .*{what}"):
            find_requantizer([chain], [Interval(low, 4)], Levels(-8, 7, Rounding.FLOOR), where="layer 3")
    shifted = Chain((straight(Fraction(1), Fraction(1, 2)),)).applied("reciprocal")
    assert isinstance(find_requantizer([shifted], [Interval(-4, 4)], Levels(-8, 7, Rounding.FLOOR), where="x"), TableMap)


def test_a_function_that_turns_is_refused_where_it_would_need_a_table_and_can_have_none() -> None:
    levels, wide = Levels(-128, 127, Rounding.HALF_EVEN), Interval(-(1 << 20), 1 << 20)
    chain = Chain((straight(Fraction(1, 1 << 14), Fraction(0)),)).applied("silu").scaled(Surd.of(8), ZERO)
    with pytest.raises(HwgenError, match=r"layer 3.*rises and falls.*22 bits.*quantize its input to at most 16 bits"):
        find_requantizer([chain], [wide], levels, where="layer 3")
    with pytest.raises(HwgenError, match="one scale for all channels"):
        find_requantizer([chain, chain.scaled(Surd.of(2), ZERO)], [Interval(-65000, 65000)] * 2, levels, where="layer 3")
    assert isinstance(find_requantizer([chain], [Interval(0, 1 << 20)], levels, where="x"), Thresholds), "here it only rises"


def test_functions_of_functions_are_cut_at_every_turn() -> None:
    """silu of a square of a leaky line: six monotone parts or so, each end of them found among all codes."""
    below = Chain((straight(Fraction(-1, 2), Fraction(0)),))
    chain = Chain((straight(Fraction(1, 32), Fraction(1, 5)),)).chosen(ZERO, below, Chain())
    chain = chain.applied("square").scaled(UNIT, Surd.of(-3)).applied("silu").scaled(Surd.of(20), ZERO)
    levels, domain = Levels(-100, 1000, Rounding.HALF_EVEN), Interval(-300, 300)
    wanted = []
    for a in range(-300, 301):
        v = Fraction(a, 32) + Fraction(1, 5)
        v = (v if v >= 0 else -v / 2) ** 2 - 3
        with mpmath.workdps(DIGITS):
            wanted.append(defined_level(20 * wide(v) / (1 + mpmath.exp(-wide(v))), levels))
    found = find_requantizer([chain], [domain], levels, where="test")
    assert [run(found, 0, a) for a in range(-300, 301)] == wanted
    parts = monotone_parts(chain, domain, where="test")
    for part in parts:
        own = wanted[part.domain.low + 300 : part.domain.high + 301]
        assert own == sorted(own, reverse=part.rising < 0), "a part is monotone"
