"""A trial: what comes of a point, as a function of the point and the seed alone."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from hwgen.errors import HwgenError, clean
from hwgen.search.journal import Outcome
from hwgen.search.space import Key


@dataclass(frozen=True, slots=True)
class Trial:
    """measures: all that was measured, finite.  graph_sha256: of the model that was made on the way, where one was kept."""

    measures: Mapping[str, float]
    graph_sha256: str | None = None


_DIGITS: Final = 10
Evaluator = Callable[[Key, int], Trial]
"""Tries a point with a seed of its own.  Raises where the point cannot be tried."""


class Recipe(Protocol):
    """What a worker makes its evaluator of; goes to other processes and machines by pickle."""

    def evaluator(self) -> Evaluator:
        """Made once in each worker."""
        ...


def seed_of(seed: int, key: Key) -> int:
    """The seed of a trial, 63 bits: of the search's seed and the point, whatever its number."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{','.join(map(str, key))}".encode()).digest()[:8]) >> 1


def _rounded(value: float) -> float:
    """To `_DIGITS` digits: sums of floats differ in their last bits from machine to machine."""
    return float(f"{value:.{_DIGITS}g}")


def outcome_of(evaluator: Evaluator, key: Key, seed: int) -> Outcome:
    """Tries a point; whatever goes wrong is an outcome as well.  Only what is no fault of the point is raised."""
    try:
        trial = evaluator(key, seed_of(seed, key))
        measures = {name: _rounded(value) for name, value in trial.measures.items()}
        wrong = [name for name, value in measures.items() if not math.isfinite(value)]
        if wrong:
            return Outcome(error=f"{wrong[0]} is {measures[wrong[0]]}")
        return Outcome(measures=measures, graph_sha256=trial.graph_sha256)
    except HwgenError as error:
        return Outcome(error=str(error))
    except MemoryError:
        return Outcome(error="does not fit in memory")
    except Exception as error:  # noqa: BLE001 - an objective of the user's may raise anything; the search goes on
        return Outcome(error=f"{type(error).__name__}: {clean(error)}")
