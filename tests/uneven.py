"""Networks whose weights, biases and values are in any formats."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from networks import constant, graph_of

from hwgen.formats import parse_quantizer
from hwgen.ir.graph import NO_ATTRS, Graph, Value
from hwgen.ops.activation import RELU
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs

SIZES = (20, 8, 8)


def quantized(value: Value, format_: str, name: str) -> Value:
    """A value rounded to the members of a format."""
    return make(QUANTIZE, QuantizeAttrs(parse_quantizer(format_)), [value], name, name).output


def network(*weights: str, source: str = "int8[scale=1/16]", between: str = "uint4[scale=1/4]", seed: int = 1) -> Graph:
    """A layer for each weight format, a bias in another, ReLU and a quantizer between."""
    numbers = np.random.default_rng(seed)
    entry = make(INPUT, InputAttrs((1, SIZES[0])), [], "x", "x").output
    value = quantized(entry, source, "x.q")
    sizes = (SIZES[0], *(SIZES[1] for _ in weights))
    for at, ((before, after), weight) in enumerate(zip(pairwise(sizes), weights, strict=True)):
        path = f"fc{at}"
        w = quantized(constant(numbers.normal(0, 0.5, (after, before)), f"{path}.w"), weight, f"{path}.wq")
        b = quantized(constant(numbers.normal(0, 1, after), f"{path}.b"), "minifloat<4,3>", f"{path}.bq")
        value = make(LINEAR, NO_ATTRS, [value, w, b], f"{path}.y", path).output
        if at + 1 < len(weights):
            value = quantized(make(RELU, NO_ATTRS, [value], f"{path}.r", path).output, between, f"{path}.q")
    return graph_of(value)
