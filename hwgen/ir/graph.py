"""The graph: immutable nodes joined by typed values, in an order in which they can be computed.

A `Value` knows the node that makes it, a `Node` the values that it uses, so a graph is changed by building new nodes;
what a pass was given stays as it was.  Python objects are compared by identity, names are for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.formats import Format

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape (the leading axis is the batch, of size 1) and number format of a value."""

    shape: Shape
    format: Format

    @property
    def elements(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=object))

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))} {self.format}"


class Attrs:
    """Base of the frozen dataclasses that hold an operator's attributes.

    Field types are those that `hwgen.ir.text` can write: int, bool, str, Surd, Format, tuples of these, arrays, None.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class NoAttrs(Attrs):
    """An operator without attributes."""


NO_ATTRS = NoAttrs()


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """One tensor of the graph.  name: unique in the graph, the model's own where it has one."""

    name: str
    type: TensorType
    producer: Node = field(repr=False)
    index: int = 0


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.  path: the place in the model that the user knows.  output_types: in order; one value each."""

    op: str
    attrs: Attrs
    inputs: tuple[Value, ...]
    output_types: tuple[TensorType, ...]
    output_names: tuple[str, ...]
    path: str

    @cached_property
    def outputs(self) -> tuple[Value, ...]:
        """The values that this node makes."""
        pairs = zip(self.output_names, self.output_types, strict=True)
        return tuple(Value(name, type_, self, i) for i, (name, type_) in enumerate(pairs))

    @property
    def output(self) -> Value:
        """The only output."""
        (value,) = self.outputs
        return value

    def with_inputs(self, inputs: Sequence[Value]) -> Node:
        """The same operation on other values of the same types."""
        return replace(self, inputs=tuple(inputs))


@dataclass(frozen=True, eq=False)
class Graph:
    """nodes: in topological order, graph inputs (op ``input``) and constants (op ``constant``) among them."""

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]

    @property
    def inputs(self) -> tuple[Value, ...]:
        """Values of the ``input`` nodes, in order."""
        return tuple(n.output for n in self.nodes if n.op == "input")

    @cached_property
    def uses(self) -> Mapping[Value, tuple[Node, ...]]:
        """Nodes that use each value, in order; a node stands once for each use."""
        table: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                table.setdefault(value, []).append(node)
        return {value: tuple(nodes) for value, nodes in table.items()}

    def values(self) -> Iterator[Value]:
        """All values, in the order in which they are made."""
        for node in self.nodes:
            yield from node.outputs

    def value(self, name: str) -> Value | None:
        """The value of that name, if there is one."""
        return next((v for v in self.values() if v.name == name), None)


def topological(outputs: Iterable[Value], keep: Iterable[Node] = ()) -> tuple[Node, ...]:
    """The nodes that ``outputs`` and ``keep`` need, each after what it uses; no recursion, so depth has no limit.

    ``keep`` (the graph inputs) come first, in their order.
    """
    order: list[Node] = []
    state: dict[Node, bool] = {}
    stack = [v.producer for v in reversed(tuple(outputs))] + list(reversed(tuple(keep)))
    while stack:
        node = stack[-1]
        if state.get(node):
            stack.pop()
            continue
        waiting = [v.producer for v in reversed(node.inputs) if not state.get(v.producer)]
        if waiting and node not in state:
            state[node] = False
            stack.extend(waiting)
            continue
        state[node] = True
        order.append(node)
        stack.pop()
    return tuple(order)


def unique_name(wanted: str, taken: set[str]) -> str:
    """``wanted``, with a number where that is taken; taken from now on."""
    unique, number = wanted, 1
    while unique in taken:
        number += 1
        unique = f"{wanted}.{number}"
    taken.add(unique)
    return unique


class Rewriter:
    """Builds a new graph from an old one, value by value.

    Visit the old nodes in order; for each either `replace` its outputs or leave it, and then it is copied onto the new
    inputs.  `finish` drops what is no longer used (graph inputs stay).
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._new: dict[Value, Value] = {}
        self._names = {v.name for v in graph.values()}

    def __getitem__(self, value: Value) -> Value:
        """The new value that stands for ``value``; copies the nodes it needs that were not visited."""
        if value not in self._new:
            for node in topological([value]):
                if node.outputs[0] not in self._new:
                    self.copy(node)
        return self._new[value]

    def replace(self, old: Value, new: Value) -> None:
        """Uses of ``old`` become uses of ``new``."""
        self._new[old] = new

    def name(self, wanted: str) -> str:
        """``wanted``, with a number where the old graph, or this method, has given that name to a value."""
        return unique_name(wanted, self._names)

    def copy(self, node: Node) -> None:
        """Keep ``node``, on the new inputs."""
        inputs = [self[v] for v in node.inputs]
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        copied = node if same else node.with_inputs(inputs)
        for old, new in zip(node.outputs, copied.outputs, strict=True):
            self._new[old] = new

    def finish(self) -> Graph:
        """The new graph."""
        outputs = tuple(self[v] for v in self._graph.outputs)
        inputs = [n for v in self._graph.inputs for n in topological([self[v]]) if n.op == "input"]
        return Graph(self._graph.name, topological(outputs, inputs), outputs)
