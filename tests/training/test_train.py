"""Training: it learns, it is the same every time, it can be interrupted anywhere, and what comes out is hardware."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.flow import build, lower
from hwgen.formats import Affine
from hwgen.ir.text import print_graph
from hwgen.metrics import METRICS
from hwgen.profile.exact import exact_outputs
from tests.training.tasks import blobs, curve, network

pytest.importorskip("torch")
pytest.importorskip("brevitas")

from hwgen.training.checkpoint import EpochRecord
from hwgen.training.train import TrainOptions, train

FEW = TrainOptions(epochs=6, learning_rate=0.01, batch=32)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("options", [FEW, replace(FEW, power_of_two_scales=True), replace(FEW, learn_scales=False)])
def test_a_classifier_learns_and_its_integers_judge_as_its_floats_do(norm: bool, options: TrainOptions) -> None:
    trained = train(network(norm=norm, softmax=True), blobs(400, 1), options)
    start, best = trained.history[0], trained.history[trained.best]
    assert best.metric > start.metric + 0.2 and trained.metric.name == "accuracy" and len(trained.history) == 7
    exact = METRICS["accuracy"](exact_outputs(lower(trained.graph), trained.validation), trained.validation.targets)
    assert abs(exact - best.metric) <= 2 / trained.validation.samples, "float32 may fall on another side of a tie"


def test_a_regression_learns() -> None:
    trained = train(network((6, 16, 1), weight="fixed<8,2>", act="ufixed<8,3>"), curve(400, 1), replace(FEW, epochs=10))
    assert trained.metric.name == "mse" and trained.history[trained.best].metric < trained.history[0].metric / 3


def test_two_classes_are_learned_from_one_score() -> None:
    data = blobs(400, 1, classes=2)
    trained = train(network((6, 8, 1)), data, FEW)
    assert trained.metric.name == "auc" and trained.history[trained.best].metric > 0.9


def test_the_same_seed_gives_the_same_bits_and_another_gives_others() -> None:
    graph, data = network(norm=True), blobs(200, 1)
    first, again = (print_graph(train(graph, data, FEW).graph) for _ in range(2))
    assert first == again != print_graph(train(graph, data, replace(FEW, seed=1)).graph)


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_an_interrupted_training_goes_on_to_the_same_end(stop: int, tmp_path: Path) -> None:
    graph, data, kept = network(norm=True), blobs(200, 1), tmp_path / "kept"

    def interrupts(record: EpochRecord) -> None:
        if record.number == stop:
            raise KeyboardInterrupt

    broken = train(graph, data, FEW, checkpoint=kept, progress=interrupts)
    assert broken.interrupted and len(broken.history) == stop + 1
    whole = train(graph, data, FEW, checkpoint=kept, resume=True)
    undisturbed = train(graph, data, FEW)
    assert whole.history == undisturbed.history and whole.best == undisturbed.best
    assert print_graph(whole.graph) == print_graph(undisturbed.graph)


def test_a_checkpoint_of_another_training_and_one_that_is_spoilt_are_refused(tmp_path: Path) -> None:
    graph, data, kept = network(), blobs(100, 1), tmp_path / "kept"
    train(graph, data, replace(FEW, epochs=1), checkpoint=kept)
    with pytest.raises(HwgenError, match="was begun with another model, other data or other options"):
        train(graph, data, replace(FEW, epochs=2), checkpoint=kept, resume=True)
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(HwgenError, match="cannot be read"):
        train(graph, data, replace(FEW, epochs=1), checkpoint=kept, resume=True)


def test_learned_scales_change_and_powers_of_two_stay_powers_of_two() -> None:
    learned = train(network(), blobs(200, 1), FEW).graph.value("act1")
    shifted = train(network(act="uint4[scale=0.3]"), blobs(200, 1), replace(FEW, power_of_two_scales=True)).graph.value("act1")
    assert learned is not None and isinstance(learned.type.format, Affine) and learned.type.format.scale != (Fraction(1, 4),)
    assert shifted is not None and isinstance(shifted.type.format, Affine)
    (scale,) = shifted.type.format.scale
    assert scale.numerator & (scale.numerator - 1) == 0 and scale.denominator & (scale.denominator - 1) == 0


def test_zeros_are_kept_where_asked() -> None:
    graph = network()
    mask = np.random.default_rng(2).random((12, 6)) < 0.5
    weight = graph.value("fc1.weight")
    assert weight is not None
    getattr(weight.producer.attrs, "data")[mask] = 0  # noqa: B009
    trained = train(graph, blobs(200, 1), replace(FEW, keep_zeros=True)).graph.value("fc1.weight")
    assert trained is not None
    data = getattr(trained.producer.attrs, "data")  # noqa: B009
    assert (data[mask] == 0).all() and (data[~mask] != 0).all()


def test_a_trained_graph_becomes_hardware_without_a_mismatch(tmp_path: Path) -> None:
    trained = train(network(norm=True), blobs(200, 1), FEW)
    report = build(trained_file(tmp_path, print_graph(trained.graph)), tmp_path / "hardware", samples=20)
    assert report.verification.mismatches == 0


def trained_file(folder: Path, text: str) -> Path:
    path = folder / "trained.hwg"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("data", "options", "said"), [
    (Dataset({"x": np.zeros((10, 6), np.float32)}), FEW, "has no targets"),
    (Dataset({"x": np.zeros((10, 6), np.float32)}, np.arange(10)), FEW, "class indices run from 0 to 2"),
    (Dataset({"x": np.zeros((10, 6), np.float32)}, np.zeros((10, 2))), FEW, "targets of the output's shape"),
    (blobs(50, 1), replace(FEW, loss="hinge"), "'hinge' is not known"),
    (blobs(50, 1), replace(FEW, learning_rate=1e30), "the loss is"),
    (blobs(50, 1), replace(FEW, epochs=0), "0 is too few"),
])
def test_what_cannot_be_trained_is_refused_with_the_reason(data: Dataset, options: TrainOptions, said: str) -> None:
    with pytest.raises(HwgenError, match=said):
        train(network(), data, options)
