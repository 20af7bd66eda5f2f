"""Runs a graph in NumPy: integers in int64, what is still real in float64; keeps the values that are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import FloatArray, IntArray, Quantized
from hwgen.ir.graph import Array, Graph, Node, Value, topological
from hwgen.ops.record import Float64
from hwgen.ops.source import ConstantAttrs
from hwgen.ops.table import INTEGER, REAL


def constant_floats(attrs: ConstantAttrs) -> Float64:
    """A constant in float64."""
    if isinstance(attrs.format, Quantized):
        return attrs.format.decode(attrs.data)
    return attrs.data.astype(np.float64)


def run_node(node: Node, inputs: Sequence[Array]) -> Array:
    """The output of one node (not an ``input``) from the values of its inputs."""
    if isinstance(node.attrs, ConstantAttrs):
        return constant_floats(node.attrs)
    if node.op in INTEGER:
        return INTEGER[node.op].reference(node, inputs)
    evaluate = REAL[node.op].evaluate
    if evaluate is None:
        raise HwgenError("not-runnable", f"{node.op} {node.path!r}", "cannot be computed by itself", "see the operator's rules")
    return evaluate(node, inputs)


def computed(
    graph: Graph, inputs: Mapping[str, FloatArray | IntArray], wanted: Iterable[Value]
) -> Iterator[tuple[Value, Array]]:
    """Every value of ``graph`` that ``wanted`` needs, as it is made, for a batch of inputs (batch, …) by input name.

    Codes where the graph is integer.  A value is dropped after its last use: who wants it later keeps it.
    """
    values: dict[Value, Array] = {}
    needed = set(topological(wanted))
    nodes = [node for node in graph.nodes if node in needed]
    uses = Counter(v for node in nodes for v in node.inputs)
    for node in nodes:
        array = _given(node, inputs) if node.op == "input" else run_node(node, [values[v] for v in node.inputs])
        yield node.output, array
        if uses[node.output]:
            values[node.output] = array
        uses.subtract(node.inputs)
        for value in {*node.inputs}:
            if not uses[value]:
                del values[value]


def _given(node: Node, inputs: Mapping[str, FloatArray | IntArray]) -> Array:
    array, shape = inputs[node.output.name], node.output.type.shape[1:]
    if array.shape[1:] != shape:
        raise HwgenError(
            "shape", f"input {node.output.name!r}", f"data of shape {array.shape[1:]}, not {shape}",
            "give (samples, …) of the model's input shape",
        )
    return array


def evaluate(
    graph: Graph, inputs: Mapping[str, FloatArray | IntArray], wanted: Iterable[Value] | None = None
) -> dict[Value, Array]:
    """Values of ``graph`` for a batch of inputs, (batch, …) by input name; codes where the graph is integer.

    wanted: the values that are kept (None: all of the graph); the others are dropped after their last use.
    """
    keep = set(graph.values() if wanted is None else wanted)
    return {value: array for value, array in computed(graph, inputs, keep) if value in keep}


def host_outputs(graph: Graph, codes: Mapping[Value, IntArray]) -> tuple[Array, ...]:
    """The graph's outputs from the codes of the values that leave the chip: decoding, and what the host does then."""
    values: dict[Value, Array] = dict(codes)
    stack = list(graph.outputs)
    while stack:
        value = stack[-1]
        missing = [v for v in value.producer.inputs if v not in values] if value not in values else []
        stack.extend(missing)
        if not missing:
            stack.pop()
            if value not in values:
                values[value] = run_node(value.producer, [values[v] for v in value.producer.inputs])
    return tuple(values[v] for v in graph.outputs)
