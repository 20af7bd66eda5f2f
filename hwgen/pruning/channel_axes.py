"""Where the channels of a value are behind each operator: what has to be known to take some of them away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import prod
from typing import Final

from hwgen.formats import Block, Format, Quantized
from hwgen.ir.graph import Attrs, Node, Shape, Value
from hwgen.ops.activation import PReluAttrs
from hwgen.ops.arithmetic import ARITHMETIC
from hwgen.ops.conv import RealConvAttrs
from hwgen.ops.conv_transpose import TransposedAttrs
from hwgen.ops.padding import PadAttrs
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.ops.reduce import ReduceAttrs
from hwgen.ops.scalar import BatchNormAttrs, ScaleBiasAttrs
from hwgen.ops.shape import ReshapeAttrs, TransposeAttrs
from hwgen.ops.weights import PRODUCTS

_EACH: Final = frozenset(("relu", "clip", "identity", "threshold", *FUNCTION_OPS))
"""Operators that treat all elements alike."""
_IMAGES: Final = frozenset(("max_pool", "average_pool", "resize", "interpolate"))
"""Operators that work on positions behind axis 1."""


@dataclass(frozen=True, slots=True)
class Channels:
    """count channels along an axis, of ``inner`` elements each (an image that was flattened)."""

    axis: int
    count: int
    inner: int = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why channels cannot be taken away."""

    why: str


def groups_of(node: Node) -> int:
    """Of a convolution; 1 of others."""
    return node.attrs.groups if isinstance(node.attrs, RealConvAttrs | TransposedAttrs) else 1


def made_by(node: Node) -> Channels:
    """The channels that a product makes."""
    shape = node.output.type.shape
    axis = len(shape) - 1 if node.op == "linear" else 1
    return Channels(axis, shape[axis])


def along(attrs: Attrs, axis: int, rank: int) -> bool:
    """Whether the attributes say something of each channel along ``axis``."""
    match attrs:
        case ScaleBiasAttrs() if attrs.channels > 1:
            return attrs.axis % rank == axis
        case BatchNormAttrs():
            return attrs.axis % rank == axis
        case PReluAttrs(slope) if len(slope) > 1:
            return attrs.axis % rank == axis
        case QuantizeAttrs(format_):
            return format_along(format_, axis, rank)
        case _:
            return False


def format_along(format_: Format, axis: int, rank: int) -> bool:
    """Whether scales of a format vary along ``axis``."""
    return isinstance(format_, Quantized) and format_.axis is not None and format_.axis % rank == axis


def takes_all(node: Node) -> bool:
    """Whether a product takes all channels that enter it into each sum."""
    return node.op in PRODUCTS and groups_of(node) == 1


def behind(node: Node, value: Value, channels: Channels, constants: Collection[Value]) -> Channels | Refusal | None:
    """The channels of ``value``, which enters ``node``, in what the node makes; None where it takes all of them into its sums.

    constants: the values that depend on no input.
    """
    rank, axis, what = len(value.type.shape), channels.axis, f"{node.op} {node.path!r}"
    if node.op in PRODUCTS:
        return _into_product(node, value, channels)
    match node.attrs:
        case QuantizeAttrs(Block() as format_) if format_.along % rank == axis:
            return Refusal(f"{what} lets neighbours share an exponent")
        case QuantizeAttrs() | ScaleBiasAttrs() | BatchNormAttrs() | PReluAttrs():
            return channels
        case TransposeAttrs(perm):
            return replace(channels, axis=perm.index(axis))
        case ReshapeAttrs(shape):
            return _reshaped(value.type.shape, shape, channels) or Refusal(f"{what} mixes them with other axes")
        case ReduceAttrs(_, axes, keep):
            if axis in axes:
                return Refusal(f"{what} works on all of them together")
            return channels if keep else replace(channels, axis=axis - sum(a < axis for a in axes))
        case PadAttrs(before, after):
            return Refusal(f"{what} adds some") if before[axis] or after[axis] else channels
        case _ if node.op in ARITHMETIC:
            others = [v for v in node.inputs if v is not value]
            joined = node.inputs.count(value) == 1 and any(v not in constants for v in others)
            return Refusal(f"{what} joins them with those of another value") if joined else channels
        case _ if node.op in _EACH or (node.op in _IMAGES and axis == 1):
            return channels
        case _:
            return Refusal(f"{what} works on all of them together")


def _into_product(node: Node, value: Value, channels: Channels) -> Channels | Refusal | None:
    what, axis = f"{node.op} {node.path!r}", len(value.type.shape) - 1 if node.op == "linear" else 1
    if node.inputs[0] is not value or value in node.inputs[1:]:
        return Refusal(f"{what} takes them as weights")
    if channels.axis != axis:
        return Refusal(f"{what} takes them as positions")
    if takes_all(node):
        return None
    groups, outputs = groups_of(node), node.output.type.shape[1]
    if node.op == "conv" and groups == outputs == channels.count and channels.inner == 1:
        return channels  # depthwise
    return Refusal(f"{what} has them in groups")


def _reshaped(old: Shape, new: Shape, channels: Channels) -> Channels | None:
    axis, count, inner = channels.axis, channels.count, channels.inner
    if new[:axis] != old[:axis] or len(new) <= axis:
        return None
    if new[axis] == old[axis]:
        return channels
    if new[axis:] == (prod(old[axis:]),):
        return Channels(axis, count, inner * prod(old[axis + 1 :]))
    return Channels(axis, count) if new[axis] == count else None
