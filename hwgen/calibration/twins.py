"""A graph run twice over the same data, once with its quantizers and once without, while what its products take is replaced.

Each product is looked at when everything before it has been replaced already, so that it can make good what these have changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from hwgen.calibration.operands import constant_of
from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import Array, Graph, Node, Rewriter, Value
from hwgen.ops.record import Float64
from hwgen.ops.run import run_node
from hwgen.ops.weights import PRODUCTS

MAX_ELEMENTS: Final = 1 << 25
"""Of the largest value over all samples: no more samples are used than fit."""


@dataclass(frozen=True)
class Twin:
    """A product and what comes to it.

    floats, quantized: of each input, (samples, …) or a constant, in the runs without and with quantizers.
    """

    node: Node
    floats: Sequence[Float64]
    quantized: Sequence[Float64]

    @cached_property
    def wanted(self) -> Float64:
        """What it gives without quantizers."""
        return run_node(self.node, self.floats)


Change = Callable[[Twin], Sequence[Value] | None]
"""The new constant operands of a product, in place of all its inputs but the first; None to leave it."""


def fitting(graph: Graph, data: Dataset) -> Dataset:
    """As many of the samples, from the first on, as can be held for all values that are needed at a time."""
    widest = max((v.type.elements for v in graph.values() if v.producer.op != "constant"), default=1)
    return data.part(slice(max(1, MAX_ELEMENTS // widest)))


def swept(graph: Graph, data: Dataset, change: Change) -> Graph:
    """The graph after ``change`` of each product, in order.  Raises HwgenError for a lowered graph."""
    if any(v.type.format is not REAL for v in graph.inputs):
        raise HwgenError("usage", f"model {graph.name!r}", "comes in as codes", "calibrate before lowering")
    data, rewriter = fitting(graph, data), Rewriter(graph)
    floats: dict[Value, Float64] = {}
    quantized: dict[Value, Float64] = {}
    uses = Counter(v for node in graph.nodes for v in node.inputs)
    for node in graph.nodes:
        operands = None
        if node.op in PRODUCTS:
            operands = change(Twin(node, [floats[v] for v in node.inputs], [quantized[v] for v in node.inputs]))
        if operands is None:
            rewriter.copy(node)
        else:
            replaced = node.with_inputs([rewriter[node.inputs[0]], *operands])
            rewriter.replace(node.output, replaced.output)
        value = node.output
        if node.op == "input":
            floats[value] = quantized[value] = np.asarray(data.inputs[value.name], dtype=np.float64)
            continue
        floats[value] = floats[node.inputs[0]] if node.op == "quantize" else run_node(node, [floats[v] for v in node.inputs])
        constants = [quantized[v] for v in node.inputs[1:]] if operands is None else [constant_of(v) for v in operands]
        quantized[value] = run_node(node, [*(quantized[v] for v in node.inputs[:1]), *constants])
        uses.subtract(node.inputs)
        for used in {*node.inputs}:
            if not uses[used]:
                del floats[used], quantized[used]
    return rewriter.finish()


def by_channel(node: Node, array: Array) -> Array:
    """(channels, the rest) of the output of a product, whose channels stand last in a linear one, second in a convolution."""
    axis = -1 if node.op == "linear" else 1
    return np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
