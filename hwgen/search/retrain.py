"""Short training of a candidate with its formats, as part of its trial; the trained model is kept by what it holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hwgen.data import Dataset
from hwgen.flow import BuildOptions, for_training
from hwgen.ir.graph import Graph
from hwgen.ir.text import print_graph
from hwgen.rtl.atomic import write_text

FOLDER: Final = "graphs"
_SEEDS: Final = 1 << 31


@dataclass(frozen=True)
class Retraining:
    """data: to train with.  folder: of the study, on a file system that all workers see."""

    data: Dataset
    epochs: int
    learning_rate: float
    folder: Path

    def trained(self, graph: Graph, options: BuildOptions, seed: int) -> tuple[Graph, str]:
        """The graph with the options' formats and trained weights, and the hash under which it is kept."""
        from hwgen.training.train import TrainOptions, train

        with_formats, _ = for_training(graph, options, fold_batch_norm=True)  # formats are fitted to weights after this
        asked = TrainOptions(epochs=self.epochs, learning_rate=self.learning_rate, seed=seed % _SEEDS)
        result = train(with_formats, self.data, asked)
        if result.interrupted:
            raise KeyboardInterrupt
        text = print_graph(result.graph)
        digest = hashlib.sha256(text.encode()).hexdigest()
        path = self.folder / FOLDER / f"{digest}.hwg"
        if not path.exists():
            write_text(path, text)
        return result.graph, digest

    def __str__(self) -> str:
        return f"trained for {self.epochs} epochs at {self.learning_rate:g} with data {self.data.sha256}"

