"""How good a model's outputs are: metrics by name, or any function of the user's own.

Each takes the model's outputs, (samples, …) arrays in their order, and the targets; those known here look at the first output.
"""

from __future__ import annotations

import difflib
import importlib
import math
import operator
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError, clean
from hwgen.ir.graph import Array

Outputs = tuple[Array, ...]
Float64 = npt.NDArray[np.float64]
_SUM_TOLERANCE: Final = 1e-6
"""How far from 1 the sum of probabilities may be; only what float32 rounds away."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of merit: ``metric(outputs, targets)``.

    name: as `metric_of` reads it.  needs_targets: whether there is no figure without them.
    """

    name: str
    higher_is_better: bool
    function: Callable[[Outputs, Any], float]
    needs_targets: bool = True

    def __call__(self, outputs: Outputs, targets: Array | None) -> float:
        """A finite number.  Raises HwgenError (``metric``) where there is none."""
        if targets is None and self.needs_targets:
            raise self.problem("needs targets", "give them in the data, as y")
        try:
            value = float(self.function(outputs, targets))
        except (HwgenError, MemoryError):
            raise
        except Exception as error:
            what = f"raises {type(error).__name__}: {error}"
            raise self.problem(what, "correct the function, or choose another metric") from error
        if not math.isfinite(value):
            raise self.problem(f"gives {value}", "see what outputs and targets it gets")
        return value

    def problem(self, what: str, fix: str) -> HwgenError:
        """The error that names the metric."""
        return HwgenError("metric", f"metric {clean(self.name)!r}", what, fix)

    def better(self, one: float, other: float) -> bool:
        """Whether ``one`` is better than ``other``."""
        return one > other if self.higher_is_better else one < other


def _bad(name: str, what: str, fix: str) -> HwgenError:
    return HwgenError("metric", f"metric {name!r}", what, fix)


def _classes(outputs: Outputs, targets: Array, name: str) -> tuple[Array, npt.NDArray[np.int64]]:
    """Scores (…, classes) and class indices (…), of targets that are indices or, as many as there are scores, one-hot."""
    scores = outputs[0] if outputs[0].ndim > 1 else outputs[0][:, None]
    if targets.shape == scores.shape and targets.ndim > 1 and scores.shape[1] > 1:
        targets = targets.argmax(axis=1)
    if targets.shape == (*scores.shape[:1], 1):
        targets = targets[:, 0]
    if scores.shape[:1] + scores.shape[2:] == targets.shape:
        scores = np.moveaxis(scores, 1, -1)
    elif scores.shape[:-1] != targets.shape:
        raise _bad(name, f"outputs of shape {scores.shape} and targets of shape {targets.shape}", "give one class index a decision")
    labels = targets.astype(np.int64)
    if (labels != targets).any() or labels.min(initial=0) < 0:
        raise _bad(name, "targets that are no class indices", "give whole numbers from 0")
    if scores.shape[-1] > 1 and labels.max(initial=0) >= scores.shape[-1]:
        raise _bad(name, f"class {labels.max()} of {scores.shape[-1]} classes", "count classes from 0")
    return scores, labels


def _accuracy(outputs: Outputs, targets: Array) -> float:
    """Share of right classes: the index of the largest score, the first of equals; or the one number that is the index itself."""
    scores, labels = _classes(outputs, targets, "accuracy")
    if scores.shape[-1] > 1:
        return float((scores.argmax(axis=-1) == labels).mean())
    indices = scores[..., 0]
    if (indices != np.rint(indices)).any() or indices.min(initial=0) < 0:
        raise _bad("accuracy", "one score a sample, which is no class index", "use auc or mse, or a function of your own")
    return float((indices == labels).mean())


def _is_distribution(scores: Float64) -> bool:
    return bool((scores >= 0).all() and (np.abs(scores.sum(axis=-1) - 1) <= _SUM_TOLERANCE).all())


def _log_sum_exp(scores: Float64) -> Float64:
    largest = scores.max(axis=-1, keepdims=True)
    return (largest + np.log(np.exp(scores - largest).sum(axis=-1, keepdims=True)))[..., 0]


def _cross_entropy(outputs: Outputs, targets: Array) -> float:
    """Mean of ``-log p[class]`` in nats.  Outputs are scores whose softmax is p, or p itself where all rows are distributions."""
    scores, labels = _classes(outputs, targets, "cross_entropy")
    if scores.shape[-1] < 2:
        raise _bad("cross_entropy", "one score a sample", "use auc or mse, or a function of your own")
    scores = scores.astype(np.float64)
    own = np.take_along_axis(scores, labels[..., None], axis=-1)[..., 0]
    if _is_distribution(scores):
        return float(-np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean())
    return float((_log_sum_exp(scores) - own).mean())


def _difference(outputs: Outputs, targets: Array, name: str) -> Float64:
    output = outputs[0]
    if output.shape != targets.shape and output.shape != (*targets.shape, 1) and (*output.shape, 1) != targets.shape:
        raise _bad(name, f"outputs of shape {output.shape} and targets of shape {targets.shape}", "give targets of that shape")
    return output.astype(np.float64).reshape(targets.shape) - targets


def _mse(outputs: Outputs, targets: Array) -> float:
    return float((_difference(outputs, targets, "mse") ** 2).mean())


def _mae(outputs: Outputs, targets: Array) -> float:
    return float(np.abs(_difference(outputs, targets, "mae")).mean())


def _auc(outputs: Outputs, targets: Array) -> float:
    """Area under the ROC curve; of several classes the mean of each against the rest, by log odds or by probability."""
    scores, labels = _classes(outputs, targets, "auc")
    scores = scores.astype(np.float64)
    labels, columns = labels.ravel(), scores.reshape(-1, scores.shape[-1])
    if columns.shape[1] == 1:
        return _area(columns[:, 0], labels == 1)
    if not _is_distribution(columns):
        columns = np.stack([_log_odds(columns, k) for k in range(columns.shape[1])], axis=1)
    if columns.shape[1] == 2:
        return _area(columns[:, 1], labels == 1)
    return float(np.mean([_area(columns[:, k], labels == k) for k in range(columns.shape[1])]))


def _log_odds(scores: Float64, own: int) -> Float64:
    """Of one class against all others; equal where the others are the same in another order."""
    return -_log_sum_exp(np.sort(np.delete(scores, own, axis=1) - scores[:, own, None], axis=1))


def _area(scores: Float64, positive: npt.NDArray[np.bool_]) -> float:
    """Share of pairs (positive, negative) that the score orders rightly; equal scores count half."""
    yes, no = np.sort(scores[positive]), np.sort(scores[~positive])
    if not len(yes) or not len(no):
        raise _bad("auc", "a class without samples, or with all of them", "give samples of each class")
    below, up_to = (np.searchsorted(no, yes, side=side) for side in ("left", "right"))
    return float((below + up_to).sum(dtype=np.float64) / (2 * len(yes) * len(no)))


_KNOWN: Final = (
    Metric("accuracy", True, _accuracy), Metric("cross_entropy", False, _cross_entropy), Metric("mse", False, _mse),
    Metric("mae", False, _mae), Metric("auc", True, _auc),
)
METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in _KNOWN}


def metric_of(text: str) -> Metric:
    """The metric ``text`` names: one of `METRICS`, or ``package.module:function``, which is imported.

    Such a function takes the outputs (a tuple of arrays) and the targets (an array or None); higher is better unless it has an
    attribute ``higher_is_better = False``.  For the command line only: text from a file must be a name of `METRICS`.
    """
    if text in METRICS:
        return METRICS[text]
    module, colon, name = text.partition(":")
    if not colon:
        near = difflib.get_close_matches(text, METRICS, 1)
        fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(METRICS)}, and package.module:function"
        raise HwgenError("metric", f"metric {clean(text)!r}", "is not known", fix)
    try:
        with _here_importable():
            imported: Any = importlib.import_module(module)
        found: Any = operator.attrgetter(name)(imported)
    except Exception as error:
        what = f"cannot be imported: {type(error).__name__}: {error}"
        raise HwgenError("metric", f"metric {clean(text)!r}", what, "write package.module:function") from error
    if not callable(found):
        raise HwgenError("metric", f"metric {clean(text)!r}", "is no function", "name a function of outputs and targets")
    function = cast(Callable[[Outputs, Any], float], found)
    return Metric(text, bool(getattr(found, "higher_is_better", True)), function, needs_targets=False)


@contextmanager
def _here_importable() -> Generator[None]:
    """The working directory as the last place where modules are looked for."""
    sys.path.append("")
    try:
        yield
    finally:
        sys.path.reverse()
        sys.path.remove("")
        sys.path.reverse()
