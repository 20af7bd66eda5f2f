"""Values of different scales, offsets and clamps that meet: integers on one grid, equal to exact reals."""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from random import Random

import numpy as np
import pytest
from networks import graph_of, quantized, random_codes

from hwgen.errors import HwgenError
from hwgen.flow import run_passes
from hwgen.ir.graph import NO_ATTRS, Array, Graph, Value
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.activation import CLIP, ClipAttrs
from hwgen.ops.arithmetic import ADD, MAX, MIN, MUL, SUB
from hwgen.ops.common_grid import common_unit
from hwgen.ops.concat import CONCAT, AxisAttrs
from hwgen.ops.record import RealOp, make
from hwgen.ops.run import evaluate
from hwgen.ops.sampling import codes_format
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import INPUT, InputAttrs

CASES = 30
Limits = tuple[Fraction | None, Fraction | None]


def dyadic(random: Random, most: int = 24) -> Fraction:
    """A number that floats hold, and not zero."""
    return Fraction(random.choice((-1, 1)) * random.randint(1, most), random.choice((1, 2, 4, 8)))


def line(value: Value, gains: list[Fraction], biases: list[Fraction], name: str) -> Value:
    attrs = ScaleBiasAttrs(tuple(map(Surd.of, gains)), tuple(map(Surd.of, biases)), 1)
    return make(SCALE_BIAS, attrs, [value], name, name).output


def clipped(value: Value, limits: Limits, name: str) -> Value:
    low, high = (None if limit is None else Surd.of(limit) for limit in limits)
    return value if limits == (None, None) else make(CLIP, ClipAttrs(low, high), [value], name, name).output


def random_limits(random: Random) -> Limits:
    low, high = sorted((dyadic(random), dyadic(random)))
    return random.choice(((None, None), (low, None), (Fraction(0), None), (None, high), (low, high), (Fraction(0), abs(high))))


def random_line(random: Random, value: Value, name: str) -> Value:
    channels = value.type.shape[1]
    count = random.choice((1, channels))
    biases = [random.choice((Fraction(0), dyadic(random))) for _ in range(random.choice((1, count)))]
    return line(value, [dyadic(random) for _ in range(count)], biases, name)


def ended(value: Value) -> Graph:
    """With a quantizer that rounds nothing at the end: what stands behind the last one is left to the host."""
    return graph_of(quantized(value, "int26[scale=1/1024]", "end"))


def reals_and_integers(graph: Graph, seed: int) -> tuple[Array, Array]:
    lowered, _ = run_passes(graph, "lower")
    assert not {n.op for n in lowered.nodes} & {"add", "sub", "mul", "min", "max", "concat", "clip"}, "all of it in integers"
    formats = {v.name: codes_format(v) for v in lowered.inputs}
    codes = {v.name: random_codes(formats[v.name], (40, *v.type.shape[1:]), seed) for v in lowered.inputs}
    reals = {name: np.asarray(formats[name].decode(c)) for name, c in codes.items()}
    exact, found = evaluate(graph, reals, graph.outputs), evaluate(lowered, codes, lowered.outputs)
    return exact[graph.outputs[0]], found[lowered.outputs[0]]


def source(shape: tuple[int, ...], name: str = "x") -> Value:
    return quantized(make(INPUT, InputAttrs(shape), [], name, name).output, "int4[scale=1/4]", f"{name}.q")


@pytest.mark.parametrize("op", [ADD, SUB, MUL, MIN, MAX], ids=lambda op: op.name)
def test_two_streams_meet_exactly(op: RealOp, random: Random, seed: int) -> None:
    for _ in range(CASES):
        shape = random.choice(((1, 3), (1, 3, 2, 2)))
        lines = [random_line(random, source(shape, name), f"{name}.line") for name in ("x", "z")]
        sides = [clipped(value, random_limits(random), f"{value.name}.clip") for value in lines]
        graph = ended(make(op, NO_ATTRS, sides, "y", "y").output)
        wanted, found = reals_and_integers(graph, seed)
        assert np.array_equal(found, wanted), f"{[(s.producer.attrs, s.producer.inputs[0].producer.attrs) for s in sides]}"


@pytest.mark.parametrize("axis", [1, 2])
def test_parts_of_a_concatenation_get_one_grid(axis: int, random: Random, seed: int) -> None:
    for _ in range(CASES):
        parts = []
        for name in ("x", "z", "u")[: random.randint(2, 3)]:
            value = source((1, 3, 2), name)
            value = line(value, [dyadic(random)], [random.choice((Fraction(0), dyadic(random)))], f"{name}.line")
            # side by side, clamps of different channels need not meet, and may be more than one requantizer takes
            parts.append(clipped(value, random_limits(random), f"{name}.clip") if axis == 1 else value)
        graph = ended(make(CONCAT, AxisAttrs(axis), parts, "y", "y").output)
        wanted, found = reals_and_integers(graph, seed)
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize(
    "limits",
    [
        (Fraction(-3, 2), Fraction(5, 4)), (Fraction(0), Fraction(6)), (None, Fraction(1)), (Fraction(-1), None),
        # nothing of it is left but the limit
        (Fraction(9), None), (None, Fraction(-9)), (Fraction(9), Fraction(10)), (Fraction(-10), Fraction(-9)),
        (Fraction(1), Fraction(1)),
    ],
)
@pytest.mark.parametrize("gain", [Fraction(3, 2), Fraction(-1, 2)])
def test_a_clamp_of_one_scale_meets_any_other_stream(limits: Limits, gain: Fraction, seed: int) -> None:
    x = source((1, 3))
    clamp = clipped(line(x, [gain], [Fraction(1, 4)], "line"), limits, "clip")
    for gains in ([Fraction(5)], [Fraction(1), Fraction(-2), Fraction(3)]):
        other = line(x, gains, [Fraction(1)], "other")
        for op in (ADD, MAX, MUL):
            wanted, found = reals_and_integers(ended(make(op, NO_ATTRS, [clamp, other], "y", "y").output), seed)
            assert np.array_equal(found, wanted)


def test_a_clamp_of_channels_meets_where_its_limits_are_the_same_codes(seed: int) -> None:
    x = source((1, 2))
    relu = clipped(line(x, [Fraction(1), Fraction(2)], [Fraction(0)], "line"), (Fraction(0), None), "relu")
    top = clipped(line(x, [Fraction(1), Fraction(2)], [Fraction(0), Fraction(1)], "line"), (None, Fraction(1)), "top")
    for value in (relu, top):
        wanted, found = reals_and_integers(ended(make(ADD, NO_ATTRS, [value, x], "y", "y").output), seed)
        assert np.array_equal(found, wanted)
    other = line(clipped(x, (Fraction(0), Fraction(1)), "clip"), [Fraction(1), Fraction(2)], [Fraction(0)], "other")
    with pytest.raises(HwgenError, match="channels with limits of their own"):
        reals_and_integers(ended(make(ADD, NO_ATTRS, [other, x], "y", "y").output), seed)


@pytest.mark.parametrize(("bits", "fits"), [(30, True), (31, False)])
def test_a_limit_has_32_bits_of_code_and_no_more(bits: int, *, fits: bool, seed: int) -> None:
    x = source((1, 2))
    fine = line(x, [Fraction(1)], [Fraction(1, 1 << bits)], "line")
    graph = ended(make(ADD, NO_ATTRS, [clipped(fine, (Fraction(0), Fraction(1)), "clip"), x], "y", "y").output)
    if fits:
        wanted, found = reals_and_integers(graph, seed)
        assert np.array_equal(found, wanted)
    else:
        with pytest.raises(HwgenError, match="more than 32 bits"):
            reals_and_integers(graph, seed)


@pytest.mark.parametrize("op", [ADD, MIN])
def test_scales_of_irrational_ratio_do_not_meet(op: RealOp) -> None:
    x = source((1, 2))
    root = make(SCALE_BIAS, ScaleBiasAttrs((Surd.sqrt(Fraction(2)),), (ZERO,), 1), [x], "root", "root").output
    with pytest.raises(HwgenError, match="irrational ratio"):
        reals_and_integers(ended(make(op, NO_ATTRS, [x, root], "y", "y").output), 1)


def test_a_product_with_one_number_is_refused_on_either_side() -> None:
    x, same = source((1, 2)), line(source((1, 2), "z"), [Fraction(0)], [Fraction(3)], "same")
    for sides in ([x, same], [same, x]):
        with pytest.raises(HwgenError, match="the same number everywhere"):
            reals_and_integers(ended(make(MUL, NO_ATTRS, sides, "y", "y").output), 1)


def test_a_common_unit_is_positive_and_the_greatest(random: Random) -> None:
    for _ in range(200):
        root = Surd.sqrt(Fraction(random.choice((1, 2, 3))))
        gains, others = ([Surd.of(random.choice((Fraction(0), dyadic(random)))) * root for _ in range(n)] for n in (2, 2))
        gains.insert(random.randrange(3), Surd.of(dyadic(random)) * root)
        unit, whole, rest = common_unit(gains, others, "here")
        assert unit.sign() > 0 and (len(whole), len(rest)) == (3, 2)
        for multiple, value in zip((*whole, *rest), (*gains, *others), strict=True):
            assert (unit * Surd.of(multiple) - value).sign() == 0
        assert gcd(*whole, *rest) == 1, "no greater unit"
    unit, whole, rest = common_unit([ZERO], [ZERO], "here")
    assert unit.sign() > 0 and (whole, rest) == ((0,), (0,))
