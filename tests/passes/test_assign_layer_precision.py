"""Types of layers in hls4ml's form: on what they come, and in which order they are looked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from networks import constant, graph_of, mlp, quantized

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.frontend.hls4ml_config import Hls4mlConfig, read_hls4ml_config
from hwgen.ir.graph import NO_ATTRS, Graph, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.arithmetic import ADD
from hwgen.ops.classify import SOFTMAX, SoftmaxAttrs
from hwgen.ops.linear import LINEAR
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BATCH_NORM, BatchNormAttrs
from hwgen.ops.shape import RESHAPE, ReshapeAttrs
from hwgen.ops.source import INPUT, InputAttrs
from passes import AssignLayerPrecision, FoldConstants

ROUND = ",AP_RND,AP_SAT>"


@pytest.fixture
def config(tmp_path: Path):
    def of(**sections: object) -> Hls4mlConfig:
        path = tmp_path / "types.json"
        path.write_text(json.dumps({"Model": {}, **sections}))
        return read_hls4ml_config(path)

    return of


def network(*, norm: bool = False, separate_bias: bool = False) -> Graph:
    """x → fc (→ norm) → act → softmax of two inputs and two outputs."""
    x = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    weight, bias = constant([[0.3, -1.0], [2.2, 0.1]], "w"), constant([0.27, -0.13], "b")
    inputs = [x, weight] if separate_bias else [x, weight, bias]
    value: Value = make(LINEAR, NO_ATTRS, inputs, "fc", "net.fc").output
    if separate_bias:
        value = make(ADD, NO_ATTRS, [bias, value], "sum", "sum").output
    if norm:
        numbers = ([2.0, 3.0], [0.3, -0.3], [0.0, 0.0], [1.0, 1.0])
        attrs = BatchNormAttrs(*(tuple(Surd.of(v) for v in vector) for vector in numbers), Surd.of(0))
        value = make(BATCH_NORM, attrs, [value], "norm", "norm").output
    value = make(RELU, NO_ATTRS, [value], "act", "act").output
    return graph_of(make(SOFTMAX, SoftmaxAttrs(), [value], "last", "last").output)


def formats(graph: Graph) -> dict[str, str]:
    """Of each value that has one."""
    return {v.name: str(v.type.format) for v in graph.values() if v.type.format is not REAL}


def test_weights_biases_and_results_get_their_own_types(config) -> None:
    one = AssignLayerPrecision(config(LayerName={"net_fc": {"Precision": {
        "weight": f"ap_fixed<4,3{ROUND}", "bias": "ap_fixed<6,3>", "result": f"ap_fixed<5,3{ROUND}",
    }}}))
    graph, info = one(network())
    assert formats(graph) == {"w.q": "fixed<4,3,rnd>", "b.q": "fixed<6,3,trn,wrap>", "fc.result": "fixed<5,3,rnd>"}
    assert {n.where for n in info.changed} == {"net.fc"}
    # weights 0.5 -1, 2 0 in halves; biases 2/8 and -2/8; results to quarters
    value = graph.value("fc.result")
    assert value is not None
    assert evaluate(graph, {"x": np.array([[1.0, 0.3]])})[value].tolist() == [[0.5, 1.75]]


def test_the_result_of_a_layer_of_several_operators_is_that_of_the_last(config) -> None:
    x = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    first = make(LINEAR, NO_ATTRS, [x, constant([[1.0, 2.0], [3.0, 4.0]], "w")], "inner", "fc").output
    graph = graph_of(make(RELU, NO_ATTRS, [make(RELU, NO_ATTRS, [first], "outer", "fc").output], "y", "act").output)
    after, _ = AssignLayerPrecision(config(LayerName={"fc": {"Precision": {"result": "ap_fixed<5,3>"}}}))(graph)
    assert [n.inputs[0].name for n in after.nodes if n.op == "quantize"] == ["outer"]


def test_name_wins_over_type_and_type_over_model(config) -> None:
    sections = {
        "Model": {"Precision": "ap_fixed<16,6>"},
        "LayerType": {"dense": {"Precision": {"weight": "ap_fixed<8,4>", "result": "ap_fixed<9,4>"}}},
        "LayerName": {"net.fc": {"Precision": {"weight": "ap_fixed<7,4>"}}, "act": {"Precision": "ap_ufixed<6,2>"}},
    }
    graph, _ = AssignLayerPrecision(config(**sections))(network())
    assert formats(graph) == {
        "x.result": "fixed<16,6,trn,wrap>", "w.q": "fixed<7,4,trn,wrap>", "b.q": "fixed<16,6,trn,wrap>",
        "fc.result": "fixed<9,4,trn,wrap>", "act.result": "ufixed<6,2,trn,wrap>",
    }


def test_auto_leaves_a_result_exact_and_gives_a_parameter_the_models_type(config) -> None:
    every = {"weight": "auto", "bias": "auto", "result": "auto"}
    one = AssignLayerPrecision(config(Model={"Precision": "ap_fixed<16,6>"}, LayerName={"net.fc": {"Precision": every}}))
    graph, _ = one(network())
    assert set(formats(graph)) == {"x.result", "w.q", "b.q", "act.result"}


def test_a_batch_norm_is_folded_before_types_where_the_layers_result_has_none(config) -> None:
    typed = {"Precision": {"weight": f"ap_fixed<4,3{ROUND}", "result": "auto"}}
    graph, _ = AssignLayerPrecision(config(LayerName={"net.fc": typed, "act": {"Precision": "ap_fixed<16,6>"}}))(network(norm=True))
    assert not any(n.op == "batch_norm" for n in graph.nodes)
    (weight,) = (v for v in graph.values() if str(v.type.format) == "fixed<4,3,rnd>")
    assert evaluate(graph, {"x": np.zeros((1, 2))})[weight].tolist() == [[0.5, -2.0], [3.5, 0.5]]  # of 0.6 -2, 6.6 0.3; saturated


def test_a_batch_norm_behind_a_typed_result_computes_with_types_of_its_own(config) -> None:
    names = {
        "net.fc": {"Precision": {"result": "ap_fixed<16,6>"}},
        "norm": {"Precision": {"scale": f"ap_fixed<3,3{ROUND}", "bias": f"ap_fixed<4,2{ROUND}"}},
    }
    graph, info = AssignLayerPrecision(config(LayerName=names))(network(norm=True))
    assert [n.op for n in graph.nodes if n.path == "norm"] == ["scale_bias"]
    assert {n.what for n in info.changed if n.where == "norm"} == {"scale: fixed<3,3,rnd>", "bias: fixed<4,2,rnd>"}
    value = graph.value("norm")
    assert value is not None
    # fc is 0.25, -0.125 of 0 (0.27, -0.13 in 1/1024, cut); scales 2, 3; biases 0.25 -0.25
    at = evaluate(graph, {"x": np.zeros((1, 2))})[value]
    assert at.tolist() == [[2 * 276 / 1024 + 0.25, 3 * -134 / 1024 - 0.25]]


def test_the_bias_behind_a_product_is_the_products(config) -> None:
    names = {"net.fc": {"Precision": {"bias": "ap_fixed<6,3>"}}}
    graph, _ = AssignLayerPrecision(config(Model={"Precision": "ap_fixed<16,6>"}, LayerName=names))(network(separate_bias=True))
    assert formats(graph)["b.q"] == "fixed<6,3,trn,wrap>"
    assert "fc.result" not in formats(graph) and formats(graph)["sum.result"] == "fixed<16,6,trn,wrap>"
    for name, text in (("net.fc", "ap_fixed<9,4>"), ("sum", "ap_fixed<9,4>"), ("net.fc", "auto")):
        sections = {"Model": {"Precision": "ap_fixed<16,6>"}, "LayerName": {name: {"Precision": {"result": text}}}}
        graph, _ = AssignLayerPrecision(config(**sections))(network(separate_bias=True))
        assert formats(graph).get("sum.result") == (None if text == "auto" else "fixed<9,4,trn,wrap>")


def test_what_the_model_quantizes_stays(config) -> None:
    graph = mlp((3, 4, 2), 1)
    after, info = AssignLayerPrecision(config(Model={"Precision": "ap_fixed<16,6>"}))(graph)
    assert {"fc1.q": "uint4[scale=1/4]", "x.q": "int8[scale=1/16]"}.items() <= formats(after).items()
    assert not any(n.where == "x" for n in info.changed)


def test_a_type_that_holds_every_value_adds_nothing(config) -> None:
    value = quantized(make(INPUT, InputAttrs((1, 3)), [], "x", "x").output, "int4[scale=1/4]", "q")
    graph = graph_of(make(RESHAPE, ReshapeAttrs((1, 3, 1)), [value], "r", "r").output)
    for text, adds in (("ap_fixed<8,4>", False), ("ap_fixed<4,2>", False), ("ap_fixed<3,1>", True), ("ap_fixed<8,6>", False)):
        after, _ = AssignLayerPrecision(config(LayerName={"r": {"Precision": {"result": text}}}))(graph)
        assert ("r.result" in formats(after)) is adds, text


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"LayerName": {"net.fcc": {"Precision": "ap_fixed<8,4>"}}}, "did you mean net.fc?"),
        ({"LayerType": {"Conv1d": {}, "Dens": {}}}, "did you mean Dense?"),
        ({"LayerName": {"act": {"Precision": {"weight": "ap_fixed<8,4>"}}}}, "relu has no weight"),
        ({"LayerName": {"net.fc": {"Precision": "auto"}, "NET_FC": {}}}, "has an entry already"),
    ],
)
def test_what_fits_no_layer_is_refused(config, sections: dict[str, object], said: str) -> None:
    with pytest.raises(HwgenError, match=r"hls4ml config 'types\.json'") as refusal:
        AssignLayerPrecision(config(**sections))(network())
    assert said in str(refusal.value)


def test_an_unknown_layer_without_types_says_nothing(config) -> None:
    graph, info = AssignLayerPrecision(config(LayerName={"dropout": {"Precision": {"result": "auto"}}}))(network())
    assert not formats(graph) and not info.changed


def test_a_weight_that_the_model_quantizes_otherwise_is_refused(config) -> None:
    for text, fine in (("ap_fixed<8,4>", True), ("ap_fixed<4,1>", True), ("ap_fixed<4,2>", False)):
        one = AssignLayerPrecision(config(LayerName={"fc1": {"Precision": {"weight": text}}}))
        graph = mlp((3, 4, 2), 1)
        folded, _ = FoldConstants()(graph)
        if fine:
            assert one(folded)[1].left
        else:
            with pytest.raises(HwgenError, match="the model quantizes it to"):
                one(folded)
