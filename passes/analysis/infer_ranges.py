"""Report the range that each integer value can take, as proven from the weights and the input's format."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.formats import Integer
from hwgen.ir.graph import Graph
from hwgen.ops.table import INTEGER
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class InferRanges(Pass):
    """Changes nothing; its account lists ``low..high``, bits, and the narrowest and widest channel."""

    name = "infer-ranges"
    effect = Effect.EXACT

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        for node in graph.nodes:
            if node.op not in INTEGER:
                continue
            format_ = node.output.type.format
            if isinstance(format_, Integer):
                widths = [b.high - b.low for b in INTEGER[node.op].bounds(node)]
                spread = f", spans {min(widths)} to {max(widths)} by channel" if len(set(widths)) > 1 else ""
                notes.left(node.output.name, f"{format_.low}..{format_.high}, {format_.bits} bits{spread}")
        return graph
