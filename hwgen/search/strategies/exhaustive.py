"""Every point of the space, in order."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.search.space import Key
from hwgen.search.strategies.base import Answer, Task


class Exhaustive:
    """`Strategy`."""

    def __init__(self, task: Task) -> None:
        self._space, self._next = task.space, 0

    def ask(self, count: int) -> Sequence[Key]:
        numbers = range(self._next, min(self._next + count, self._space.size))
        self._next += len(numbers)
        return [self._space.point(n) for n in numbers]

    def tell(self, answers: Sequence[Answer]) -> None:
        del answers  # all are asked, whatever comes of them
