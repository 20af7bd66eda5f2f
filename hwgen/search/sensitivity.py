"""How much each choice alone loses and wins: every dimension of a space at each of its choices, all others at their largest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hwgen.errors import HwgenFailure
from hwgen.search.driver import Pool
from hwgen.search.goals import Objective
from hwgen.search.journal import Outcome
from hwgen.search.space import Key, Space


@dataclass(frozen=True)
class Alone:
    """One dimension at one choice.  lost: of the quality, in its own unit; won: of the cost.  None where the trial failed."""

    dimension: str
    choice: str
    size: float
    lost: float | None
    won: float | None
    error: str | None = None


@dataclass(frozen=True)
class Sensitivity:
    """quality, cost: what is lost and won.  best: both of the point with the largest choice everywhere.  rows: by dimension."""

    quality: Objective
    cost: Objective
    best: tuple[float, float]
    rows: tuple[tuple[Alone, ...], ...]

    @property
    def choices(self) -> list[str]:
        """The labels of all choices, by their sizes."""
        sizes = {a.choice: a.size for row in reversed(self.rows) for a in row}
        return sorted(sizes, key=lambda label: (sizes[label], label))

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "quality": self.quality.name, "cost": self.cost.name,
            "largest": {self.quality.name: self.best[0], self.cost.name: self.best[1]},
            "dimensions": [
                {
                    "name": row[0].dimension,
                    "choices": [{"choice": a.choice, "bits": a.size, "lost": a.lost, "won": a.won, "error": a.error} for a in row],
                }
                for row in self.rows
            ],
        }


def points_alone(space: Space) -> list[Key]:
    """The largest point, and each that differs from it in one dimension."""
    top = space.largest
    return [top] + [(*top[:at], place, *top[at + 1 :]) for at, most in enumerate(top) for place in range(most)]


def sensitivity(space: Space, pool: Pool, quality: Objective, cost: Objective, done: Callable[[int], None]) -> Sensitivity:
    """Tries all of `points_alone`.  done: is told how many are.

    Raises HwgenFailure where the largest point itself cannot be tried.
    """
    keys = points_alone(space)
    outcomes: dict[Key, Outcome] = {}
    for place, outcome in pool.outcomes(keys):
        outcomes[keys[place]] = outcome
        done(len(outcomes))
    best = outcomes[space.largest]
    if best.measures is None:
        fix = "give other choices in [search]"
        raise HwgenFailure("space", "search space", f"its largest point cannot be tried: {best.error}", fix)
    before = quality.loss(best.measures), cost.loss(best.measures)

    def alone(at: int, place: int) -> Alone:
        top, dimension = space.largest, space.dimensions[at]
        outcome, choice = outcomes[(*top[:at], place, *top[at + 1 :])], dimension.choices[place]
        if outcome.measures is None:
            return Alone(dimension.name, choice.label, choice.size, None, None, outcome.error)
        lost, won = quality.loss(outcome.measures) - before[0], before[1] - cost.loss(outcome.measures)
        return Alone(dimension.name, choice.label, choice.size, lost, won)

    rows = tuple(tuple(alone(at, place) for place in range(len(d.choices))) for at, d in enumerate(space.dimensions))
    return Sensitivity(quality, cost, (quality.value(before[0]), cost.value(before[1])), rows)
