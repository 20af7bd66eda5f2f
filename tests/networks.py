"""Small networks for tests, made by hand from a seed."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np

from hwgen.formats import Integer, parse_quantized
from hwgen.ir.graph import NO_ATTRS, Graph, Value, topological
from hwgen.ops.activation import RELU
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.source import CONSTANT, INPUT, ConstantAttrs, InputAttrs


def constant(values: object, name: str) -> Value:
    """A constant of float32."""
    return make(CONSTANT, ConstantAttrs(np.asarray(values, dtype=np.float32)), [], name, name).output


def quantized(value: Value, format_: str, name: str) -> Value:
    """A value on the grid of a format."""
    return make(QUANTIZE, QuantizeAttrs(parse_quantized(format_)), [value], name, name).output


def graph_of(*outputs: Value) -> Graph:
    """The graph that computes ``outputs``."""
    nodes = topological(outputs)
    return Graph("small", topological(outputs, [n for n in nodes if n.op == "input"]), outputs)


def mlp(sizes: tuple[int, ...], seed: int, *, activation: str = "uint4[scale=1/4]", weight: str = "int4[scale=1/8]") -> Graph:
    """Quantized linear layers with biases and ReLU between them; the last has neither."""
    numbers = np.random.default_rng(seed)
    source = make(INPUT, InputAttrs((1, sizes[0])), [], "x", "x").output
    value: Value = make(QUANTIZE, QuantizeAttrs(parse_quantized("int8[scale=1/16]")), [source], "x.q", "x").output
    for at, (inputs, outputs) in enumerate(pairwise(sizes)):
        path = f"fc{at + 1}"
        w = make(CONSTANT, ConstantAttrs(numbers.normal(0, 0.5, (outputs, inputs)).astype(np.float32)), [], f"{path}.w", path)
        q = make(QUANTIZE, QuantizeAttrs(parse_quantized(weight)), [w.output], f"{path}.wq", path)
        b = make(CONSTANT, ConstantAttrs(numbers.normal(0, 1, outputs).astype(np.float32)), [], f"{path}.b", path)
        value = make(LINEAR, NO_ATTRS, [value, q.output, b.output], f"{path}.y", path).output
        if at < len(sizes) - 2:
            value = make(RELU, NO_ATTRS, [value], f"{path}.relu", path).output
            value = make(QUANTIZE, QuantizeAttrs(parse_quantized(activation)), [value], f"{path}.q", path).output
    return Graph("mlp", topological([value], [source.producer]), (value,))


def random_codes(format_: Integer, shape: tuple[int, ...], seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Codes of the format, the extremes among them."""
    random = np.random.default_rng(seed)
    if format_.bipolar:
        return random.choice(np.array([-1, 1]), size=shape)
    codes = random.integers(format_.low, format_.high, size=shape, endpoint=True)
    codes[0], codes[-1] = format_.low, format_.high
    return codes


def random_sizes(random: Random) -> tuple[int, ...]:
    """Two to four layers of 1 to 20."""
    return tuple(random.randint(1, 20) for _ in range(random.randint(3, 5)))
