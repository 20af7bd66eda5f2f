"""The constants that a layer computes with, and what they were before a quantizer."""

from __future__ import annotations

from collections.abc import Iterator

from hwgen.formats import REAL
from hwgen.ir.graph import Graph, Node, Rewriter, Value
from hwgen.ops.weights import PRODUCTS


def origin(value: Value) -> Value:
    """A value without the quantizer that made it."""
    return value.producer.inputs[0] if value.producer.op == "quantize" else value


def constants_of(node: Node) -> Iterator[tuple[str, Value]]:
    """Role (``weight``, ``bias``, or ``constant`` for any other) and value, as it reaches the node, of each constant input."""
    roles = ("constant", "weight", "bias") if node.op in PRODUCTS else ()
    if node.op != "quantize":
        for k, value in enumerate(node.inputs):
            if origin(value).producer.op == "constant":
                yield roles[k] if k < len(roles) else "constant", value


def real_parameters(graph: Graph) -> dict[tuple[str, str], Value]:
    """The weights and biases that are reals, by the layer's path and the role; before a quantizer, where one follows."""
    found = {(node.path, role): origin(value) for node in graph.nodes for role, value in constants_of(node) if role != "constant"}
    return {key: value for key, value in found.items() if value.type.format is REAL}


def without_quantizers(graph: Graph) -> Graph:
    """The graph with what comes before each quantizer in its place."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node.op == "quantize":
            rewriter.replace(node.output, rewriter[node.inputs[0]])
        else:
            rewriter.copy(node)
    return rewriter.finish()
