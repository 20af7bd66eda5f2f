"""Weights that are pruned while the others are trained, and zeros that stay zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import mlp

from hwgen.data import Dataset
from hwgen.dataflow.plan import plan
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, choose_parallelism, lower
from hwgen.pruning.gradual import GradualPruning
from hwgen.pruning.layers import masks_of

torch = pytest.importorskip("torch", reason="torch is not installed")

SIZES = (16, 12, 3)


def data(samples: int) -> Dataset:
    """Three classes, by which of three sums is greatest."""
    dice = np.random.default_rng(4)
    x = dice.uniform(-1, 1, (samples, 16)).astype(np.float32)
    return Dataset({"x": x}, (x @ dice.normal(0, 1, (16, 3))).argmax(axis=1))


@pytest.mark.parametrize(("text", "share"), [("magnitude:0.6", 0.6), ("blocks:0.5", 0.5), ("2:4", 0.5)])
def test_training_ends_with_all_that_was_asked_for_pruned_and_has_learned(text: str, share: float) -> None:
    from hwgen.training.train import TrainOptions, train

    pruner = GradualPruning.of(text, "2x2")
    options = TrainOptions(epochs=8, batch=16, learning_rate=0.02)
    trained = train(mlp(SIZES, 1), data(800), options, pruner=pruner)
    again = train(mlp(SIZES, 1), data(800), options, pruner=pruner)
    assert trained.best >= 5 or text == "2:4"
    masks, same = masks_of(trained.graph), masks_of(again.graph)
    gone, weights = sum(int((~m).sum()) for m in masks.values()), SIZES[0] * SIZES[1] + SIZES[1] * SIZES[2]
    assert gone >= share * weights - 12, f"{gone} of {weights}"
    assert all((same[name] == mask).all() for name, mask in masks.items()), "the same to the bit"
    assert trained.history[trained.best].metric > 0.5 > 1 / 3
    if text == "blocks:0.5":
        build = BuildOptions(parallelism="2x2")
        flows = [plan(low.graph, choose_parallelism(low, build)) for low in (lower(mlp(SIZES, 1)), lower(trained.graph))]
        assert all(b.cycles <= 0.55 * a.cycles for a, b in zip(flows[0].stages, flows[1].stages, strict=True))


def test_an_interrupted_training_goes_on_to_the_same_zeros(tmp_path: Path) -> None:
    from hwgen.ir.text import print_graph
    from hwgen.training.train import TrainOptions, train

    pruner, options = GradualPruning.of("magnitude:0.6"), TrainOptions(epochs=5, batch=32)
    whole = train(mlp(SIZES, 1), data(200), options, pruner=pruner)

    def stop(record: object) -> None:
        if record.number == 3:
            raise KeyboardInterrupt

    kept = tmp_path / "checkpoint"
    assert train(mlp(SIZES, 1), data(200), options, pruner=pruner, checkpoint=kept, progress=stop).interrupted
    resumed = train(mlp(SIZES, 1), data(200), options, pruner=pruner, checkpoint=kept, resume=True)
    assert print_graph(resumed.graph) == print_graph(whole.graph)
    with pytest.raises(HwgenError, match="another"):
        train(mlp(SIZES, 1), data(200), options, pruner=GradualPruning.of("magnitude:0.5"), checkpoint=kept, resume=True)


@pytest.mark.parametrize("text", ["channels:0.5", "blocks", "blocks:1.5", "magnitude:", "4", "2:4:8"])
def test_what_cannot_be_pruned_gradually_is_refused(text: str) -> None:
    with pytest.raises(HwgenError, match="is not known"):
        GradualPruning.of(text)
