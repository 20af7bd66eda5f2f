"""Runs a graph in NumPy: integers in int64, what is still real in float64; every intermediate value is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import FloatArray, IntArray, Quantized
from hwgen.ir.graph import Array, Graph, Node, Value
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


def evaluate(
    graph: Graph, inputs: Mapping[str, FloatArray | IntArray], wanted: Iterable[Value] | None = None
) -> dict[Value, Array]:
    """Every value of ``graph`` for a batch of inputs, (batch, …) by input name; codes where the graph is integer.

    wanted: the values to keep to the end (None: all); the others are dropped after their last use.
    """
    values: dict[Value, Array] = {}
    uses = Counter(v for node in graph.nodes for v in node.inputs)
    uses.update(graph.values() if wanted is None else wanted)
    for node in graph.nodes:
        if node.op == "input":
            array = inputs[node.output.name]
            if array.shape[1:] != node.output.type.shape[1:]:
                raise HwgenError(
                    "shape", f"input {node.output.name!r}", f"data of shape {array.shape[1:]}, not {node.output.type.shape[1:]}",
                    "give (samples, …) of the model's input shape",
                )
            values[node.output] = array
        else:
            values[node.output] = run_node(node, [values[v] for v in node.inputs])
            uses.subtract(node.inputs)
            for value in {*node.inputs}:
                if not uses[value]:
                    del values[value]
    return values


def host_outputs(graph: Graph, device_output: Value, codes: IntArray) -> Array:
    """The graph's first output from the codes of the value that leaves the chip: decoding, and what the host does then."""
    values: dict[Value, Array] = {device_output: codes}
    for node in graph.nodes:
        if all(v in values for v in node.inputs) and node.inputs and node.output not in values:
            values[node.output] = run_node(node, [values[v] for v in node.inputs])
        elif node.op == "constant":
            values[node.output] = run_node(node, [])
    return values[graph.outputs[0]]
