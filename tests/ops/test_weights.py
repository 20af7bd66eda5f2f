"""Products of real weights and codes: rows of integers, exact for every grid of weight and input; limits of their bits."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from networks import constant, graph_of, quantized, random_codes

from hwgen.errors import HwgenError
from hwgen.flow import run_passes
from hwgen.formats import parse_quantized
from hwgen.ir.graph import NO_ATTRS, Graph, Value
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.sampling import codes_format
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import INPUT, InputAttrs

INPUTS, OUTPUTS = 4, 3
WEIGHTS = ("int4[scale=1/8]", "uint4[scale=1/4,zero=3]", "int5[scale=1/2,zero=-2]", "binary[scale=1/2]", "ternary[scale=1]")


def source(format_: str = "int4[scale=1/4]", inputs: int = INPUTS) -> Value:
    return quantized(make(INPUT, InputAttrs((1, inputs)), [], "x", "x").output, format_, "x.q")


def lined(value: Value, gains: list[Fraction], biases: list[Fraction]) -> Value:
    attrs = ScaleBiasAttrs(tuple(map(Surd.of, gains)), tuple(map(Surd.of, biases)), 1)
    return make(SCALE_BIAS, attrs, [value], "line", "line").output


def product(x: Value, weight: Value, bias: list[float] | None = None) -> Graph:
    """A linear layer, and a quantizer that rounds nothing."""
    operands = [x, weight, *([] if bias is None else [constant(bias, "b")])]
    return graph_of(quantized(make(LINEAR, NO_ATTRS, operands, "fc", "fc").output, "int26[scale=1/1024]", "end"))


def assert_exact(graph: Graph, seed: int) -> None:
    lowered, _ = run_passes(graph, "fold-constants, lower")
    (value,) = lowered.inputs
    codes = random_codes(codes_format(value), (40, *value.type.shape[1:]), seed)
    exact = evaluate(graph, {"x": np.asarray(codes_format(value).decode(codes))}, graph.outputs)[graph.outputs[0]]
    found = evaluate(lowered, {value.name: codes}, lowered.outputs)[lowered.outputs[0]]
    assert "linear" not in {node.op for node in lowered.nodes} and np.array_equal(found, exact)


def dyadic(random: Random) -> Fraction:
    return Fraction(random.choice((-1, 1)) * random.randint(1, 12), random.choice((1, 2, 4)))


@pytest.mark.parametrize("format_", WEIGHTS)
@pytest.mark.parametrize("biased", [False, True])
def test_quantized_weights_of_any_input_line_are_exact(format_: str, *, biased: bool, random: Random, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    for count in (1, INPUTS):
        for offsets in (1, INPUTS):
            weight = quantized(constant(numbers.normal(0, 1, (OUTPUTS, INPUTS)), "w"), format_, "wq")
            x = lined(source(), [dyadic(random) for _ in range(count)], [dyadic(random) for _ in range(offsets)])
            assert_exact(product(x, weight, [1.5, -2, 0.25] if biased else None), seed)


def test_weights_of_channels_with_their_own_scale_and_zero_are_exact(random: Random, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    for format_ in (
        "int4[scale=1/8 1/2 3/4,axis=0]", "uint4[scale=1/4,zero=3 0 15,axis=0]", "int4[scale=1/8 1 1/2,zero=1 -2 0,axis=0]",
    ):
        weight = quantized(constant(numbers.normal(0, 2, (OUTPUTS, INPUTS)), "w"), format_, "wq")
        for count in (1, INPUTS):
            x = lined(source(), [dyadic(random) for _ in range(count)], [dyadic(random) for _ in range(count)])
            assert_exact(product(x, weight, [0.5, 1, -1]), seed)


def test_weights_that_no_quantizer_made_are_exact_on_their_own_grid(random: Random, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    weight = numbers.integers(-9, 10, (OUTPUTS, INPUTS)) / 8
    weight[1] = 0
    for count in (1, INPUTS):
        x = lined(source(), [dyadic(random) for _ in range(count)], [random.choice((Fraction(0), dyadic(random)))])
        assert_exact(product(x, constant(weight, "w"), [0, 0, 3]), seed)


def test_rows_on_a_grid_of_16_bits_are_taken_and_wider_ones_refused(seed: int) -> None:
    widest = (1 << 15) - 1
    assert_exact(product(source("int2[scale=1]", 2), constant([[widest, 1], [-widest, 2]], "w")), seed)
    with pytest.raises(HwgenError, match="the weights are not quantized and have a common grid of 17 bits only"):
        assert_exact(product(source("int2[scale=1]", 2), constant([[widest + 1, 1], [1, 2]], "w")), seed)
    weight = quantized(constant([[1, 1], [1, 2]], "w"), "int4[scale=1]", "wq")
    near = lined(source("int2[scale=1]", 2), [Fraction(1), Fraction(1, 1 << 13)], [Fraction(0)])
    run_passes(product(near, weight), "fold-constants, lower")
    far = lined(source("int2[scale=1]", 2), [Fraction(1), Fraction(1, 1 << 15)], [Fraction(0)])
    with pytest.raises(HwgenError, match="weights times the input's scales per channel have a common grid of 17 bits only"):
        run_passes(product(far, weight), "fold-constants, lower")


def test_quantized_weights_and_inputs_have_16_bits_and_no_more(seed: int) -> None:
    for bits in (16, 17):
        extremes = [[-(1 << bits - 1), (1 << bits - 1) - 1]]
        wide = quantized(constant(extremes, "w"), f"int{bits}[scale=1]", "wq")
        narrow = quantized(constant([[1, -1]], "w"), "int2[scale=1]", "wq")
        weighted = product(source("int2[scale=1]", 2), wide)
        taken = product(source(f"int{bits}[scale=1]", 2), narrow)
        if bits == 16:
            assert_exact(weighted, seed)
            assert_exact(taken, seed)
        else:
            with pytest.raises(HwgenError, match="the weight has 17 bits"):
                run_passes(weighted, "fold-constants, lower")
            with pytest.raises(HwgenError, match="the input has 17 bits"):
                run_passes(taken, "fold-constants, lower")


def test_an_irrational_scale_of_a_channel_is_refused_and_one_of_all_is_not(seed: int) -> None:
    root = Surd.sqrt(Fraction(2))
    weight = quantized(constant([[1, 1], [1, 2]], "w"), "int4[scale=1]", "wq")
    x = source("int2[scale=1]", 2)
    alike = make(SCALE_BIAS, ScaleBiasAttrs((root,), (ZERO,), 1), [x], "line", "line").output
    apart = make(SCALE_BIAS, ScaleBiasAttrs((root, Surd.of(1)), (ZERO,), 1), [x], "line", "line").output
    run_passes(product(alike, weight), "fold-constants, lower")
    with pytest.raises(HwgenError, match="irrational scale per channel"):
        run_passes(product(apart, weight), "fold-constants, lower")


def test_a_computed_weight_is_refused() -> None:
    x = source("int2[scale=1]", 2)
    weight = make(QUANTIZE, QuantizeAttrs(parse_quantized("int2[scale=1]")), [x], "again", "again").output
    with pytest.raises(HwgenError, match="fc"):
        run_passes(product(x, weight), "fold-constants, lower")
