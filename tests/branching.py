"""A small lowered network of branches, two inputs and two outputs, made by hand from a seed."""

from __future__ import annotations

import numpy as np

from hwgen.formats import Integer
from hwgen.ir.graph import NO_ATTRS, Attrs, Graph, Value, topological
from hwgen.ops.concat import AxisAttrs
from hwgen.ops.eltwise import EltwiseAttrs
from hwgen.ops.lane_pool import PoolAttrs
from hwgen.ops.permute import PermuteAttrs
from hwgen.ops.quantize import DECODE
from hwgen.ops.record import make
from hwgen.ops.requantize import ScaleAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER
from hwgen.ops.window_conv import ConvAttrs


def node(op: str, attrs: Attrs, inputs: list[Value], path: str) -> Value:
    """The output of an integer operator."""
    return make(INTEGER[op], attrs, inputs, f"{path}.y", path).output


def _in_a_byte(value: Value, path: str, shift: int) -> Value:
    """Rounded down after a division by ``2**shift``, saturated."""
    attrs = ScaleAttrs((1,), ((0,),), shift, -128, 127, False, Integer(-128, 127))
    return node("requant_scale", attrs, [value], f"{path}.byte")


def branching(seed: int) -> Graph:
    """An image of 2 x 6 x 5 in the framework's order, and a map of 6 x 5 x 4 in the hardware's.

    image ─┬─ conv1 (3 x 3) ─ add ─ shift (map) ─┬─ conv2 ─ concat ─ joined
           ├─ skip (1 x 1) ────┘                 └─ pool ───│──────── pooled
           └────────────────────────────────────────────────┘
    """
    numbers = np.random.default_rng(seed)
    image = make(INPUT, InputAttrs((1, 2, 6, 5), Integer(-8, 7)), [], "image", "image").output
    map_ = make(INPUT, InputAttrs((1, 6, 5, 4), Integer(0, 15)), [], "map", "map").output
    moved = node("permute", PermuteAttrs((1, 2, 30), (0, 2, 1), (1, 6, 5, 2)), [image], "image.order")
    conv1 = node("conv_codes", ConvAttrs(numbers.integers(-4, 4, (4, 3, 3, 2)), pads=(1, 1, 1, 1)), [moved], "conv1")
    skip = node("conv_codes", ConvAttrs(numbers.integers(-4, 4, (4, 1, 1, 2))), [moved], "skip")
    sum_ = node("eltwise", EltwiseAttrs("add"), [conv1, skip], "add")
    added = node("eltwise", EltwiseAttrs("add", a_mul=3, b_off=-2), [sum_, map_], "shift")
    conv2 = node("conv_codes", ConvAttrs(numbers.integers(-4, 4, (3, 1, 1, 4))), [added], "conv2")
    parts = [_in_a_byte(conv2, "conv2", 4), _in_a_byte(moved, "wide", 0)]
    joined = node("join", AxisAttrs(3), parts, "concat")
    pooled = node("pool_codes", PoolAttrs("max", (2, 2), strides=(2, 2)), [added], "pool")
    reals = [make(DECODE, NO_ATTRS, [v], name, name).output for v, name in ((joined, "joined"), (pooled, "pooled"))]
    return Graph("branching", topological(reals, [image.producer, map_.producer]), tuple(reals))
