"""When a stream's end is willing: profiles of offers (sources) and of readiness (sinks).

A profile makes, from a random generator, a function that is asked once an edge and answers for the next cycle.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

Willing = Callable[[bool, bool], bool]
"""``willing(waiting, moved)``: waiting, the other end offered or asked at this edge in vain; moved, a beat moved at this edge."""

Profile = Callable[[Random], Willing]


def always(_rng: Random) -> Willing:
    """In every cycle."""
    return lambda waiting, moved: True


def chance(probability: float) -> Profile:
    """In each cycle with this probability."""

    def make(rng: Random) -> Willing:
        return lambda waiting, moved: rng.random() < probability

    return make


def bursts(rng: Random) -> Willing:
    """Runs of 1 to 12 cycles, willing and not in turn."""
    state = {"left": 0, "on": False}

    def willing(waiting: bool, moved: bool) -> bool:
        if state["left"] == 0:
            state["left"], state["on"] = rng.randint(1, 12), not state["on"]
        state["left"] -= 1
        return bool(state["on"])

    return willing


def stall_after_first(cycles: int = 40) -> Profile:
    """Always, but for one stall right after the first beat."""

    def make(_rng: Random) -> Willing:
        state = {"left": cycles, "first_gone": False}

        def willing(waiting: bool, moved: bool) -> bool:
            state["first_gone"] = state["first_gone"] or moved
            if state["first_gone"] and state["left"] > 0:
                state["left"] -= 1
                return False
            return True

        return willing

    return make


def on_demand(_rng: Random) -> Willing:
    """Only after the other end was seen waiting: a sink whose ready comes after valid."""
    return lambda waiting, moved: waiting


TRAFFIC: Final[dict[str, tuple[Profile, Profile]]] = {
    "free": (always, always),
    "half": (chance(0.5), chance(0.5)),
    "sparse_in": (chance(0.05), always),
    "sparse_out": (always, chance(0.05)),
    "bursts": (bursts, bursts),
    "stall": (always, stall_after_first()),
    "late_ready": (always, on_demand),
}
"""Each elastic module's diet: profiles of its source and its sink, by name. In ``sparse_in`` ready comes before valid."""
