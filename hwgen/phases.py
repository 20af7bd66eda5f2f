"""How long the phases of a build take, and who is told that one begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

Progress = Callable[[str], None]


class Clock:
    """Runs from when it is made."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float | None] = {}
        self._progress, self._start = progress, time.perf_counter()

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Times a phase and says that it began."""
        self._progress(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 4)

    def total(self) -> dict[str, float | None]:
        """All phases and the whole."""
        order = ("import", "lower", "emit", "simulate", "synthesize")
        self.seconds["emit"] = round((self.seconds.pop("plan", 0) or 0) + (self.seconds.get("emit") or 0), 4)
        return {**{k: self.seconds.get(k) for k in order}, "total": round(time.perf_counter() - self._start, 4)}
