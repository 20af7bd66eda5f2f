"""Where the formats of a configuration come to stand, and what gives way to them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from networks import constant, graph_of, mlp, quantized
from pass_fuzz.subjects import subjects

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.formats import REAL, parse
from hwgen.ir.graph import NO_ATTRS, Graph, Node, Value
from hwgen.ir.text import print_graph
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.arithmetic import ADD
from hwgen.ops.linear import LINEAR
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BATCH_NORM, BatchNormAttrs
from hwgen.ops.shape import RESHAPE, TRANSPOSE, ReshapeAttrs, TransposeAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.pipeline import Info
from hwgen.precision.points import points
from hwgen.precision.rules import PrecisionConfig
from passes import AssignFormats, AssignPrecision, FoldConstants


def source(size: int = 2, name: str = "x") -> Value:
    return make(INPUT, InputAttrs((1, size)), [], name, name).output


def linear(value: Value, weight: object, path: str, bias: object | None = None) -> Value:
    inputs = [value, weight if isinstance(weight, Value) else constant(weight, f"{path}.w")]
    if bias is not None:
        inputs.append(bias if isinstance(bias, Value) else constant(bias, f"{path}.b"))
    return make(LINEAR, NO_ATTRS, inputs, path, path).output


def relu(value: Value, name: str) -> Value:
    return make(RELU, NO_ATTRS, [value], name, name).output


def network() -> Graph:
    """x → fc1 → act → fc2, of two values each."""
    first = linear(source(), [[0.3, -1.0], [2.2, 0.1]], "fc1", [0.27, -0.13])
    return graph_of(linear(relu(first, "act"), [[0.3, 0.6], [-0.6, 1.1]], "fc2", [0.4, 0.6]))


def assigned(graph: Graph, **sections: object) -> tuple[Graph, Info]:
    return AssignFormats(PrecisionConfig.of(**sections))(graph)  # type: ignore[arg-type]


def formats(graph: Graph) -> dict[str, str]:
    """Of each value that has one."""
    return {v.name: str(v.type.format) for v in graph.values() if v.type.format is not REAL}


def node(graph: Graph, path: str, op: str = "linear") -> Node:
    (found,) = (n for n in graph.nodes if n.path == path and n.op == op)
    return found


def trail(value: Value) -> list[str]:
    """Operators on the way from the first input, that of ``value`` last."""
    found: list[str] = []
    while True:
        found.insert(0, value.producer.op)
        if not value.producer.inputs:
            return found
        value = value.producer.inputs[0]


def test_a_default_is_for_weights_biases_and_what_needs_codes() -> None:
    graph, info = assigned(network(), default={"weight": "fixed<4,3>", "bias": "fixed<6,3>", "input": "fixed<5,3>"})
    assert formats(graph) == {
        "x.q": "fixed<5,3>", "fc1.w.q": "fixed<4,3>", "fc1.b.q": "fixed<6,3>", "act.q": "fixed<5,3>", "fc2.w.q": "fixed<4,3>",
        "fc2.b.q": "fixed<6,3>",
    }
    assert {(n.where, n.what) for n in info.changed} >= {("fc1", "weight: fixed<4,3>"), ("fc2", "input: fixed<5,3> (act)")}
    value = graph.value("fc1")
    assert value is not None
    # weights 0.5 -1 and 2 0 in halves; biases 2/8 and -1/8; inputs 1 and 0.25 in quarters
    assert evaluate(graph, {"x": np.array([[1.0, 0.3]])})[value].tolist() == [[0.5 - 0.25 + 0.25, 2.0 - 0.125]]


def test_what_is_not_named_stays_as_a_model_without_formats_has_it() -> None:
    graph, _ = assigned(network(), layers={"fc2": {"weight": "fixed<4,3>"}})
    assert formats(graph) == {"fc2.w.q": "fixed<4,3>"}
    config = PrecisionConfig.of(layers={"fc2": {"weight": "fixed<4,3>"}})
    made, plain = (lower(network(), o) for o in (BuildOptions(formats=config), BuildOptions()))
    assert formats(made.quantized) | {"fc2.w.q": "fixed<16,6>"} == formats(plain.quantized)
    assert made.default_precision == plain.default_precision == "fixed<16,6>"
    everything = PrecisionConfig.of(default={"weight": "fixed<4,3>", "input": "fixed<5,3>"})
    assert lower(network(), BuildOptions(formats=everything)).default_precision is None


def test_an_output_is_quantized_behind_its_layer_and_an_input_behind_the_output() -> None:
    graph, _ = assigned(network(), layers={"act": {"output": "ufixed<4,2>"}, "fc2": {"input": "ufixed<3,2>"}})
    assert trail(node(graph, "fc2").inputs[0])[-3:] == ["relu", "quantize", "quantize"]
    assert formats(graph) == {"act.result": "ufixed<4,2>", "act.result.q": "ufixed<3,2>"}
    graph, info = assigned(network(), layers={"act": {"output": "ufixed<4,2>"}, "fc2": {"input": "ufixed<5,2>"}})
    assert formats(graph) == {"act.result": "ufixed<4,2>"} and [n.where for n in info.left] == ["fc2"]


def test_one_quantizer_serves_all_that_want_the_same() -> None:
    value = relu(source(), "act")
    graph = graph_of(*(linear(value, np.eye(2), f"fc{k}") for k in range(3)))
    graph, _ = assigned(graph, default={"input": "fixed<4,2>"}, layers={"fc2": {"input": "fixed<6,2>"}})
    first, second, third = (node(graph, f"fc{k}").inputs[0] for k in range(3))
    assert first is second and first is not third
    assert [str(v.type.format) for v in (first, third)] == ["fixed<4,2>", "fixed<6,2>"]


def test_a_weight_that_is_named_is_rounded_from_the_models_floats_not_from_its_codes() -> None:
    own = quantized(constant([[0.3, -1.0], [2.2, 0.1]], "w"), "int2[scale=1]", "w.own")
    turned = make(TRANSPOSE, TransposeAttrs((1, 0)), [own], "w.t", "fc1").output
    network = graph_of(linear(quantized(source(), "fixed<8,4>", "q"), turned, "fc1", [0.2, 0.3]))
    graph, info = assigned(network, layers={"fc1": {"weight": "fixed<6,3>"}})
    graph, _ = FoldConstants()(graph)
    weight = node(graph, "fc1").inputs[1]
    assert str(weight.type.format) == "fixed<6,3>"
    assert evaluate(graph, {"x": np.zeros((1, 2))})[weight].tolist() == [[0.25, 2.25], [-1.0, 0.125]]
    assert ("fc1", "weight: the model's own int2[scale=1] gives way") in {(n.where, n.what) for n in info.changed}
    # what is not named, or is named as it is, stays
    for sections in ({"default": {"weight": "fixed<6,3>"}}, {"types": {"linear": {"weight": "fixed<6,3>"}}},
                     {"patterns": {"fc.*": {"weight": "int2[scale=1]"}}}):
        graph, info = assigned(network, **sections)
        assert str(node(graph, "fc1").inputs[1].type.format) == "int2[scale=1]", sections
        assert not any("gives way" in n.what for n in info.changed)


def test_a_weight_whose_codes_are_all_there_is_of_it_is_rounded_from_them() -> None:
    graph, _ = FoldConstants()(mlp((3, 4), 1))
    before = node(graph, "fc1").inputs[1]
    reals = evaluate(graph, {"x": np.zeros((1, 3))})[before]
    graph, _ = assigned(graph, layers={"fc1": {"weight": "fixed<3,1>"}})
    after = evaluate(graph, {"x": np.zeros((1, 3))})[node(graph, "fc1").inputs[1]]
    assert np.array_equal(after, np.rint(np.clip(reals, -1, 0.75) * 4) / 4)


def test_a_bias_of_one_number_is_rounded_from_its_code() -> None:
    bias = quantized(constant(0.3, "b"), "int4[scale=1/4]", "b.own")
    graph, _ = FoldConstants()(graph_of(linear(source(), np.eye(2), "fc", bias)))
    graph, _ = assigned(graph, layers={"fc": {"bias": "fixed<4,4>"}})
    assert evaluate(graph, {"x": np.zeros((1, 2))})[graph.outputs[0]].tolist() == [[0.0, 0.0]]
    assert print_graph(graph)


def test_the_models_quantizer_of_an_input_gives_way_for_the_layer_that_names_it_alone() -> None:
    value = make(RESHAPE, ReshapeAttrs((1, 2, 1)), [quantized(relu(source(), "act"), "int4[scale=1/4]", "q")], "r", "r").output
    flat = make(RESHAPE, ReshapeAttrs((1, 2)), [value], "flat", "flat").output
    network = graph_of(linear(flat, np.eye(2), "fc1"), linear(flat, np.eye(2), "fc2"))
    graph, _ = assigned(network, layers={"fc2": {"input": "fixed<8,3>"}})
    first, second = (node(graph, f"fc{k}").inputs[0] for k in (1, 2))
    assert trail(first) == trail(second) == ["input", "relu", "quantize", "reshape", "reshape"]
    x = {"x": np.array([[1.3, 2.06]])}
    values = evaluate(graph, x)
    assert values[first].tolist() == [[1.25, 1.75]]
    assert values[second].tolist() == [[1.3125, 2.0625]]  # of the reals, not of the codes
    same, _ = assigned(network, layers={"fc1": {"input": "fixed<8,3>"}, "fc2": {"input": "fixed<8,3>"}})
    assert [str(n.output.type.format) for n in same.nodes if n.op == "quantize"] == ["fixed<8,3>"]
    for sections in ({"default": {"input": "fixed<8,3>"}}, {"types": {"linear": {"input": "fixed<8,3>"}}}):
        stays, info = assigned(network, **sections)
        assert formats(stays) == {"q": "int4[scale=1/4]"} and {n.where for n in info.left} == {"fc1", "fc2"}


def test_the_models_quantizer_of_an_output_gives_way_only_to_its_name() -> None:
    network = graph_of(linear(quantized(relu(source(), "act"), "int4[scale=1/4]", "q"), np.eye(2), "fc"))
    graph, _ = assigned(network, layers={"act": {"output": "ufixed<3,2>"}})
    assert formats(graph) == {"act.result": "ufixed<3,2>"}
    for sections in ({"default": {"output": "ufixed<3,2>"}}, {"types": {"relu": {"output": "ufixed<3,2>"}}}):
        graph, info = assigned(network, **sections)
        assert formats(graph).get("q") == "int4[scale=1/4]" and "act.result" not in formats(graph)
        assert ("act", "output: the model quantizes it") in {(n.where, n.what) for n in info.left}


def test_codes_are_moved_rather_than_reals_unless_the_format_has_an_axis() -> None:
    def flattened() -> Graph:
        image = make(INPUT, InputAttrs((1, 2, 2)), [], "x", "x").output
        return graph_of(linear(make(RESHAPE, ReshapeAttrs((1, 4)), [image], "flat", "flat").output, np.eye(4), "fc"))

    for format_, way in (
        ("fixed<4,2>", ["input", "quantize", "reshape"]), ("mxint<4,8,2>", ["input", "reshape", "quantize"]),
        ("int4[scale=1 2 3 4,axis=1]", ["input", "reshape", "quantize"]),
    ):
        graph, _ = assigned(flattened(), default={"input": format_})
        value = node(graph, "fc").inputs[0]
        assert trail(value) == way
        data = np.array([[[0.3, -1.2], [5.5, 2.6]]])
        expected = parse(format_).quantize_real(data.reshape(1, 4))  # type: ignore[attr-defined]
        assert np.array_equal(evaluate(graph, {"x": data})[value], expected)


def test_a_batch_norm_goes_into_floats_but_not_into_weights_that_the_model_quantized() -> None:
    def normed(weight: Value) -> Graph:
        numbers = ([2.0, 3.0], [0.3, -0.3], [0.0, 0.0], [1.0, 1.0])
        attrs = BatchNormAttrs(*(tuple(Surd.of(v) for v in vector) for vector in numbers), Surd.of(0))
        value = make(BATCH_NORM, attrs, [linear(source(), weight, "fc")], "norm", "norm").output
        return graph_of(value)

    floats, own = constant([[0.3, -1.0], [2.2, 0.1]], "w"), quantized(constant([[0.3, -1.0], [2.2, 0.1]], "w"), "fixed<9,4>", "own")
    for weight, folds in ((floats, True), (own, False)):
        graph, _ = assigned(normed(weight), layers={"fc": {"weight": "fixed<6,4>"}})
        assert [n.op for n in graph.nodes].count("batch_norm") == (not folds)
        assert str(node(graph, "fc").inputs[1].type.format) == "fixed<6,4>"
        made = evaluate(graph, {"x": np.zeros((1, 2))})[node(graph, "fc").inputs[1]].tolist()
        assert made == ([[0.5, -2.0], [6.5, 0.25]] if folds else [[0.25, -1.0], [2.25, 0.0]])
    graph, _ = AssignFormats(PrecisionConfig.of(layers={"fc": {"weight": "fixed<6,4>"}}), training=True)(normed(floats))
    assert [n.op for n in graph.nodes].count("batch_norm") == 1
    assert node(graph, "fc").inputs[1].producer.inputs[0] is not None
    own_format = {"fc": {"output": "fixed<8,4>"}, "norm": {"scale": "fixed<3,3>", "bias": "fixed<4,2>"}}
    graph, _ = assigned(normed(floats), layers=own_format)
    (scaled,) = (n for n in graph.nodes if n.path == "norm")
    assert scaled.op == "scale_bias"
    with pytest.raises(HwgenError, match=r"scale of batch_norm 'norm': mxint<4,8,16> has no scale that is one for all"):
        assigned(normed(floats), layers={"fc": {"output": "fixed<8,4>"}, "norm": {"scale": "mxint<4,8,16>"}})


def test_training_keeps_floats_before_their_quantizers() -> None:
    config = PrecisionConfig.of(default={"weight": "fixed<4,3>"}, layers={"fc2": {"weight": "fixed<3,2>"}})
    graph, _ = AssignFormats(config, training=True)(mlp((3, 4, 2), 1))
    for path, format_ in (("fc1", "int4[scale=1/8]"), ("fc2", "fixed<3,2>")):
        weight = node(graph, path).inputs[1]
        assert str(weight.type.format) == format_
        assert (weight.producer.op, weight.producer.inputs[0].producer.op) == ("quantize", "constant")
        assert weight.producer.inputs[0].type.format is REAL


def test_the_bias_that_a_sum_adds_is_the_products_and_the_output_is_behind_it() -> None:
    product = linear(source(), np.eye(2), "fc")
    bias = quantized(constant([0.27, -0.13], "b"), "fixed<3,1>", "b.own")
    graph = graph_of(relu(make(ADD, NO_ATTRS, [bias, product], "sum", "sum").output, "act"))
    assert [(p.path, p.role) for p in points(graph) if p.path in ("fc", "sum") and p.role != "input"] == [
        ("fc", "weight"), ("fc", "bias"), ("sum", "output"),
    ]
    made, _ = assigned(graph, layers={"fc": {"bias": "fixed<6,1>", "output": "fixed<9,4>"}})
    assert str(node(made, "sum", "add").inputs[0].type.format) == "fixed<6,1>"
    assert formats(made)["sum.result"] == "fixed<9,4>"


def test_a_graph_of_codes_is_refused() -> None:
    with pytest.raises(HwgenError, match="comes in as codes"):
        assigned(lower(mlp((3, 2), 1)).graph, layers={"fc1": {"weight": "fixed<4,3>"}})


def test_points_that_need_a_format_are_those_that_a_default_precision_fills(random: Random) -> None:
    for _ in range(8):
        graph = next(subjects(random, 0)).graph
        needed = [p.path for p in points(graph) if p.needed and p.format is None]
        _, info = AssignPrecision("fixed<6,3>")(graph)
        assert sorted(needed) == sorted(note.where for note in info.changed)
