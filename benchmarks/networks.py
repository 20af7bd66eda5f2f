"""Quantized networks with random weights, as QONNX files: what a benchmark needs where no trained model is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_QONNX = "qonnx.custom_op.general"


@dataclass(frozen=True)
class Recipe:
    """A multilayer perceptron.

    widths: of the input and of each layer.  weight_bits: 1 is bipolar; narrow: without the least value (2 bits: ternary).
    activation_bits: of hidden layers, after ReLU; 1 is bipolar.  input_bits: signed.  channel_scales: weights scaled a channel.
    bias: floats, after which levels lie anywhere.
    """

    widths: tuple[int, ...] = (64, 64, 32, 10)
    weight_bits: int = 4
    activation_bits: int = 4
    input_bits: int = 4
    narrow: bool = False
    channel_scales: bool = False
    bias: bool = False
    seed: int = 1


class _Model:
    """Nodes and tensors of a file, as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def tensor(self, name: str, value: object) -> str:
        """A constant of floats."""
        self.tensors.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """An ONNX operator."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def quantized(self, source: str, bits: int, scale: object, *, signed: bool, narrow: bool = False) -> str:
        """What a QONNX quantizer makes of a value."""
        factor = self.tensor(f"{source}.scale", scale)
        if bits == 1:
            return self.node("BipolarQuant", [source, factor], f"{source}.q", domain=_QONNX)
        others = [self.tensor(f"{source}.zero", 0), self.tensor(f"{source}.bits", bits)]
        settings = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND"}
        return self.node("Quant", [source, factor, *others], f"{source}.q", domain=_QONNX, **settings)


def write_network(recipe: Recipe, path: Path) -> Path:
    """Writes the network of a recipe; the same recipe gives the same network."""
    random, made = np.random.default_rng(recipe.seed), _Model()
    step = 2.0 ** (1 - max(2, recipe.weight_bits))
    value = made.quantized("x", recipe.input_bits, 2.0 ** (2 - recipe.input_bits), signed=True)
    last = len(recipe.widths) - 2
    for i, (inputs, outputs) in enumerate(pairwise(recipe.widths)):
        weight = made.tensor(f"w{i}", random.normal(0, 0.4, (inputs, outputs)))
        scale = step * random.uniform(0.5, 1.5, (1, outputs)) if recipe.channel_scales else step
        codes = made.quantized(weight, recipe.weight_bits, scale, signed=True, narrow=recipe.narrow)
        value = made.node("MatMul", [value, codes], f"fc{i}")
        if recipe.bias:
            value = made.node("Add", [value, made.tensor(f"b{i}", random.normal(0, 1, outputs))], f"sum{i}")
        if i == last:
            break
        if recipe.activation_bits > 1:
            value = made.node("Relu", [value], f"relu{i}")
        value = made.quantized(value, recipe.activation_bits, 2.0 ** (3 - recipe.activation_bits), signed=False)
    graph = helper.make_graph(
        made.nodes, "random", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, recipe.widths[0]])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, recipe.widths[-1]])], made.tensors,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid(_QONNX, 1)]), path)
    return path
