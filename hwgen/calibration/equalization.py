"""Cross-layer equalization: channels between two products are scaled so that both weights spread alike, which few bits hold better.

    W2 f(W1 x + b1)  =  (W2 S) f(S⁻¹ W1 x + S⁻¹ b1)        f(s·x) = s·f(x) for s > 0

with s = sqrt(r1 / r2) of each channel, r1 and r2 the largest weights on both sides (Nagel et al., 2019), rounded to a power of two:
so the function stays the same to the bit, floats only change their exponent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hwgen.calibration.operands import Operand, operand
from hwgen.ir.graph import Array, Graph, Node, Rewriter
from hwgen.numerics.surd import ZERO
from hwgen.ops.conv import RealConvAttrs
from hwgen.ops.padding import PadAttrs
from hwgen.ops.record import Float64, attrs_as
from hwgen.ops.reduce import ReduceAttrs
from hwgen.ops.shape import ReshapeAttrs
from hwgen.pipeline import Notes

MOST_ROUNDS: Final = 20
_MOST_EXPONENT: Final = 16
"""Of a factor: weights stay far from the ends of float32."""
_KEEPS: Final = frozenset(("relu", "prelu", "identity", "max_pool", "average_pool", "resize", "interpolate"))
"""Operators with f(s·x) = s·f(x), channel by channel."""
_PRODUCTS: Final = ("linear", "conv")


@dataclass(frozen=True)
class _Pair:
    """first: gives the channels.  second: takes them, each ``repeats`` times in a row (a flattened image)."""

    first: Node
    second: Node
    repeats: int


def equalize(graph: Graph, notes: Notes | None = None) -> Graph:
    """The graph with equalized weights: all pairs, again and again until nothing changes.  Exactly the same function.

    Left alone: pairs with a quantizer, a batch norm or another function between them, and weights that are not floats.
    """
    notes = notes or Notes()
    pairs = [pair for node in graph.nodes if node.op in _PRODUCTS and (pair := _pair(graph, node, notes)) is not None]
    operands: dict[Node, list[Operand | None]] = {}
    for node in {n for pair in pairs for n in (pair.first, pair.second)}:
        operands[node] = [operand(graph, v) for v in node.inputs[1:]]
    free = {n for n, found in operands.items() if all(o is not None and o.quantizer is None and _is_float(o) for o in found)}
    for pair in pairs:
        for node in (pair.first, pair.second):
            if node not in free:
                notes.left(node.path, "its weight or bias is quantized already, exact, or used by others too")
    pairs = [p for p in pairs if p.first in free and p.second in free]
    data: dict[Operand, Array] = {o: o.data.copy() for found in operands.values() for o in found if o is not None}
    moved: dict[Node, int] = {}
    for _ in range(MOST_ROUNDS):
        changes = [_balance(pair, operands, data) for pair in pairs]
        for pair, count in zip(pairs, changes, strict=True):
            moved[pair.first] = max(moved.get(pair.first, 0), count)
        if not any(changes):
            break
    for pair in pairs:
        count = moved[pair.first]
        (notes.changed if count else notes.left)(pair.first.path, f"{count} channels scaled towards {pair.second.path}")
    return _rebuilt(graph, data)


def _balance(pair: _Pair, operands: dict[Node, list[Operand | None]], data: dict[Operand, Array]) -> int:
    """Scales the channels of one pair; how many of them change."""
    first = [o for o in operands[pair.first] if o is not None]
    weight = next(o for o in operands[pair.second] if o is not None)
    given = data[first[0]].reshape(len(data[first[0]]), -1)
    taken = _by_input(pair, data[weight])
    r1, r2 = np.abs(given).max(axis=1).astype(np.float64), np.abs(taken).max(axis=1).astype(np.float64)
    with np.errstate(divide="ignore"):
        wanted = np.rint((np.log2(r1) - np.log2(r2)) / 2)
    used = (r1 > 0) & (r2 > 0)
    factors = np.exp2(np.where(used, np.clip(wanted, -_MOST_EXPONENT, _MOST_EXPONENT), 0))
    for part in first:
        old = data[part]
        if part is first[0]:
            data[part] = old / factors.reshape(-1, *(1,) * (old.ndim - 1)).astype(old.dtype)
        else:  # a bias: one number, or one a channel
            data[part] = (old.reshape(-1) / factors.astype(old.dtype)).reshape(old.shape if old.size == len(factors) else -1)
    data[weight] = _scaled_by_input(pair, data[weight], factors)
    return int((factors != 1).sum())


def _is_float(found: Operand) -> bool:
    return found.data.dtype.kind == "f"


def _groups(pair: _Pair) -> int:
    return attrs_as(pair.second, RealConvAttrs).groups if pair.second.op == "conv" else 1


def _by_input(pair: _Pair, weight: Array) -> Array:
    """(channels, the rest): the weights that each channel meets."""
    groups = _groups(pair)
    split = weight.reshape(groups, len(weight) // groups, -1, pair.repeats, *weight.shape[2:])  # group, out, in, …
    turned = np.moveaxis(split, 2, 1)
    return turned.reshape(split.shape[0] * split.shape[2], -1)


def _scaled_by_input(pair: _Pair, weight: Array, factors: Float64) -> Array:
    groups = _groups(pair)
    split = weight.reshape(groups, len(weight) // groups, -1, pair.repeats, *weight.shape[2:])
    shaped = factors.astype(weight.dtype).reshape(groups, 1, -1, *(1,) * (split.ndim - 3))
    return (split * shaped).reshape(weight.shape)


def _pair(graph: Graph, first: Node, notes: Notes) -> _Pair | None:
    """The product that takes what ``first`` gives, and only that."""
    value, repeats = first.output, 1
    channel_axis = len(value.type.shape) - 1 if first.op == "linear" else 1
    while True:
        users = graph.uses.get(value, ())
        if len(users) != 1 or value in graph.outputs:
            notes.left(first.path, "what it gives goes several ways, or out")
            return None
        (node,) = users
        if node.op in _PRODUCTS:
            takes = len(value.type.shape) - 1 if node.op == "linear" else 1
            if node.inputs[0] is value and takes == channel_axis:
                return _Pair(first, node, repeats)
            notes.left(first.path, f"{node.path} takes its channels along another axis")
            return None
        if isinstance(node.attrs, ReshapeAttrs) and channel_axis == 1 and len(node.output.type.shape) == 2 and repeats == 1:
            repeats = value.type.elements // value.type.shape[channel_axis]
            channel_axis = 1
        elif not _keeps(node, channel_axis):
            notes.left(first.path, f"{node.op} {node.path} follows, which does not scale as its input does")
            return None
        elif isinstance(node.attrs, ReduceAttrs) and not node.attrs.keep:
            channel_axis -= sum(axis < channel_axis for axis in node.attrs.axes)
        value = node.output


def _keeps(node: Node, channel_axis: int) -> bool:
    match node.attrs:
        case ReduceAttrs(axes=axes):
            return channel_axis not in axes
        case PadAttrs(value=value, before=before, after=after):
            return value == ZERO and not before[channel_axis] and not after[channel_axis]
        case _:
            return node.op in _KEEPS


def _rebuilt(graph: Graph, data: dict[Operand, Array]) -> Graph:
    new = {o.constant: (o, array) for o, array in data.items() if array.shape != o.data.shape or not np.array_equal(array, o.data)}
    if not new:
        return graph
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node in new:
            found, array = new[node]
            rewriter.replace(node.output, found.with_data(array))
        else:
            rewriter.copy(node)
    return rewriter.finish()
