"""Removes output channels of layers from a graph: weights, biases and what is said of each channel shrink, here and behind.

A layer's channels can go where everything behind it, up to the next products, works on each channel by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import Format, IntArray
from hwgen.ir.graph import Attrs, Graph, Node, Rewriter, Value
from hwgen.ops.activation import PReluAttrs
from hwgen.ops.conv import RealConvAttrs
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.scalar import BatchNormAttrs, ScaleBiasAttrs
from hwgen.ops.shape import ReshapeAttrs, TransposeAttrs
from hwgen.ops.source import ConstantAttrs
from hwgen.ops.table import REAL
from hwgen.precision.points import constant_values
from hwgen.pruning.channel_axes import Channels, Refusal, along, behind, format_along, groups_of, made_by

_T = TypeVar("_T")


def refusal(graph: Graph, node: Node) -> str | None:
    """Why output channels of a product cannot be removed; None where they can."""
    if groups_of(node) > 1:
        return "its channels are in groups"
    constants = constant_values(graph)
    stack = [(node.output, made_by(node))]
    while stack:
        value, channels = stack.pop()
        if value in graph.outputs:
            return f"they are those of {value.name!r}, an output of the model"
        for use in graph.uses.get(value, ()):
            found = behind(use, value, channels, constants)
            if isinstance(found, Refusal):
                return found.why
            if found is not None:
                stack.append((use.output, found))
    return None


def without_channels(graph: Graph, kept: Mapping[Node, IntArray]) -> Graph:
    """The graph in which each product of ``kept`` makes only these of its output channels (ascending).

    Raises HwgenError where one of them has a `refusal`.
    """
    return _Removal(graph, kept).whole()


@dataclass(frozen=True, eq=False)
class _Kept:
    """channels: of a value of the old graph.  indices: those that stay."""

    channels: Channels
    indices: IntArray

    @property
    def elements(self) -> IntArray:
        """Along the axis."""
        return (self.indices[:, None] * self.channels.inner + np.arange(self.channels.inner)).ravel()


class _Removal:
    def __init__(self, graph: Graph, kept: Mapping[Node, IntArray]) -> None:
        self.graph, self.kept, self.constants = graph, kept, constant_values(graph)
        self.rewriter = Rewriter(graph)
        self.cut: dict[Value, _Kept] = {}

    def whole(self) -> Graph:
        """See `without_channels`."""
        for node in self.graph.nodes:
            entering = next((v for v in node.inputs if v in self.cut), None)
            if node.output in self.constants:
                continue
            if entering is None and node not in self.kept:
                self.rewriter.copy(node)
                continue
            attrs, inputs = node.attrs, [self.rewriter[v] for v in node.inputs]
            if entering is not None:
                attrs = self._without(node, entering, inputs)
            if node in self.kept:
                self.cut[node.output] = _Kept(made_by(node), self.kept[node])
                self._cut_outputs(node, inputs, self.kept[node])
            made = make(REAL[node.op], attrs, inputs, node.output.name, node.path)
            self.rewriter.replace(node.output, made.output)
        return self.rewriter.finish()

    def _without(self, node: Node, entering: Value, inputs: list[Value]) -> Attrs:
        """Attributes without what is said of channels that do not come in any more; constants among ``inputs`` are cut."""
        before = self.cut[entering]
        after = behind(node, entering, before.channels, self.constants)
        if isinstance(after, Refusal):
            raise HwgenError("pruning", f"channels that enter {node.path!r}", after.why, "leave the layer out that makes them")
        if after is None:
            inputs[1] = self._constant(inputs[1], 0 if node.op == "conv_transpose" else 1, before.elements)
            return node.attrs
        self.cut[node.output] = _Kept(after, before.indices)
        if isinstance(node.attrs, RealConvAttrs):
            self._cut_outputs(node, inputs, before.indices)
            return replace(node.attrs, groups=len(before.indices))
        if isinstance(node.attrs, ReshapeAttrs):
            shape = list(node.attrs.shape)
            shape[after.axis] = len(before.indices) * after.inner
            return ReshapeAttrs(tuple(shape))
        rank = len(entering.type.shape)
        for index, value in enumerate(node.inputs):
            axis = before.channels.axis - rank + len(value.type.shape)
            if value in self.constants and axis >= 0 and value.type.shape[axis] > 1:
                inputs[index] = self._constant(inputs[index], axis, before.elements)
        return _attrs_of(node.attrs, before.elements) if along(node.attrs, before.channels.axis, rank) else node.attrs

    def _cut_outputs(self, node: Node, inputs: list[Value], indices: IntArray) -> None:
        """Weight and bias of a product."""
        inputs[1] = self._constant(inputs[1], 1 if node.op == "conv_transpose" else 0, indices)
        if len(inputs) > 2 and inputs[2].type.elements > 1:
            inputs[2] = self._constant(inputs[2], len(inputs[2].type.shape) - 1, indices)

    def _constant(self, value: Value, axis: int, indices: IntArray) -> Value:
        """What a constant, quantized or transposed at most, has at ``indices`` along an axis."""
        node, rank = value.producer, len(value.type.shape)
        match node.attrs:
            case ConstantAttrs(data, format_):
                cut = _format_of(format_, indices) if format_along(format_, axis, rank) else format_
                inputs, attrs = list[Value](), ConstantAttrs(data.take(indices, axis), cut)
            case QuantizeAttrs(format_):
                inputs = [self._constant(node.inputs[0], axis, indices)]
                attrs = _attrs_of(node.attrs, indices) if along(node.attrs, axis, rank) else node.attrs
            case TransposeAttrs(perm):
                inputs, attrs = [self._constant(node.inputs[0], perm[axis], indices)], node.attrs
            case _:
                what = f"is made of constants by {node.op} {node.path!r}"
                raise HwgenError("pruning", f"weight {value.name!r}", what, "fold constants before (fold-constants)")
        shared = len(self.graph.uses.get(value, ())) > 1
        name = self.rewriter.name(value.name) if shared else value.name
        return make(REAL[node.op], attrs, inputs, name, node.path).output


def _attrs_of(attrs: Attrs, indices: IntArray) -> Attrs:
    """What is said of these channels."""

    def some(values: tuple[_T, ...]) -> tuple[_T, ...]:
        return tuple(values[i] for i in indices) if len(values) > 1 else values

    match attrs:
        case ScaleBiasAttrs(gain, bias):
            return replace(attrs, gain=some(gain), bias=some(bias))
        case BatchNormAttrs(gamma, beta, mean, variance):
            return replace(attrs, gamma=some(gamma), beta=some(beta), mean=some(mean), variance=some(variance))
        case PReluAttrs(slope):
            return replace(attrs, slope=some(slope))
        case QuantizeAttrs(format_):
            return replace(attrs, format=_format_of(format_, indices))
        case _:
            raise TypeError(f"{type(attrs).__name__} says nothing of channels")


def _format_of(format_: Format, indices: IntArray) -> Any:
    """The format with the scales of these channels."""
    fields: dict[str, tuple[Any, ...]] = {name: getattr(format_, name, ()) for name in ("scale", "zero")}
    changed = {name: tuple(values[i] for i in indices) for name, values in fields.items() if len(values) > 1}
    quantized: Any = format_
    return replace(quantized, **changed)
