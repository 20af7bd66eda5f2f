"""Fold batch normalization into the linear operator or convolution before it, where its weights are still floats.

    linear(W, b) → batch_norm(γ, β, μ, σ²)   ⇒   linear(W·g, (b-μ)·g + β),   g = γ / sqrt(σ² + ε) of each output

Quantized weights stay as they are: their batch norm goes, exactly, into the requantizer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.formats import REAL
from hwgen.ir.graph import Graph, Node, Rewriter
from hwgen.ops.conv_transpose import TransposedAttrs
from hwgen.ops.record import Float64, attrs_as, make
from hwgen.ops.run import constant_floats
from hwgen.ops.scalar import BatchNormAttrs
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.ops.weights import PRODUCTS
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class FoldBatchNorm(Pass):
    """See the module."""

    name = "fold-batch-norm"
    effect = Effect.FLOAT_CLOSE

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            if node.op == "batch_norm" and (folded := self._fold(node, graph, rewriter, notes)) is not None:
                rewriter.replace(node.output, folded.output)
            else:
                rewriter.copy(node)
        return rewriter.finish()

    def _fold(self, node: Node, graph: Graph, rewriter: Rewriter, notes: Notes) -> Node | None:
        before = rewriter[node.inputs[0]].producer
        if before.op not in PRODUCTS:
            notes.left(node.path, f"what comes before is {before.op}, not a linear operator or a convolution")
            return None
        if attrs_as(node, BatchNormAttrs).axis % len(node.output.type.shape) != 1:
            notes.left(node.path, f"its channels are not those of {before.path}")
            return None
        if len(graph.uses.get(node.inputs[0], ())) > 1:
            notes.left(node.path, f"{before.path} is used by others too")
            return None
        weight, *bias = (v.producer.attrs for v in before.inputs[1:])
        if not isinstance(weight, ConstantAttrs) or weight.format is not REAL:
            notes.left(node.path, f"the weight of {before.path} is quantized; the batch norm goes into the requantizer")
            return None
        if bias and not isinstance(bias[0], ConstantAttrs):
            notes.left(node.path, f"the bias of {before.path} is not constant")
            return None
        folded = attrs_as(node, BatchNormAttrs).scale_bias()
        gain, shift = (np.array([float(v) for v in vector]) for vector in (folded.gain, folded.bias))
        old_bias = constant_floats(bias[0]).ravel() if bias and isinstance(bias[0], ConstantAttrs) else 0.0
        parts = {"weight": constant_floats(weight) * _along_outputs(gain, before), "bias": old_bias * gain + shift}
        constants = [
            make(CONSTANT, ConstantAttrs(data), [], rewriter.name(f"{node.output.name}.folded_{part}"), before.path).output
            for part, data in parts.items()
        ]
        notes.changed(node.path, f"folded into {before.path}")
        return make(REAL_OPS[before.op], before.attrs, [before.inputs[0], *constants], node.output.name, before.path)


def _along_outputs(gain: Float64, node: Node) -> Float64:
    """One number an output, to be multiplied with the weight."""
    weight = node.inputs[1].type.shape
    if isinstance(node.attrs, TransposedAttrs):  # (in, out / groups, taps…)
        gain = np.repeat(gain.reshape(node.attrs.groups, -1), weight[0] // node.attrs.groups, axis=0)
    return gain.reshape(*gain.shape, *(1,) * (len(weight) - gain.ndim))
