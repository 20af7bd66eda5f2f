"""What a search is after: objectives, each larger or smaller the better, and constraints on what a trial measures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hwgen.errors import HwgenError
from hwgen.search.pareto import Vector, front

Measures = Mapping[str, float]
"""What a trial measured, by name: finite numbers."""
_CONSTRAINT: Final = re.compile(r"\s*([\w.:]+?)\s*(<=|>=)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Objective:
    """name: of a measure."""

    name: str
    maximise: bool

    def loss(self, measures: Measures) -> float:
        """The measure, negated where larger is better: to be small."""
        return -measures[self.name] if self.maximise else measures[self.name]

    def value(self, loss: float) -> float:
        """The measure of a loss."""
        return -loss if self.maximise else loss

    def __str__(self) -> str:
        return f"{self.name} ({'larger' if self.maximise else 'smaller'} is better)"


@dataclass(frozen=True, slots=True)
class Constraint:
    """``name <= limit``, or ``name >= limit``: of a measure."""

    name: str
    at_least: bool
    limit: float

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """``luts<=4000``.  Raises HwgenError (``constraint``)."""
        match = _CONSTRAINT.fullmatch(text)
        try:
            if match is None:
                raise ValueError(text)
            limit = float(match[3])
            if not abs(limit) < float("inf"):
                raise ValueError(text)
        except ValueError as error:
            fix = "write luts<=4000 or accuracy>=0.95"
            raise HwgenError("constraint", f"constraint {text!r}", "cannot be read", fix) from error
        return cls(match[1], match[2] == ">=", limit)

    def excess(self, measures: Measures) -> float:
        """By how much it is not met, in parts of the limit; 0 where it is."""
        over = self.limit - measures[self.name] if self.at_least else measures[self.name] - self.limit
        return max(0.0, over / (abs(self.limit) or 1.0))

    def __str__(self) -> str:
        return f"{self.name}{'>=' if self.at_least else '<='}{self.limit:g}"


@dataclass(frozen=True, slots=True)
class Goals:
    """objectives: at least one.  constraints: all must be met."""

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()

    def losses(self, measures: Measures) -> Vector:
        """One number an objective, each to be small."""
        return tuple(o.loss(measures) for o in self.objectives)

    def excess(self, measures: Measures) -> float:
        """By how much the constraints are not met, in parts of their limits, all together; 0 where all are."""
        return sum(c.excess(measures) for c in self.constraints)

    def front(self, measured: Sequence[Measures]) -> list[int]:
        """Places of those that meet all constraints and that none of these dominates; by the first objective, the best first."""
        fit = [k for k, m in enumerate(measured) if not self.excess(m)]
        kept = [fit[k] for k in front([self.losses(measured[k]) for k in fit])]
        return sorted(kept, key=lambda k: (self.losses(measured[k]), k))

    def nearest(self, measured: Sequence[Measures]) -> int | None:
        """Place of what comes nearest to the constraints; of equals by the first objective, then by the next, then the first."""
        return min(range(len(measured)), key=lambda k: (self.excess(measured[k]), self.losses(measured[k]), k), default=None)
