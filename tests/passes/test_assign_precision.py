"""Where quantizers of what was float are put."""

from __future__ import annotations

import numpy as np
import pytest
from networks import constant, graph_of, quantized

from hwgen.ir.graph import NO_ATTRS, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.functions import FUNCTION
from hwgen.ops.record import make
from hwgen.ops.resize import RESIZE, ResizeAttrs
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import INPUT, InputAttrs
from passes import AssignPrecision


def convolved(value: Value) -> Value:
    return make(CONV, RealConvAttrs((1,), (1,), (0, 0), 1), [value, constant(np.ones((1, 1, 1)), "w")], "y", "conv").output


def repeated(value: Value) -> Value:
    return make(RESIZE, ResizeAttrs((0, 0, 1, 1)), [value], "r", "up").output


def test_what_is_repeated_is_quantized_once_before() -> None:
    x = make(INPUT, InputAttrs((1, 1, 2)), [], "x", "x").output
    graph = graph_of(convolved(repeated(make(RELU, NO_ATTRS, [x], "a", "act").output)))
    after, _ = AssignPrecision("fixed<3,2>")(graph)
    (quantizer,) = (n for n in after.nodes if n.op == "quantize" and n.inputs[0].producer.op != "constant")
    assert quantizer.inputs[0].name == "a" and quantizer.output.type.shape == (1, 1, 2)
    assert evaluate(after, {"x": np.array([[[0.3, 9.0]]])})[after.outputs[0]].tolist() == [[[0.5, 0.5, 1.5, 1.5]]]


def test_what_others_use_as_well_is_quantized_behind_the_repeating() -> None:
    x = make(INPUT, InputAttrs((1, 1, 2)), [], "x", "x").output
    up = repeated(x)
    after, _ = AssignPrecision("fixed<3,2>")(graph_of(convolved(up), make(RELU, NO_ATTRS, [up], "a", "act").output))
    (quantizer,) = (n for n in after.nodes if n.op == "quantize" and n.inputs[0].producer.op != "constant")
    assert quantizer.inputs[0].producer.op == "resize"


def test_what_is_quantized_before_it_is_repeated_stays() -> None:
    x = make(INPUT, InputAttrs((1, 1, 2)), [], "x", "x").output
    after, info = AssignPrecision("fixed<3,2>")(graph_of(convolved(repeated(quantized(x, "int4[scale=1/4]", "q")))))
    assert [n.what for n in info.left] == ["input 0 is quantized by the model"]
    assert sum(n.op == "quantize" for n in after.nodes) == 2


@pytest.mark.parametrize(
    ("gains", "biases", "quantized_value"), [((2,), (0,), "a"), ((2, 3), (0,), "s"), ((2,), (1,), "s"), ((2, 2), (0, 1), "s")]
)
def test_what_one_number_multiplies_for_a_function_is_quantized_before(
    gains: tuple[int, ...], biases: tuple[int, ...], quantized_value: str
) -> None:
    x = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    attrs = ScaleBiasAttrs(tuple(map(Surd.of, gains)), tuple(map(Surd.of, biases)), 1)
    scaled = make(SCALE_BIAS, attrs, [make(RELU, NO_ATTRS, [x], "a", "act").output], "s", "scale").output
    function = make(FUNCTION["sigmoid"], NO_ATTRS, [scaled], "f", "f").output
    after, _ = AssignPrecision("fixed<3,2>")(graph_of(make(RELU, NO_ATTRS, [function], "y", "y").output))
    assert [n.inputs[0].name for n in after.nodes if n.op == "quantize"] == [quantized_value]
