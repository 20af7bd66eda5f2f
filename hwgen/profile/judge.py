"""Whether a quantized network is good enough: its loss against the float network on the same samples, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.ir.graph import Array
from hwgen.metrics import Metric
from hwgen.profile.exact import Outputs

_FOLDS: Final = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """value: of the metric.  loss: by how much it is worse than the float network's (negative: better), in the metric's units.

    error: standard error of the loss, as the samples' choice makes it.
    """

    value: float
    loss: float
    error: float


@dataclass(frozen=True, eq=False)
class Judge:
    """reference: the float network's outputs.  targets: of the same samples, or None where the metric needs none."""

    metric: Metric
    reference: Outputs
    targets: Array | None
    _folds: tuple[npt.NDArray[np.bool_], ...] = field(init=False)
    _right: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        samples = len(self.reference[0])
        folds = min(_FOLDS, samples)
        place = np.arange(samples) % folds
        object.__setattr__(self, "_folds", tuple(place != k for k in range(folds) if folds > 1))
        object.__setattr__(self, "_right", tuple(self._metric(self.reference, kept) for kept in self._folds))

    @property
    def value(self) -> float:
        """The float network's."""
        return self.metric(self.reference, self.targets)

    def _metric(self, outputs: Outputs, kept: npt.NDArray[np.bool_]) -> float:
        return self.metric(tuple(o[kept] for o in outputs), None if self.targets is None else self.targets[kept])

    def loss(self, outputs: Outputs) -> float:
        """By how much the metric is worse than the float network's."""
        return self._worse(self.value, self.metric(outputs, self.targets))

    def _worse(self, right: float, value: float) -> float:
        return right - value if self.metric.higher_is_better else value - right

    def verdict(self, outputs: Outputs) -> Verdict:
        """outputs: of the same samples in the same order.  The error is the jackknife's, over folds that are left out in turn."""
        value = self.metric(outputs, self.targets)
        losses = [self._worse(right, self._metric(outputs, kept)) for right, kept in zip(self._right, self._folds, strict=True)]
        mean = sum(losses) / max(1, len(losses))
        spread = sum((one - mean) ** 2 for one in losses) * (len(losses) - 1) / max(1, len(losses))
        return Verdict(value, self._worse(self.value, value), sqrt(max(0.0, spread)))
