"""Bias correction, equalization and learned rounding: each helps a trained network, and none does what it must not."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from hwgen.calibration.biases import correct_biases
from hwgen.calibration.equalization import equalize
from hwgen.calibration.operands import operand
from hwgen.calibration.ranges import Method
from hwgen.calibration.rounding import RoundOptions, round_weights
from hwgen.data import Dataset
from hwgen.flow import lower
from hwgen.formats import Affine, parse_quantized
from hwgen.ir.graph import NO_ATTRS, Graph, Rewriter, Value, topological
from hwgen.ir.text import print_graph
from hwgen.ops.activation import RELU
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.linear import LINEAR
from hwgen.ops.pool import MAX_POOL, RealPoolAttrs
from hwgen.ops.real_sampling import constant
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.shape import RESHAPE, ReshapeAttrs
from hwgen.ops.source import INPUT, ConstantAttrs, InputAttrs
from passes import CalibrateRanges, CorrectBiases, EqualizeLayers, RoundWeights
from tests.calibration.trained import CALIBRATION, TEST, distance, output, trained, with_formats

pytest.importorskip("torch")
pytest.importorskip("brevitas")


def four_bits(graph: Graph, method: Method = "mse", weight: str = "int4[scale=1]", act: str | None = None) -> Graph:
    formats = (parse_quantized(weight), None if act is None else parse_quantized(act))
    return CalibrateRanges(CALIBRATION, method)(with_formats(graph, *formats))[0]


# --- biases -------------------------------------------------------------------------------------------------------------


def test_bias_correction_lowers_the_error_of_the_output() -> None:
    for weight in ("int3[scale=1]", "int4[scale=1]"):
        graph = four_bits(trained(), weight=weight)
        corrected, info = CorrectBiases(CALIBRATION)(graph)
        assert distance(corrected) < 0.9 * distance(graph), weight
        assert len(info.changed) == 3 and not info.left


def test_after_correction_the_means_of_every_channel_are_those_in_float() -> None:
    graph = correct_biases(four_bits(trained(), act="uint4[scale=1]"), CALIBRATION)
    data = {name: array.astype(np.float64) for name, array in CALIBRATION.inputs.items()}
    corrected, wanted = ({v.name: a for v, a in evaluate(g, data).items()} for g in (graph, trained()))
    for layer in ("fc1", "fc2", "fc3"):
        assert np.allclose(corrected[layer].mean(axis=0), wanted[layer].mean(axis=0), atol=1e-6), "biases are float32"


def test_a_product_without_a_bias_gets_one() -> None:
    x = make(INPUT, InputAttrs((1, 6)), [], "x", "x").output
    w = constant(np.random.default_rng(1).normal(0, 1, (4, 6)).astype(np.float32), "w")
    y = make(LINEAR, NO_ATTRS, [x, w], "y", "y").output
    graph = four_bits(Graph("bare", topological([y], [x.producer]), (y,)))
    data = Dataset({"x": CALIBRATION.inputs["x"] + 1})
    corrected = correct_biases(graph, data)
    (node,) = (n for n in corrected.nodes if n.op == "linear")
    assert len(node.inputs) == 3 and node.inputs[2].name == "y.bias"
    wanted = output(Graph("bare", topological([y], [x.producer]), (y,)), data).mean(axis=0)
    assert np.allclose(output(corrected, data).mean(axis=0), wanted, atol=1e-5)


# --- equalization -------------------------------------------------------------------------------------------------------


def unbalanced(graph: Graph, seed: int = 3) -> Graph:
    """The same function, the channels of its layers scaled apart."""
    factors = np.exp2(np.random.default_rng(seed).integers(-4, 5, 24)).astype(np.float32)
    changes = {"fc1.weight": factors[:, None], "fc1.bias": factors, "fc2.weight": 1 / factors[None]}
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node.output.name in changes and (found := operand(graph, node.output)) is not None:
            rewriter.replace(node.output, found.with_data(found.data * changes[node.output.name]))
        else:
            rewriter.copy(node)
    return rewriter.finish()


def test_equalization_keeps_the_function_to_the_bit_and_helps_few_bits() -> None:
    graph = unbalanced(trained())
    equal, info = EqualizeLayers()(graph)
    assert np.array_equal(output(equal, TEST), output(graph, TEST)) and info.changed
    assert distance(four_bits(equal)) < distance(four_bits(graph)) / 3


def image_network(random: Random) -> Graph:
    """conv → relu → max pool → depthwise conv → relu → flatten → linear, channels scaled apart."""
    rng = np.random.default_rng(random.getrandbits(32))
    x = make(INPUT, InputAttrs((1, 2, 6, 6)), [], "x", "x").output
    spread = np.exp2(rng.integers(-3, 4, 4))

    def weight(shape: tuple[int, ...], name: str, factors: np.ndarray | float = 1.0):  # noqa: ANN202
        return constant((rng.normal(0, 1, shape) * factors).astype(np.float32), name)

    plain = RealConvAttrs((1, 1), (1, 1), (1, 1, 1, 1))
    value = make(CONV, plain, [x, weight((4, 2, 3, 3), "w1", spread[:, None, None, None]), weight((4,), "b1")], "c1", "c1").output
    value = make(RELU, NO_ATTRS, [value], "r1", "r1").output
    value = make(MAX_POOL, RealPoolAttrs((2, 2), (2, 2), (1, 1), (0, 0, 0, 0)), [value], "p", "p").output
    deep = RealConvAttrs((1, 1), (1, 1), (1, 1, 1, 1), 4)
    w2 = weight((4, 1, 3, 3), "w2", spread[:, None, None, None])
    value = make(CONV, deep, [value, w2, weight((1,), "b2")], "c2", "c2").output
    value = make(RELU, NO_ATTRS, [value], "r2", "r2").output
    value = make(RESHAPE, ReshapeAttrs((1, 36)), [value], "flat", "flat").output
    value = make(LINEAR, NO_ATTRS, [value, weight((3, 36), "w3")], "y", "y").output
    return Graph("image", topological([value], [x.producer]), (value,))


def test_convolutions_depthwise_ones_and_flattened_images_are_equalized(random: Random) -> None:
    for _ in range(5):
        graph = image_network(random)
        equal = equalize(graph)
        data = {"x": np.random.default_rng(1).normal(0, 1, (4, 2, 6, 6))}
        before, after = (evaluate(g, data, g.outputs)[g.outputs[0]] for g in (graph, equal))
        assert np.array_equal(before, after)
        assert print_graph(equal) != print_graph(graph)
        assert print_graph(equalize(equal)) == print_graph(equal), "it was done to the end"


def test_quantized_weights_and_layers_with_other_functions_between_are_left() -> None:
    graph, info = EqualizeLayers()(with_formats(trained(), parse_quantized("int4[scale=1]")))
    assert not info.changed and {n.what.split(",")[0] for n in info.left} >= {"its weight or bias is quantized already"}
    assert graph is not None


# --- rounding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", ["int3[scale=1]", "fixed<3,1>", "ternary[scale=1]"])
def test_learned_rounding_lowers_the_error_of_the_output(weight: str) -> None:
    graph = four_bits(trained(), weight=weight, act="uint8[scale=1]")
    rounded, info = RoundWeights(CALIBRATION)(graph)
    assert distance(rounded) < 0.7 * distance(graph), [n.what for n in (*info.changed, *info.left)]
    assert lower(rounded).graph.outputs


def operand_data(value: Value) -> np.ndarray:
    assert isinstance(value.producer.attrs, ConstantAttrs)
    return value.producer.attrs.data


def test_learned_rounding_moves_no_weight_by_a_whole_step_and_is_the_same_every_time() -> None:
    graph = CalibrateRanges(method="mse")(with_formats(trained(), Affine(3, True)))[0]
    rounded = round_weights(graph, CALIBRATION, RoundOptions(steps=100))
    assert print_graph(rounded) == print_graph(round_weights(graph, CALIBRATION, RoundOptions(steps=100)))
    old, new = (g.value("fc2.weight") for g in (graph, rounded))
    quantizer = graph.value("fc2.weight.q")
    assert old is not None and new is not None and quantizer is not None and isinstance(quantizer.type.format, Affine)
    before, after = (operand_data(v) for v in (old, new))
    step = float(quantizer.type.format.scale[0])
    inside = np.abs(before) < 3 * step
    assert (np.abs(after - before)[inside] <= step * (1 + 1e-6)).all() and (after != before).any()


def test_all_steps_together_are_better_than_each_before() -> None:
    graph = unbalanced(trained())
    plain = four_bits(graph, "min-max", act="uint6[scale=1]")
    best = four_bits(equalize(graph), act="uint6[scale=1]")
    after_ranges = distance(best)
    best = round_weights(best, CALIBRATION)
    after_rounding = distance(best)
    best = correct_biases(best, CALIBRATION)
    assert distance(plain) > after_ranges > after_rounding > distance(best) * 0.98
