"""The rules that every graph keeps, checked before and after each pass."""

from __future__ import annotations

from collections.abc import Callable

from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph, Node, TensorType, Value

Infer = Callable[[Node], tuple[TensorType, ...]]


def _broken(where: str, what: str) -> HwgenError:
    return HwgenError("broken-graph", where, what, "this is a defect of the pass that made the graph; please report it")


def verify(graph: Graph, infer: Infer) -> None:
    """Raises HwgenError where a rule is broken.

    Every value is made before it is used, names are unique, the types are those that ``infer`` gives for the node
    (which also checks attributes and input types), and the outputs are values of the graph.
    """
    made: set[Value] = set()
    names: set[str] = set()
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
    for value in graph.outputs:
        if value not in made:
            raise _broken(value.name, "is an output that no node of the graph makes")
