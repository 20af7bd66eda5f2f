"""What the quantizers of a graph would see if none of them were there: their inputs, over data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import numpy as np

from hwgen.calibration.twins import fitting
from hwgen.data import Dataset
from hwgen.ir.graph import Array, Graph, Node, Rewriter, Value, topological
from hwgen.ops.record import Float64
from hwgen.ops.run import computed

MAX_NUMBERS: Final = 1 << 17
"""That are looked at: the least and the greatest, and of the others as many, evenly spread."""


def seen_by_quantizers(graph: Graph, data: Dataset | None, *, skip: Collection[Node] = ()) -> Iterator[tuple[Node, Float64]]:
    """Each ``quantize`` node with the numbers that it sees, (…) with its own axes, all of a constant.

    Of values over data the axes before a channel axis are kept, so that scales a channel find their channels.
    data: None for what depends on constants only.
    """
    bare = Rewriter(graph)
    wanted: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        if node.op == "quantize":
            if node not in skip:
                wanted.setdefault(bare[node.inputs[0]], []).append(node)
            bare.replace(node.output, bare[node.inputs[0]])
        else:
            bare.copy(node)
    if data is None:
        wanted = {v: nodes for v, nodes in wanted.items() if all(n.op != "input" for n in topological([v]))}
    values = tuple(wanted)
    without = Graph(graph.name, topological(values, [v.producer for v in graph.inputs]), values)
    inputs = {} if data is None else {n: np.asarray(a, dtype=np.float64) for n, a in fitting(graph, data).inputs.items()}
    for value, array in computed(without, inputs, values):
        for node in wanted.get(value, ()):
            yield node, _spread(array, node)


def _spread(array: Array, node: Node) -> Float64:
    """At most `MAX_NUMBERS` samples' worth of a value; constants, and values with a scale a channel, lose whole samples only."""
    floats = np.asarray(array, dtype=np.float64)
    constant = all(n.op != "input" for n in topological([node.inputs[0]]))
    if constant or floats.size <= MAX_NUMBERS:
        return floats
    if getattr(node.output.type.format, "axis", None) is not None:
        step = -(-floats.size // MAX_NUMBERS)
        return floats[:: min(step, len(floats))]
    flat = floats.ravel()
    return np.concatenate([flat[:: -(-flat.size // MAX_NUMBERS)], [flat.min(), flat.max()]])
