"""What of a graph is trained: weights, biases, batch norms; and the scales that may be learned, so that it still lowers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hwgen.formats import Quantized
from hwgen.ir.graph import Graph, Node, Value, topological
from hwgen.numerics.surd import ZERO
from hwgen.ops.padding import PadAttrs
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.shape import TransposeAttrs
from hwgen.ops.weights import PRODUCTS

_SUMS: Final = ("add", "sub")
_MEETINGS: Final = ("add", "sub", "min", "max", "concat")
"""Operators whose computed operands need a common grid."""


class Constants:
    """Which values of a graph depend on no input."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._computed: set[Value] = set()
        for node in graph.nodes:
            if node.op == "input" or not self._computed.isdisjoint(node.inputs):
                self._computed.update(node.outputs)

    def __contains__(self, value: Value) -> bool:
        return value not in self._computed

    def ends(self, value: Value) -> Iterator[tuple[Node, Value]]:
        """The nodes with computed inputs that a constant value reaches, each with the value that it takes there."""
        seen, stack = {value}, [value]
        while stack:
            at = stack.pop()
            for node in self._graph.uses.get(at, ()):
                if node.outputs[0] not in self:
                    yield node, at
                elif node.outputs[0] not in seen:
                    seen.add(node.outputs[0])
                    stack.append(node.outputs[0])

    def sources(self, value: Value) -> list[Node]:
        """The ``constant`` nodes that a constant value is made of."""
        return [n for n in topological([value]) if n.op == "constant"]


def trained_constants(graph: Graph) -> tuple[Node, ...]:
    """The ``constant`` nodes with the weights and biases of products: elements for elements, whatever moves or quantizes them.

    A constant that is added to what a product gives, or to any other computed value, is a bias where it is more than one number.
    """
    constants = Constants(graph)
    found: list[Node] = []
    for node in graph.nodes:
        if node.op != "constant":
            continue
        size = node.output.type.elements
        for user, value in constants.ends(node.output):
            product = user.op in PRODUCTS and value in user.inputs[1:]
            if value.type.elements == size and (product or (user.op in _SUMS and size > 1)):
                found.append(node)
                break
    return tuple(found)


def weight_quantizers(graph: Graph) -> frozenset[Node]:
    """The ``quantize`` nodes of what depends on no input."""
    constants = Constants(graph)
    return frozenset(n for n in graph.nodes if n.op == "quantize" and n.output in constants)


def free_scales(graph: Graph) -> frozenset[Node]:
    """The ``quantize`` nodes whose scale may become any number: the graph lowers as it did.

    Not where values of several grids meet before the next quantizer (a sum, a concatenation), nor where scales a channel have to
    go into weights or sums.
    """
    constants = Constants(graph)
    return frozenset(n for n in graph.nodes if n.op == "quantize" and _is_free(graph, n, constants))


def _is_free(graph: Graph, node: Node, constants: Constants) -> bool:
    format_ = node.output.type.format
    if not isinstance(format_, Quantized):
        return False
    if node.output in constants:
        if format_.axis is not None and not _along_outputs(graph, node, format_.axis):
            return False
        ends = list(constants.ends(node.output))
        if not all(n.op in PRODUCTS and value in n.inputs[1:] for n, value in ends):
            return False
        return not any(_meets(graph, value, constants) for n, _ in ends for value in n.outputs)
    return format_.axis is None and not _meets(graph, node.output, constants)


def _along_outputs(graph: Graph, node: Node, axis: int) -> bool:
    """Whether a constant's axis is that of the outputs of the products that take it."""
    value, axis = node.output, axis % len(node.output.type.shape)
    users = graph.uses.get(value, ())
    while len(users) == 1 and isinstance(users[0].attrs, TransposeAttrs):
        axis = users[0].attrs.perm.index(axis)
        value = users[0].output
        users = graph.uses.get(value, ())
    return axis == 0 and all(n.op in ("linear", "conv") for n in users)


def _meets(graph: Graph, value: Value, constants: Constants) -> bool:
    """Whether the value meets another grid before the next quantizer."""
    seen, stack = {value}, [value]
    while stack:
        at = stack.pop()
        for node in graph.uses.get(at, ()):
            if isinstance(node.attrs, QuantizeAttrs):
                continue
            others = [v for v in node.inputs if v is not at and v not in constants]
            if node.op in _MEETINGS and others:
                return True
            if isinstance(node.attrs, PadAttrs) and node.attrs.value != ZERO:
                return True
            if node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                stack.append(node.outputs[0])
    return False
