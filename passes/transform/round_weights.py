"""Round weights so that their layers' outputs are right; see `hwgen.calibration.rounding`."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.calibration.rounding import RoundOptions, round_weights
from hwgen.data import Dataset
from hwgen.ir.graph import Graph
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class RoundWeights(Pass):
    """data: the model's inputs.  steps: of the optimizer, a layer.  seed: of the order of samples."""

    data: Dataset
    steps: int = RoundOptions().steps
    seed: int = 0

    name = "round-weights"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        return round_weights(graph, self.data, RoundOptions(steps=self.steps, seed=self.seed), notes)
