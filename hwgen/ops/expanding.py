"""Axes of size 1 repeated: ``Expand``, ``Tile`` and broadcasting of computed values, read as resizing of images.

Positions are repeated as they are (`hwgen.ops.resize`).  A channel alone becomes the lines of an image whose columns are repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Final

import numpy as np

from hwgen.frontend.limits import MAX_AXIS, MAX_VALUE_ELEMENTS
from hwgen.ir.graph import NO_ATTRS, Shape, Value
from hwgen.ops.concat import AxisAttrs
from hwgen.ops.importing import ImportCall, OnnxCall, OnnxRule, TorchCall, TorchRule
from hwgen.ops.resize import ResizeAttrs
from hwgen.ops.shape import ReshapeAttrs, TransposeAttrs


def expanded(call: ImportCall, value: Value, wanted: Sequence[int], *, suffix: str) -> Value:
    """``value`` broadcast to ``wanted``, a shape of as many axes; itself where it has that shape.  suffix: of the nodes' names."""
    before, shape = value.type.shape, _bounded(call, wanted)
    if len(shape) != len(before) or any(b not in (1, d) for b, d in zip(before, shape, strict=True)):
        raise call.refuse(f"{before} does not expand to {shape}", "give axes of size 1, or of the wanted size")
    if shape[0] != before[0]:
        raise call.refuse("expands the batch axis", "keep the batch as it is")
    if shape != before and len(shape) > 4:
        raise call.refuse(f"expands a tensor of {len(shape)} axes", "use at most two axes of positions")
    repeats = [d if b < d else 0 for b, d in zip(before, shape, strict=True)]
    if any(repeats[2:]):
        maps = [(0,) * count for count in repeats[2:]]
        value = call.emit("resize", ResizeAttrs(*maps), [value], suffix=f"{suffix}.positions")
    return _channels(call, value, shape, suffix) if any(repeats[1:2]) else value


def _bounded(call: ImportCall, wanted: Sequence[int]) -> Shape:
    if max(wanted, default=1) > MAX_AXIS or prod(wanted) > MAX_VALUE_ELEMENTS:
        raise call.refuse(f"makes a tensor of shape {list(wanted)}", f"use at most {MAX_VALUE_ELEMENTS} elements")
    return tuple(wanted)


def _channels(call: ImportCall, value: Value, shape: Shape, suffix: str) -> Value:
    """The one channel of ``value``, repeated."""
    channels, positions = shape[1], shape[2:]

    def reshaped(x: Value, to: Sequence[int], name: str) -> Value:
        return call.emit("reshape", ReshapeAttrs(tuple(to)), [x], suffix=f"{suffix}.{name}")

    lines = reshaped(value, (1, 1, prod(positions), 1), "lines")
    repeated = call.emit("resize", ResizeAttrs((), (0,) * channels), [lines], suffix=f"{suffix}.channels")
    last = reshaped(repeated, (1, *positions, channels), "last")
    rank = len(shape)
    return call.emit("transpose", TransposeAttrs((0, rank - 1, *range(1, rank - 1))), [last], suffix=f"{suffix}.first")


def _finished(call: ImportCall, value: Value) -> Value:
    """Under the foreign node's own name."""
    return call.emit("identity", NO_ATTRS, [value])


def _tiled(call: ImportCall, times: Sequence[int]) -> Value:
    value = call.value(0)
    shape = value.type.shape
    if len(times) != len(shape) or min(times) < 1:
        raise call.refuse(f"repeats {list(times)} of {shape}", "give one number of at least 1 an axis")
    value = expanded(call, value, [n if d == 1 else d for d, n in zip(shape, times, strict=True)], suffix=".expanded")
    for axis, (size, count) in enumerate(zip(shape, times, strict=True)):
        if size > 1 and count > 1:
            _bounded(call, [d * n for d, n in zip(shape, times, strict=True)])
            value = call.emit("concat", AxisAttrs(axis), [value] * count, suffix=f".axis{axis}")
    return _finished(call, value)


def _onnx_expand(call: OnnxCall) -> Value:
    shape, wanted = call.value(0).type.shape, [int(d) for d in call.constant(1).ravel()]
    if len(wanted) > len(shape):
        raise call.refuse(f"{shape} gets more axes: {wanted}", "reshape it before")
    full = np.broadcast_shapes(shape, [d if d > 0 else 1 for d in wanted]) if _fits(shape, wanted) else tuple(wanted)
    return _finished(call, expanded(call, call.value(0), full, suffix=".expanded"))


def _fits(shape: Shape, wanted: Sequence[int]) -> bool:
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return min(wanted, default=1) > 0 and all(a == b or 1 in (a, b) for a, b in pairs)


def _onnx_tile(call: OnnxCall) -> Value:
    return _tiled(call, [int(n) for n in call.constant(1).ravel()])


def _whole(call: TorchCall, name: str) -> list[int]:
    given = call.argument(1, name)
    whole = [v for v in given if isinstance(v, int)] if isinstance(given, list | tuple) else []
    if not isinstance(given, list | tuple) or len(whole) != len(given):
        raise call.refuse(f"{name} {given}", "use whole numbers")
    return whole


def _torch_expand(call: TorchCall) -> Value:
    call.argument(2, "implicit", False)
    shape, sizes = call.value(0).type.shape, _whole(call, "size")
    if len(sizes) != len(shape):
        raise call.refuse(f"{shape} gets more axes: {sizes}", "reshape it before")
    wanted = [d if n == -1 else n for d, n in zip(shape, sizes, strict=True)]
    return _finished(call, expanded(call, call.value(0), wanted, suffix=".expanded"))


def _torch_repeat(call: TorchCall) -> Value:
    return _tiled(call, _whole(call, "repeats"))


ONNX: Final[Mapping[str, OnnxRule]] = {"Expand": _onnx_expand, "Tile": _onnx_tile}
TORCH: Final[Mapping[str, TorchRule]] = {"aten.expand.default": _torch_expand, "aten.repeat.default": _torch_repeat}
