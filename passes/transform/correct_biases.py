"""Put what quantizing changes in the means of a product's channels into its bias; see `hwgen.calibration.biases`."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.calibration.biases import correct_biases
from hwgen.data import Dataset
from hwgen.ir.graph import Graph
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class CorrectBiases(Pass):
    """data: the model's inputs."""

    data: Dataset

    name = "correct-biases"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        return correct_biases(graph, self.data, notes)
