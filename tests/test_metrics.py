"""Metrics, against definitions written out and scikit-learn, and the user's own functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.metrics import METRICS, metric_of


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_accuracy_is_the_share_of_right_classes_in_every_form_of_targets() -> None:
    scores, indices = np.array([[0.1, 0.9, 0.9], [3.0, -1, 2], [0, 0, 1]]), np.array([1, 2, 2])
    accuracy = METRICS["accuracy"]
    for targets in (indices, indices[:, None], indices.astype(np.float64), np.eye(3)[indices]):
        assert accuracy((scores,), targets) == pytest.approx(2 / 3, abs=0)
    assert accuracy((np.array([[1.0], [0], [2]]),), indices) == accuracy((np.array([1.0, 0, 2]),), indices) == 2 / 3
    image = np.moveaxis(np.stack([scores, scores[::-1]]), 2, 1)  # (samples, classes, positions)
    assert accuracy((image,), np.stack([indices, indices])) == 2 / 6
    assert accuracy((np.moveaxis(image, 1, 2)[:, :2],), np.stack([indices, indices])[:, :2]) == 1 / 4


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_auc_and_cross_entropy_equal_scikit_learns(seed: int, classes: int) -> None:
    learn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    numbers = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), numbers.integers(classes, size=200)])
    scores = numbers.normal(0, 3, (len(labels), classes)) + 2 * np.eye(classes)[labels]
    if classes == 2:  # with ties; those of more classes are float64's noise in their definition
        scores = np.rint(scores)
    odds = softmax(scores)
    wanted = learn.roc_auc_score(labels, odds[:, 1] if classes == 2 else odds, multi_class="ovr")
    assert METRICS["auc"]((scores,), labels) == pytest.approx(wanted, abs=1e-12)
    assert METRICS["auc"]((odds,), labels) == pytest.approx(wanted, abs=1e-12)
    for given in (scores, odds):
        assert METRICS["cross_entropy"]((given,), labels) == pytest.approx(learn.log_loss(labels, odds), rel=1e-12)


def test_one_score_a_sample_is_ranked_as_it_is() -> None:
    assert METRICS["auc"]((np.array([[0.1], [0.4], [0.35], [0.8]]),), np.array([0, 0, 1, 1])) == 0.75
    assert METRICS["auc"]((np.array([[1.0], [1.0], [1.0]]),), np.array([0, 1, 1])) == 0.5


def test_equal_odds_count_half_in_whatever_order_the_others_are() -> None:
    others = np.array([0.1, 0.2, 0.3, -0.7, 1.3])
    scores = np.stack([np.append(np.random.default_rng(k).permutation(others), 1.0) for k in range(6)])
    labels = np.array([5, 0, 1, 2, 3, 4])
    areas = [METRICS["auc"]((scores[:, [k]],), (labels == k).astype(int)) for k in range(5)]
    assert METRICS["auc"]((scores,), labels) == pytest.approx((sum(areas) + 0.5) / 6, abs=1e-15)


def test_large_scores_neither_overflow_nor_become_equal() -> None:
    scores = np.array([[1e4, -1e4], [-2e4, 1e4], [0.0, 1e4]])
    assert METRICS["auc"]((scores,), np.array([0, 1, 1])) == 1.0
    assert METRICS["auc"]((scores,), np.array([0, 0, 1])) == 0.5
    assert METRICS["cross_entropy"]((scores,), np.array([1, 1, 1])) == pytest.approx(2e4 / 3)
    assert math.isfinite(METRICS["cross_entropy"]((np.array([[1.0, 0.0]]),), np.array([1])))


def test_errors_of_regression_are_means_over_all_elements() -> None:
    outputs, targets = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1.0, 1.0], [5.0, 5.0]])
    assert METRICS["mse"]((outputs,), targets) == 5 / 4 and METRICS["mae"]((outputs,), targets) == 3 / 4
    assert METRICS["mse"]((outputs[:, :1],), targets[:, 0]) == 2.0
    with pytest.raises(HwgenError, match="shape"):
        METRICS["mse"]((outputs,), targets[:, 0])


@pytest.mark.parametrize(
    ("name", "outputs", "targets", "said"),
    [
        ("accuracy", np.zeros((3, 2)), None, "needs targets"),
        ("accuracy", np.zeros((3, 2)), np.array([0, 1]), "shape"),
        ("accuracy", np.zeros((3, 2)), np.array([0, 1, 2]), "class 2 of 2"),
        ("accuracy", np.zeros((3, 2)), np.array([0, 1, -1]), "no class indices"),
        ("accuracy", np.zeros((3, 2)), np.array([0, 1, 0.5]), "no class indices"),
        ("accuracy", np.full((3, 1), 0.3), np.array([0, 1, 0]), "use auc"),
        ("cross_entropy", np.zeros((3, 1)), np.array([0, 1, 0]), "one score"),
        ("auc", np.zeros((3, 2)), np.array([0, 0, 0]), "without samples"),
        ("mse", np.full((1, 1), np.inf), np.zeros((1, 1)), "gives inf"),
    ],
)
def test_what_has_no_figure_is_refused_by_name(name: str, outputs: np.ndarray, targets: np.ndarray | None, said: str) -> None:
    with pytest.raises(HwgenError) as error:
        METRICS[name]((outputs,), targets)
    assert said in str(error.value) and name in str(error.value)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def write(text: str) -> None:
        (tmp_path / "own_figures.py").write_text(text)
        monkeypatch.delitem(__import__("sys").modules, "own_figures", raising=False)

    monkeypatch.chdir(tmp_path)
    return write


def test_a_function_of_the_users_own_is_found_in_the_working_directory(own: Callable[[str], None]) -> None:
    own("def least(outputs, targets):\n    return outputs[0].min()\n\nleast.higher_is_better = False\n")
    before = list(__import__("sys").path)
    metric = metric_of("own_figures:least")
    assert metric((np.array([[3.0, 2.0]]),), None) == 2.0 and not metric.higher_is_better and metric.better(1.0, 2.0)
    assert __import__("sys").path == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acuracy", "did you mean accuracy?"), ("zzz", "known are accuracy"), ("no_such_module:f", "no_such_module"),
        ("own_figures:nothing", "nothing"), ("own_figures:number", "is no function"), ("own_figures:", "own_figures:"),
        (":f", ":f"),
    ],
)
def test_what_cannot_be_found_is_named(own: Callable[[str], None], text: str, said: str) -> None:
    own("number = 3\n")
    with pytest.raises(HwgenError) as error:
        metric_of(text)
    assert said in str(error.value)


def test_a_function_that_raises_or_gives_no_number_is_an_error_that_names_it(own: Callable[[str], None]) -> None:
    own("def bad(o, t):\n    return 1 / 0\n\ndef nan(o, t):\n    return float('nan')\n\ndef text(o, t):\n    return 'x'\n")
    for name, said in (("bad", "ZeroDivisionError"), ("nan", "gives nan"), ("text", "ValueError")):
        with pytest.raises(HwgenError) as error:
            metric_of(f"own_figures:{name}")((np.zeros((1, 1)),), None)
        assert said in str(error.value) and f"own_figures:{name}" in str(error.value)
