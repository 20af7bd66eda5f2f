"""The rules that every graph keeps, checked before and after each pass."""

from __future__ import annotations

from collections.abc import Callable

from hwgen.errors import HwgenError
from hwgen.frontend.limits import MAX_AXIS, MAX_CONSTANTS_ELEMENTS, MAX_VALUE_ELEMENTS, MAX_VALUES_ELEMENTS
from hwgen.ir.graph import Graph, Node, TensorType, Value

Infer = Callable[[Node], tuple[TensorType, ...]]


def _broken(where: str, what: str) -> HwgenError:
    return HwgenError("broken-graph", where, what, "this is a defect of the pass that made the graph; please report it")


class _Sizes:
    """Counts elements: a short file can describe a giant tensor."""

    def __init__(self) -> None:
        self._computed: set[Value] = set()
        self._values = self._constants = 0

    def add(self, node: Node, value: Value) -> None:
        """Raises HwgenError where ``value`` is too large by itself or with those before."""
        size = value.type.elements
        if node.op == "input" or not self._computed.isdisjoint(node.inputs):
            self._computed.add(value)
            self._values += size
        else:
            self._constants += size
        longest = max(value.type.shape, default=1)
        if value in self._computed and size > MAX_VALUE_ELEMENTS:
            what, most = f"makes a value of {size} elements", f"{MAX_VALUE_ELEMENTS} a value"
        elif value in self._computed and longest > MAX_AXIS:
            what, most = f"makes a value with an axis of {longest}", f"{MAX_AXIS} along an axis"
        elif self._values > MAX_VALUES_ELEMENTS:
            what, most = f"and the nodes before make values of {self._values} elements", f"{MAX_VALUES_ELEMENTS} together"
        elif self._constants > MAX_CONSTANTS_ELEMENTS:
            what, most = f"and the nodes before make constants of {self._constants} elements", f"{MAX_CONSTANTS_ELEMENTS} together"
        else:
            return
        raise HwgenError("shape", f"{node.op} {node.path!r}", what, f"use at most {most}")


def verify(graph: Graph, infer: Infer) -> None:
    """Raises HwgenError where a rule is broken.

    Every value is made before it is used, names are unique, the types are those that ``infer`` gives for the node
    (which also checks attributes and input types), the outputs are values of the graph, and no value is of a size that
    cannot be handled: a short file can describe a giant tensor.
    """
    made: set[Value] = set()
    names: set[str] = set()
    sizes = _Sizes()
    for node in graph.nodes:
        for value in node.inputs:
            if value not in made:
                raise _broken(node.path, f"uses {value.name!r} before it is made")
        if infer(node) != node.output_types:
            raise _broken(node.path, f"{node.op} has type {node.output_types}, inferred {infer(node)}")
        for value in node.outputs:
            if value.name in names:
                raise _broken(node.path, f"two values are named {value.name!r}")
            names.add(value.name)
            made.add(value)
            sizes.add(node, value)
    for value in graph.outputs:
        if value not in made:
            raise _broken(value.name, "is an output that no node of the graph makes")
