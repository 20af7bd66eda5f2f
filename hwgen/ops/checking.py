"""Verification of a graph against the rules of `hwgen.ir.verify` and the operators' own."""

from __future__ import annotations

from hwgen.ir.graph import Graph
from hwgen.ir.verify import verify
from hwgen.ops.table import definition


def check(graph: Graph) -> None:
    """Raises HwgenError where the graph breaks a rule."""
    verify(graph, lambda node: definition(node.op).infer(node))
