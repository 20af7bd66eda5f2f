"""Greatest code or sum over windows, each channel by itself: hg_window -> hg_reduce.

    pool_codes   y[r, c, k] = max or sum over ky, kx of x[r*stride + ky*dilation - pad, ..., k]

Outside the image a maximum sees the least code, a sum the pad code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.lanes import reduce_cost
from hwgen.cost.streams import window_cost
from hwgen.dataflow.unit import Parallelism, Unit, beats
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import SAFE_BITS, Interval
from hwgen.ops.record import Case, IntegerOp, attrs_as, fit_lanewise, make
from hwgen.ops.sampling import codes_format, fresh_input, random_lanes
from hwgen.ops.window import Window, as_image, image_size
from hwgen.ops.window_conv import check_pad, sliding_window, window_units
from hwgen.ops.window_sampling import random_window_attrs, window_takes

KINDS: Final = ("max", "sum")
"""As the template numbers them."""


@dataclass(frozen=True, slots=True)
class PoolAttrs(Attrs):
    """kind: one of `KINDS`.  kernel, strides, dilations: of rows and columns.  pads: above, left, below, right.

    pad: the code outside the image, for sums.
    """

    kind: str
    kernel: tuple[int, ...]
    strides: tuple[int, ...] = (1, 1)
    dilations: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    pad: int = 0


def pool_window(node: Node) -> Window:
    """The windows.  Raises HwgenError where the kernel is larger than the padded image."""
    attrs = attrs_as(node, PoolAttrs)
    rows, cols, _ = image_size(node.inputs[0].type.shape, f"{node.op} {node.path!r}")
    return sliding_window(node, (rows, cols), attrs.kernel, attrs.strides, attrs.dilations, attrs.pads)


def _bounds(node: Node) -> tuple[Interval, ...]:
    attrs, window, x = attrs_as(node, PoolAttrs), pool_window(node), codes_format(node.inputs[0])
    if attrs.kind == "max":
        return (Interval(x.low, x.high),)
    inside = [r * c for r, c in product(*({int(n) for n in axis.counts()} for axis in (window.rows, window.cols)))]
    low = min(n * x.low + (window.taps - n) * attrs.pad for n in (min(inside), max(inside)))
    high = max(n * x.high + (window.taps - n) * attrs.pad for n in (min(inside), max(inside)))
    return (Interval(low, high),)


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, where = attrs_as(node, PoolAttrs), f"pool_codes {node.path!r}"
    counts = (len(attrs.kernel), len(attrs.strides), len(attrs.dilations), len(attrs.pads))
    if attrs.kind not in KINDS or counts != (2, 2, 2, 4) or min(*attrs.kernel, *attrs.strides, *attrs.dilations) < 1:
        raise HwgenError("shape", where, f"windows {attrs.kernel} of kind {attrs.kind}", f"use rows and columns, one of {KINDS}")
    window, x = pool_window(node), codes_format(node.inputs[0])
    if x.bipolar:
        raise HwgenError("shape", where, "the input is bipolar", "make it two's complement before")
    if attrs.kind == "sum":
        check_pad(node, window, attrs.pad)
    elif min(axis.counts().min() for axis in (window.rows, window.cols)) < 1:
        raise HwgenError("shape", where, "a window lies outside the image", "use less padding")
    (bounds,) = _bounds(node)
    if max(-bounds.low, bounds.high).bit_length() > SAFE_BITS:
        raise HwgenError("overflow", where, f"sums reach {bounds.high}", "use fewer bits, or smaller windows")
    return (TensorType(window.shape(node.inputs[0].type.shape), Integer(bounds.low, max(bounds.high, bounds.low + 1))),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, window = attrs_as(node, PoolAttrs), pool_window(node)
    image = as_image(inputs[0])
    result: IntArray | None = None
    step = np.maximum if attrs.kind == "max" else np.add
    for _, _, taken in window.taps_of(image, _pad(node)):
        result = taken.copy() if result is None else step(result, taken, out=result)
    return (image if result is None else result).reshape(len(image), *node.output.type.shape[1:])


def _pad(node: Node) -> int:
    """The code outside the image."""
    attrs = attrs_as(node, PoolAttrs)
    return attrs.pad if attrs.kind == "sum" else codes_format(node.inputs[0]).low


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, window, lanes = attrs_as(node, PoolAttrs), pool_window(node), parallelism.inputs
    x, y = codes_format(node.inputs[0]), codes_format(node.output)
    blocks = beats(node.inputs[0].type.shape[-1], lanes)
    out_beats = window.count * blocks
    parameters = (
        ("Lanes", lanes), ("Width", x.bits), ("Signed", int(x.signed)), ("Kind", KINDS.index(attrs.kind)),
        ("Taps", window.taps), ("OutWidth", y.bits),
    )
    unit = Unit("hg_reduce", parameters, (), lanes, lanes, out_beats * window.taps, out_beats, latency_cycles=1)
    return (*window_units(node, window, lanes, groups=blocks, pad=_pad(node)), unit)


# --- samples ----------------------------------------------------------------------------------------------------------


def _takes(value: Value) -> bool:
    format_ = codes_format(value)
    return window_takes(value) and not format_.bipolar and format_.bits <= 32


def _sample(random: Random, value: Value | None = None) -> Case:
    while value is None or not _takes(value):
        value = fresh_input(random)
    kind = random.choice(KINDS)
    drawn = random_window_attrs(random, value, empty=kind == "sum")
    attrs = PoolAttrs(kind, drawn.kernel, drawn.strides, drawn.dilations, drawn.pads, drawn.pad if kind == "sum" else 0)
    node = make(POOL_CODES, attrs, [value], "y", "pool")
    return Case(node, fit_lanewise(node, Parallelism(random_lanes(random, value.type.shape[-1]), 1)))


def _refit(node: Node, value: Value) -> Attrs:
    return PoolAttrs(attrs_as(node, PoolAttrs).kind, (1, 1))


def _plainer(node: Node) -> Iterator[Attrs]:
    attrs = attrs_as(node, PoolAttrs)
    one = [replace(attrs, kernel=(1, 1), dilations=(1, 1), pads=(0, 0, 0, 0), pad=0), replace(attrs, pads=(0, 0, 0, 0), pad=0)]
    for candidate in one:
        try:
            plain = make(POOL_CODES, candidate, node.inputs, "y", node.path)
        except HwgenError:
            continue
        if candidate != attrs and plain.output.type.elements <= node.output.type.elements:
            yield candidate


POOL_CODES = IntegerOp(
    "pool_codes", PoolAttrs, _infer, _reference, _bounds, _units, _sample, _refit, _plainer, _takes,
    costs={"hg_window": window_cost, "hg_reduce": reduce_cost}, fit=fit_lanewise,
)
