"""Positions of an image repeated, left out, or put around it: nearest resizing, strided slices, constant padding.

    rearrange   y[oy, ox] = x[row_start + sum of row steps before oy, col_start + ...], or pad where that lies outside
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

import numpy as np

from hwgen.cost.streams import window_cost
from hwgen.dataflow.unit import Parallelism, Unit
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import Interval
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input, random_lanes
from hwgen.ops.window import Axis, Window, as_image, image_size


@dataclass(frozen=True, slots=True)
class RearrangeAttrs(Attrs):
    """starts: position of the first row (column) that leaves; steps: to the next, at least 0.  pad: the code outside the image."""

    row_start: int
    row_steps: tuple[int, ...]
    col_start: int
    col_steps: tuple[int, ...]
    pad: int = 0

    @staticmethod
    def of(rows: Axis, cols: Axis, pad: int = 0) -> RearrangeAttrs:
        """Windows of one tap."""
        return RearrangeAttrs(rows.start, rows.steps, cols.start, cols.steps, pad)


def taking(size: int, positions: Sequence[int]) -> Axis:
    """Windows of one tap at these positions of an axis, which never fall."""
    return Axis(size, start=positions[0], steps=tuple(b - a for a, b in pairwise(positions)))


def _window(node: Node) -> Window:
    attrs, (rows, cols, _) = attrs_as(node, RearrangeAttrs), image_size(node.inputs[0].type.shape, f"rearrange {node.path!r}")
    col_axis = Axis(cols, start=attrs.col_start, steps=attrs.col_steps)
    return Window(Axis(rows, start=attrs.row_start, steps=attrs.row_steps), col_axis)


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, x, window = attrs_as(node, RearrangeAttrs), codes_format(node.inputs[0]), _window(node)
    if min((0, *attrs.row_steps, *attrs.col_steps)) < 0:
        raise HwgenError("shape", f"rearrange {node.path!r}", "goes backwards", "use steps of at least 0")
    low, high = (x.low, x.high) if window.inside else (min(x.low, attrs.pad), max(x.high, attrs.pad))
    result = Integer(low, high, bipolar=x.bipolar)
    if not window.inside and ((x.bipolar and abs(attrs.pad) != 1) or (result.bits, result.signed) != (x.bits, x.signed)):
        raise HwgenError(
            "unsupported-node", f"rearrange {node.path!r}", f"pads {x.short} codes with {attrs.pad}", "quantize to more bits before"
        )
    return (TensorType(window.shape(node.inputs[0].type.shape), result),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    (_, _, taken), = _window(node).taps_of(as_image(inputs[0]), attrs_as(node, RearrangeAttrs).pad)
    return np.ascontiguousarray(taken).reshape(inputs[0].shape[0], *node.output_types[0].shape[1:])


def _bounds(node: Node) -> tuple[Interval, ...]:
    format_ = node.output_types[0].format if node.output_types else _infer(node)[0].format
    return (Interval(format_.low, format_.high),) if isinstance(format_, Integer) else ()


def _fit(node: Node, wanted: Parallelism) -> Parallelism:
    lanes = max(1, min(wanted.inputs, node.inputs[0].type.shape[-1]))
    return Parallelism(lanes, lanes)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    x, window = codes_format(node.inputs[0]), _window(node)
    if window.trivial:
        return ()
    pad = int(np.asarray(x.to_bits(np.array(attrs_as(node, RearrangeAttrs).pad if not window.inside else x.low))))
    return (window.unit(bits=x.bits, lanes=parallelism.inputs, channels=node.inputs[0].type.shape[-1], pad=pad),)


def _random_axis(random: Random, size: int, *, pads: bool) -> Axis:
    """Repeated, strided, cropped or padded positions."""
    start = random.randint(-2 if pads else 0, size - 1)
    most = 2 if random.random() < 0.5 else 1
    steps: list[int] = []
    last = start
    while len(steps) < 12 and random.random() < 0.85:
        step = random.randint(0, most)
        if last + step >= size + (2 if pads else 0):
            break
        steps.append(step)
        last += step
    return Axis(size, start=start, steps=tuple(steps))


def _takes(value: Value) -> bool:
    return len(value.type.shape) <= 4


def _sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random)
    x, (rows, cols, channels) = codes_format(value), image_size(value.type.shape)
    flat = len(value.type.shape)
    axes = [
        _random_axis(random, size, pads=True) if flat > 2 + k else Axis.whole(size) for k, size in enumerate((rows, cols))
    ]
    pad = random.choice((-1, 1)) if x.bipolar else random.randint(x.low, x.high)
    node = make(REARRANGE, RearrangeAttrs.of(axes[0], axes[1], pad), [value], "y", "rearrange")
    lanes = random_lanes(random, channels)
    return Case(node, Parallelism(lanes, lanes))


def _refit(node: Node, value: Value) -> Attrs:
    attrs, (rows, cols, _) = attrs_as(node, RearrangeAttrs), image_size(value.type.shape)
    x = codes_format(value)
    pad = min(max(attrs.pad, x.low), x.high)
    return replace(RearrangeAttrs.of(Axis.whole(rows), Axis.whole(cols)), pad=pad)


def _plainer(node: Node) -> Iterator[Attrs]:
    attrs, (rows, cols, _) = attrs_as(node, RearrangeAttrs), image_size(node.inputs[0].type.shape)
    whole_rows = replace(attrs, row_start=0, row_steps=Axis.whole(rows).steps)
    whole_cols = replace(attrs, col_start=0, col_steps=Axis.whole(cols).steps)
    yield from (plain for plain in (whole_rows, whole_cols) if plain != attrs)


REARRANGE = IntegerOp(
    "rearrange", RearrangeAttrs, _infer, _reference, _bounds, _units, _sample, _refit, _plainer, _takes,
    costs={"hg_window": window_cost}, fit=_fit,
)
