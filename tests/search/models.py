"""A small network and data that it decides rightly, as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cli.support import write_mlp

from hwgen import flow
from hwgen.data import Dataset, read_dataset
from hwgen.ir.graph import Graph
from hwgen.profile.exact import real_outputs

SAMPLES = 200


@dataclass(frozen=True)
class Subject:
    """model: an ONNX file of float layers fc1, fc2, ….  path: the data's file."""

    model: Path
    path: Path
    graph: Graph
    data: Dataset


def subject(folder: Path, seed: int, sizes: tuple[int, ...] = (6, 5, 3), samples: int = SAMPLES) -> Subject:
    """Targets are what the network decides in float64."""
    folder.mkdir(parents=True, exist_ok=True)
    model = write_mlp(folder / "model.onnx", sizes=sizes, seed=seed)
    graph = flow.import_model(model)
    x = np.random.default_rng(seed).normal(0, 1, (samples, sizes[0])).astype(np.float32)
    (outputs,) = real_outputs(graph, Dataset({"x": x}))
    path = folder / "data.npz"
    np.savez(path, x=x, y=outputs.argmax(axis=1))
    return Subject(model, path, graph, read_dataset(path, graph))
