"""What a strategy is: a sequence of questions that depends on nothing but the answers to the questions before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hwgen.search.goals import Goals, Measures
from hwgen.search.space import Key, Space


@dataclass(frozen=True, slots=True)
class Task:
    """What is searched.  guide: a measure to be small that grows smoothly as precision is lost; None where there is none."""

    space: Space
    goals: Goals
    seed: int
    guide: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a point.  measures: None where the trial failed."""

    key: Key
    measures: Measures | None


class Strategy(Protocol):
    """Asked and told in turn, always with the same number of points: then the sequence of points is a function of the answers."""

    def ask(self, count: int) -> Sequence[Key]:
        """The next ``count`` points; fewer where there are no more."""
        ...

    def tell(self, answers: Sequence[Answer]) -> None:
        """What came of the points asked last, in their order."""
        ...


Maker = Callable[[Task], Strategy]
