"""What linear operators refuse, and how their hardware's numbers are chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.formats import parse_quantized
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.frontend.torch_export import read_torch
from hwgen.ir.graph import NO_ATTRS, Value
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.source import CONSTANT, INPUT, ConstantAttrs, InputAttrs


def constant(*shape: int) -> Value:
    data = np.arange(float(np.prod(shape, dtype=int)), dtype=np.float32).reshape(shape)
    return make(CONSTANT, ConstantAttrs(data), [], f"c{shape}", "c").output


def source(*shape: int) -> Value:
    return make(INPUT, InputAttrs(shape), [], "x", "x").output


@pytest.mark.parametrize("bias", [(2,), (1,), (1, 2), (1, 1), ()])
def test_biases_that_fit_are_taken(bias: tuple[int, ...]) -> None:
    node = make(LINEAR, NO_ATTRS, [source(1, 3), constant(2, 3), constant(*bias)], "y", "fc")
    assert node.output.type.shape == (1, 2)
    x, w, b = np.array([[1.0, -2.0, 3.0]]), np.arange(6.0).reshape(2, 3), np.arange(float(np.prod(bias, dtype=int))).reshape(bias)
    assert np.array_equal(LINEAR.evaluate(node, [x, w, b]), x @ w.T + b)
    assert np.array_equal(LINEAR.evaluate(node, [x, w]), x @ w.T)


@pytest.mark.parametrize(
    ("x", "weight", "bias", "says"),
    [
        ((1, 3), (2, 4), None, "do not fit"), ((1, 3), (3, 2), None, "do not fit"), ((1, 3), (3,), None, "do not fit"),
        ((1, 3), (2, 3, 1), None, "do not fit"), ((), (2, 3), None, "do not fit"), ((1, 2, 2, 2, 3), (2, 3), None, "two axes"),
        ((3,), (2, 3), None, "two axes"), ((1, 3), (2, 3), (3,), "bias"), ((1, 3), (2, 3), (2, 1), "bias"),
        ((1, 3), (2, 3), (2, 2), "bias"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(
    x: tuple[int, ...], weight: tuple[int, ...], bias: tuple[int, ...] | None, says: str
) -> None:
    with pytest.raises(HwgenError, match=says):
        make(LINEAR, NO_ATTRS, [constant(*x), constant(*weight), *([] if bias is None else [constant(*bias)])], "y", "fc")


@pytest.mark.parametrize("op", ["Gemm", "MatMul"])
@pytest.mark.parametrize("shape", [(3,), (1, 3, 2)])
def test_a_weight_that_is_no_matrix_is_refused_by_its_name(op: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    node = helper.make_node(op, ["x", "w"], ["y"], name="product")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y",)]
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])], ends,
        [numpy_helper.from_array(np.ones(shape, dtype=np.float32), "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "m.onnx")
    with pytest.raises(HwgenError, match=r"product.*(weight of shape|use a matrix)"):
        read_onnx(tmp_path / "m.onnx").require()


def test_samples_grow_on_vectors_of_a_grid_only() -> None:
    def grid(value: Value) -> Value:
        return make(QUANTIZE, QuantizeAttrs(parse_quantized("int4[scale=1]")), [value], "q", "q").output

    assert LINEAR.takes(grid(source(1, 3)))
    assert not LINEAR.takes(grid(source(1, 2, 3))) and not LINEAR.takes(grid(source(3)))
    product = make(LINEAR, NO_ATTRS, [grid(source(1, 3)), constant(2, 3)], "y", "fc").output
    assert not LINEAR.takes(product)


class Positions(torch.nn.Module):
    """A product at each position, then a convolution over them, and the mean of all."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.product, self.conv = torch.nn.Linear(4, 3), torch.nn.Conv2d(3, 2, 3, padding=1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_((parameter * 8).round())

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.product(x)
        return self.conv(y.permute(0, 3, 1, 2)), y


def test_a_product_at_each_position_equals_torch(seed: int) -> None:
    module = Positions(seed % 1000).double()
    graph = lower(
        read_torch(module.float(), torch.zeros(1, 5, 6, 4)), BuildOptions(input_format="fixed<4,4>", precision="fixed<14,14>")
    ).graph
    codes = np.random.default_rng(seed).integers(-8, 8, (2, 5, 6, 4))
    values = evaluate(graph, {graph.inputs[0].name: codes})
    for sample, one in enumerate(codes):
        expected = module.double()(torch.tensor(one[None], dtype=torch.float64))
        for output, wanted in zip(graph.outputs, expected, strict=True):
            assert np.array_equal(values[output][sample], wanted.detach().numpy()[0])
