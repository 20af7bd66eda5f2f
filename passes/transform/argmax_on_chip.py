"""Replace a final softmax by the index of the greatest logit, computed on chip.

    softmax(x) → output   ⇒   argmax(x) → output
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.ir.graph import NO_ATTRS, Graph, Rewriter
from hwgen.ops.classify import ARGMAX_REAL
from hwgen.ops.record import make
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class ArgmaxOnChip(Pass):
    """See the module; where there is no softmax the argmax follows the output itself."""

    name = "argmax-on-chip"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            rewriter.copy(node)
        for value in graph.outputs:
            producer = rewriter[value].producer
            logits = producer.inputs[0] if producer.op == "softmax" else rewriter[value]
            index = make(ARGMAX_REAL, NO_ATTRS, [logits], rewriter.name(f"{value.name}.argmax"), producer.path).output
            rewriter.replace(value, index)
            notes.changed(producer.path, "the index of the greatest logit leaves the chip")
        return rewriter.finish()
