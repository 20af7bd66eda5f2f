"""Whether two graphs compute the same in the same way, whatever their values and layers are called."""

from __future__ import annotations

from dataclasses import replace

from hwgen.ir.graph import Graph, Value
from hwgen.ir.text import print_graph


def same_computation(one: Graph, other: Graph) -> bool:
    """Whether they hold the same operators with the same attributes on the same values, in the same order."""
    return print_graph(_nameless(one)) == print_graph(_nameless(other))


def _nameless(graph: Graph) -> Graph:
    new: dict[Value, Value] = {}
    for number, node in enumerate(graph.nodes):
        names = tuple(f"{number}.{k}" for k in range(len(node.outputs)))
        copied = replace(node, inputs=tuple(new[v] for v in node.inputs), output_names=names, path="")
        new.update(zip(node.outputs, copied.outputs, strict=True))
    return Graph("", tuple(new[n.outputs[0]].producer for n in graph.nodes), tuple(new[v] for v in graph.outputs))
