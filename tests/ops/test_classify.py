"""Softmax and argmax as files write them: the numbers of ONNX Runtime, or a refusal; and keys of argmax at their limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import constant, graph_of, quantized
from onnx import TensorProto
from peers.support import OnnxFile

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.ir.graph import NO_ATTRS, Array, Graph
from hwgen.ops.classify import ARGMAX_REAL
from hwgen.ops.linear import LINEAR
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.source import INPUT, InputAttrs

SHAPE = (1, 3, 4, 5)


def graph_of_file(path: Path, op: str, *, opset: int = 13, shape: tuple[int, ...] = SHAPE, **attributes: int) -> Graph:
    file = OnnxFile(path, shape, opset)
    made = file.add(op, ["x"], **attributes)
    return read_onnx(file.save(made if op != "ArgMax" else file.add("Cast", [made], to=TensorProto.FLOAT))).require()


def both(path: Path, graph: Graph, seed: int) -> tuple[Array, Array]:
    """What the graph and ONNX Runtime compute of the same numbers, some of them equal."""
    runtime = pytest.importorskip("onnxruntime")
    shape = graph.inputs[0].type.shape
    x = np.random.default_rng(seed).integers(-6, 7, shape).astype(np.float32) / 2
    (wanted,) = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})
    return evaluate(graph, {"x": x.astype(np.float64)}, graph.outputs)[graph.outputs[0]], wanted


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("axis", [None, -1, 3, 2, -3, 1])
def test_softmax_along_any_axis_but_the_batch_is_that_of_onnx_runtime(op: str, axis: int | None, tmp_path: Path, seed: int) -> None:
    attributes = {} if axis is None else {"axis": axis}
    found, wanted = both(tmp_path / "m.onnx", graph_of_file(tmp_path / "m.onnx", op, **attributes), seed)
    assert found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [0, -4, 4, -5])
def test_softmax_along_the_batch_or_no_axis_is_refused(axis: int, tmp_path: Path) -> None:
    with pytest.raises(HwgenError, match=rf"axis={axis} of a tensor of 4 axes"):
        graph_of_file(tmp_path / "m.onnx", "Softmax", axis=axis)


def test_softmax_before_opset_13_is_taken_where_it_means_the_same(tmp_path: Path, seed: int) -> None:
    for shape, attributes in (((1, 6), {}), (SHAPE, {"axis": 3}), ((1, 2, 3), {"axis": -1})):
        path = tmp_path / "m.onnx"
        found, wanted = both(path, graph_of_file(path, "Softmax", opset=11, shape=shape, **attributes), seed)
        assert found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-5, atol=1e-6)
    with pytest.raises(HwgenError, match="axis=1 of 4 axes means all from there on"):
        graph_of_file(tmp_path / "m.onnx", "Softmax", opset=11)


@pytest.mark.parametrize("keep", [None, 0, 1])
@pytest.mark.parametrize("axis", [-1, 3])
def test_argmax_along_the_last_axis_is_that_of_onnx_runtime(axis: int, keep: int | None, tmp_path: Path, seed: int) -> None:
    attributes = {} if keep is None else {"keepdims": keep}
    found, wanted = both(tmp_path / "m.onnx", graph_of_file(tmp_path / "m.onnx", "ArgMax", axis=axis, **attributes), seed)
    assert found.shape == wanted.shape and np.array_equal(found, wanted)


@pytest.mark.parametrize(
    ("attributes", "says"),
    [({}, "axis 0"), ({"axis": 1}, "axis 1 of a tensor of 4 axes"), ({"axis": -1, "select_last_index": 1}, "select_last_index=1")],
)
def test_another_argmax_is_refused(attributes: dict[str, int], says: str, tmp_path: Path) -> None:
    with pytest.raises(HwgenError, match=says):
        graph_of_file(tmp_path / "m.onnx", "ArgMax", **attributes)


def decided(bias: list[int]) -> Graph:
    """The greater of two codes in 0 ... 255, each with its bias."""
    x = quantized(make(INPUT, InputAttrs((1, 2)), [], "x", "x").output, "uint8[scale=1]", "x.q")
    weight = quantized(constant(np.eye(2), "w"), "int2[scale=1]", "w.q")
    logits = make(LINEAR, NO_ATTRS, [x, weight, constant(bias, "b")], "fc", "fc").output
    return graph_of(make(ARGMAX_REAL, NO_ATTRS, [logits], "y", "argmax").output)


def test_keys_have_32_bits_and_no_more() -> None:
    last = (1 << 31) - 1 - 255
    graph = lower(decided([last & ~0x7F, 0]), BuildOptions()).graph
    index = evaluate(graph, {graph.inputs[0].name: np.array([[0, 255]])}, graph.outputs)[graph.outputs[0]]
    assert index.ravel().tolist() == [0]
    with pytest.raises(HwgenError, match="more than 32 bits"):
        lower(decided([1 << 31, 0]), BuildOptions())
    with pytest.raises(HwgenError, match="more than 32 bits"):
        lower(decided([-(1 << 31), 0]), BuildOptions())
