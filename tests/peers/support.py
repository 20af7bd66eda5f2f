"""What the tests of the peers' failures share: models with whole weights, so that torch in float64 is exact, and their integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, import_model, lower
from hwgen.formats import IntArray, Integer
from hwgen.frontend.torch_export import read_torch
from hwgen.ir.graph import Array, Graph
from hwgen.ops.run import evaluate

SAMPLES = 6
WHOLE = "fixed<16,16>"
"""What a model leaves in float becomes whole numbers: of whole weights and inputs nothing is lost."""
QUANTIZERS = "qonnx.custom_op.general"


class Calls(nn.Module):
    """A forward written by hand, with the modules that it uses."""

    def __init__(self, function: Callable[..., object], **modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *x: torch.Tensor) -> object:
        return self.function(self, *x)


def with_whole_weights(module: nn.Module, seed: int) -> nn.Module:
    """Parameters from -3 to 3, in float64."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(-3, 4, parameter.shape).to(parameter.dtype))
    return module.double().eval()


def integers_of(graph: Graph, input_format: str | None = "fixed<4,4>", precision: str | None = WHOLE) -> Graph:
    """The lowered graph."""
    return lower(graph, BuildOptions(input_format=input_format, precision=precision)).graph


def codes_for(graph: Graph, seed: int) -> dict[str, IntArray]:
    """Random codes of every input, the least and the greatest among them."""
    numbers, result = np.random.default_rng(seed), dict[str, IntArray]()
    for value in graph.inputs:
        format_ = value.type.format
        assert isinstance(format_, Integer), "inputs come in as codes"
        codes = numbers.integers(format_.low, format_.high, (SAMPLES, *value.type.shape[1:]), endpoint=True)
        codes[0], codes[1] = format_.low, format_.high
        result[value.name] = codes
    return result


def assert_integers_equal_torch(module: nn.Module, *shapes: Sequence[int], seed: int, precision: str | None = WHOLE) -> Graph:
    """Every output of the lowered integers is torch's, bit for bit.  shapes: of the inputs, without the batch."""
    with_whole_weights(module, seed)
    graph = read_torch(module, tuple(torch.zeros(1, *s, dtype=torch.float64) for s in shapes), "m")
    lowered = integers_of(graph, precision=precision)
    codes = codes_for(lowered, seed)
    # one sample at a time: for a batch of one a module may move axes about that for more would be mixed up
    per_sample = zip(*(codes[v.name] for v in graph.inputs), strict=True)
    with torch.no_grad():
        made = [module(*(torch.tensor(c[None], dtype=torch.float64) for c in one)) for one in per_sample]
    outputs = [m if isinstance(m, tuple) else (m,) for m in made]
    found = evaluate(lowered, codes, lowered.outputs)
    for k, value in enumerate(lowered.outputs):
        wanted = np.concatenate([o[k].numpy() for o in outputs])
        assert found[value].shape == wanted.shape and np.array_equal(found[value], wanted), f"output {k} of {module}"
    return lowered


def refusal_of(module: nn.Module, *shapes: Sequence[int]) -> str:
    """What a torch model is refused with, at import or in lowering."""
    with pytest.raises(HwgenError) as caught:
        integers_of(read_torch(module.eval(), tuple(torch.zeros(1, *s) for s in shapes), "m"))
    return str(caught.value)


class OnnxFile:
    """Writes an ONNX file node by node; each method returns the name of a value."""

    def __init__(self, path: Path, shape: Sequence[int], opset: int = 13) -> None:
        self.path, self.shape, self.opset = path, list(shape), opset
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []

    def constant(self, values: object, dtype: type[np.generic] = np.float32) -> str:
        name = f"c{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def add(self, op: str, inputs: Sequence[str], *, domain: str = "", outputs: int = 1, **attributes: object) -> str:
        names = [f"v{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}", domain=domain, **attributes))
        return names[0]

    def quant(self, x: str, scale: float, bits: int, *, signed: bool = True, zero: float = 0.0) -> str:
        """QONNX's quantizer, half to even."""
        operands = [self.constant(v) for v in (scale, zero, bits)]
        return self.add("Quant", [x, *operands], domain=QUANTIZERS, signed=int(signed), narrow=0, rounding_mode="ROUND")

    def save(self, *outputs: str) -> Path:
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs], self.stored,
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QUANTIZERS, 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), self.path)
        return self.path


def integers_of_file(path: Path, seed: int) -> tuple[IntArray, Array, Graph]:
    """Codes of the one input, the reals of the first output, and the lowered graph."""
    lowered = integers_of(import_model(path), None, None)
    codes = codes_for(lowered, seed)
    found = evaluate(lowered, codes, lowered.outputs)[lowered.outputs[0]]
    return codes[lowered.inputs[0].name], found, lowered
