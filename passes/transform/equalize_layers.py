"""Scale the channels between two layers so that the weights of both spread alike; see `hwgen.calibration.equalization`."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.calibration.equalization import equalize
from hwgen.ir.graph import Graph
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class EqualizeLayers(Pass):
    """Before weights are quantized; the function stays exactly the same."""

    name = "equalize-layers"
    effect = Effect.EXACT

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        return equalize(graph, notes)
