"""Elements of a tensor in another order: a reorder buffer (hg_reorder), or the host's work where it stands at an input.

    permute   y = x.reshape(dims).transpose(order).reshape(shape)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd, prod
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.streams import reorder_cost
from hwgen.dataflow.unit import Parallelism, ReorderTiming, Role, Unit, memory_style
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, Shape, TensorType, Value
from hwgen.numerics.interval import Interval
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input, random_shape

MAX_LOOPS: Final = 6
"""Of the template."""


@dataclass(frozen=True, slots=True)
class PermuteAttrs(Attrs):
    """dims: the input's elements as an array.  order: its axes in the result.  shape: of the result.  All begin with the batch."""

    dims: Shape
    order: tuple[int, ...]
    shape: Shape


def permutation(source: IntArray, shape: Shape) -> PermuteAttrs | None:
    """The permutation that puts element ``source[k]`` of the input at place ``k``, as axes that move; None where it is none.

    source: (elements,), each index once.
    """
    counts: list[int] = []
    strides: list[int] = []
    rest = source
    while len(rest) > 1:  # the innermost loop of what is left
        stride = int(rest[1] - rest[0])
        broken = np.flatnonzero(np.diff(rest) != stride)
        count = int(broken[0]) + 1 if len(broken) else len(rest)
        if len(rest) % count or not np.array_equal(rest.reshape(-1, count), rest[::count, None] + stride * np.arange(count)):
            return None
        counts.insert(0, count)
        strides.insert(0, stride)
        rest = rest[::count]
    if min(strides, default=1) < 1:
        return None
    axes = sorted(range(len(counts)), key=lambda k: -strides[k])
    dims = (1, *(counts[k] for k in axes))
    return PermuteAttrs(dims, (0, *(axes.index(k) + 1 for k in range(len(counts)))), shape)


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, x = attrs_as(node, PermuteAttrs), codes_format(node.inputs[0])
    elements = node.inputs[0].type.elements
    if prod(attrs.dims) != elements or prod(attrs.shape) != elements or sorted(attrs.order) != list(range(len(attrs.dims))):
        raise HwgenError("shape", f"permute {node.path!r}", f"{attrs} of {elements} elements", "check the sizes")
    if attrs.dims[:1] != (1,) or attrs.order[:1] != (0,) or attrs.shape[:1] != (1,):
        raise HwgenError("shape", f"permute {node.path!r}", "moves the batch axis", "keep the batch first")
    return (TensorType(attrs.shape, Integer(x.low, x.high, bipolar=x.bipolar)),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, count = attrs_as(node, PermuteAttrs), inputs[0].shape[0]
    moved = inputs[0].reshape(count, *attrs.dims[1:]).transpose(attrs.order)
    return moved.reshape(count, *attrs.shape[1:])


def _bounds(node: Node) -> tuple[Interval, ...]:
    x = codes_format(node.inputs[0])
    return (Interval(x.low, x.high),)


@dataclass(frozen=True, slots=True)
class _Loops:
    """Of a block: counts and strides in elements, outermost first.  run: elements that stay together, in the last loop."""

    counts: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def run(self) -> int:
        return self.counts[-1] if self.counts and self.strides[-1] == 1 else 1


def _loops(attrs: PermuteAttrs) -> _Loops:
    """Without the leading axes that stay where they are: what is left moves within a block."""
    axes = range(len(attrs.dims))
    fixed = next((k for k in axes if attrs.order[k] != k), len(attrs.dims))
    strides = [prod(attrs.dims[k + 1 :]) for k in axes]
    inner = attrs.order[fixed:]
    return _Loops(tuple(attrs.dims[o] for o in inner), tuple(strides[o] for o in inner))


def _fit(node: Node, wanted: Parallelism) -> Parallelism:
    """Lanes stay together: they divide the run of elements that do, and the channels of both sides."""
    attrs = attrs_as(node, PermuteAttrs)
    whole = gcd(_loops(attrs).run, node.inputs[0].type.shape[-1], attrs.shape[-1])
    lanes = max(n for n in range(1, whole + 1) if whole % n == 0 and n <= max(1, wanted.inputs))
    return Parallelism(lanes, lanes)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, lanes, x = attrs_as(node, PermuteAttrs), parallelism.inputs, codes_format(node.inputs[0])
    loops = _loops(attrs)
    counts, strides = list(loops.counts), list(loops.strides)
    if not counts:
        return ()
    if loops.run > 1:
        counts[-1] //= lanes
        strides = [*(s // lanes for s in strides[:-1]), 1]
    if len(counts) > MAX_LOOPS:
        raise HwgenError("unsupported-node", f"permute {node.path!r}", f"moves {len(counts)} axes", f"move at most {MAX_LOOPS}")
    words, width = prod(counts), lanes * x.bits
    style = memory_style(2 * words, width)
    count = node.output.type.elements // lanes
    tables = (("Counts", _table(counts)), ("Strides", _table(strides)))
    unit = Unit(
        "hg_reorder",
        (("Width", width), ("Words", words), ("Loops", len(counts)), *tables, ("Banks", 2), ("RamStyle", int(style))),
        (), lanes, lanes, count, count, role=Role.STREAM, timing=ReorderTiming(words, 2, style.latency_cycles),
        buffer_words=2 * words,
    )
    return (unit,)


def _table(values: Sequence[int]) -> int:
    """32 bits each, the first lowest."""
    return sum(v << 32 * k for k, v in enumerate(values))


def _sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random)
    elements = value.type.elements
    dims = random_shape(random, elements, most_axes=4)
    order = [0, *random.sample(range(1, len(dims)), len(dims) - 1)]
    attrs = PermuteAttrs(dims, tuple(order), tuple(dims[o] for o in order))
    node = make(PERMUTE, attrs, [value], "y", "permute")
    return Case(node, _fit(node, Parallelism(random.randint(1, 8), 1)))


def _refit(node: Node, value: Value) -> Attrs:
    elements = value.type.elements
    return PermuteAttrs((1, elements), (0, 1), (1, elements))


def _plainer(node: Node) -> Iterator[Attrs]:
    attrs = attrs_as(node, PermuteAttrs)
    plain = PermuteAttrs(attrs.shape, tuple(range(len(attrs.shape))), attrs.shape)
    if attrs != plain:
        yield plain


PERMUTE = IntegerOp(
    "permute", PermuteAttrs, _infer, _reference, _bounds, _units, _sample, _refit, _plainer,
    costs={"hg_reorder": reorder_cost}, fit=_fit,
)
