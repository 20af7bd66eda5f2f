"""Runs a search: asks a strategy in batches, has the points tried, keeps each outcome, and tells the strategy in order.

A batch is told when all of it is there, so what is asked depends on outcomes alone and not on who was faster: one worker, many,
and a search that was killed and goes on all try the same points.  An outcome depends on the point and the seed; a point that is
asked again is not tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hwgen.errors import HwgenError
from hwgen.search.journal import NAME, Journal, Outcome, TrialRecord
from hwgen.search.space import Key, Space
from hwgen.search.strategies.base import Answer, Strategy


class Pool(Protocol):
    """What tries points."""

    def outcomes(self, keys: Sequence[Key]) -> Iterator[tuple[int, Outcome]]:
        """The outcome of each key with its place in ``keys``, as they come."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """trials: how many in all.  batch: how many are asked together; part of what decides the sequence."""

    space: Space
    strategy: Strategy
    trials: int
    batch: int


def _keys(plan: Plan, first: int, journal: Journal) -> list[Key]:
    """The points of the next batch, which must be those that the journal has."""
    keys = list(plan.strategy.ask(plan.batch))
    for place, key in enumerate(keys):
        plan.space.check(key)
        known = journal.trials.get(first + place)
        if known is not None and known.key != key:
            what = f"has trial {known.number} at {list(known.key)}, where the strategy asks {list(key)}"
            raise HwgenError("journal", f"file {NAME!r}", what, "choose another --out; the versions of the libraries differ")
    return keys


def run(plan: Plan, journal: Journal, pool: Pool, done: Callable[[TrialRecord], None]) -> list[TrialRecord]:
    """All trials, in their order.  done: is told of each as it is there, those of the journal first.

    Ends early where the strategy has no more points.
    """
    known: dict[Key, Outcome] = {}
    first = 0
    while first < plan.trials:
        keys = _keys(plan, first, journal)
        wanted = range(first, min(first + len(keys), plan.trials))
        for number in wanted:
            if number in journal.trials:
                known[keys[number - first]] = journal.trials[number].outcome
                done(journal.trials[number])
        missing = [n for n in wanted if n not in journal.trials]
        _try(missing, {n: keys[n - first] for n in missing}, known, journal, pool, done)
        if len(keys) < plan.batch or len(wanted) < len(keys):
            break
        plan.strategy.tell([Answer(keys[n - first], journal.trials[n].outcome.measures) for n in wanted])
        first += plan.batch
    return [journal.trials[n] for n in range(plan.trials) if n in journal.trials]


def _try(
    numbers: Sequence[int], keys: dict[int, Key], known: dict[Key, Outcome], journal: Journal, pool: Pool,
    done: Callable[[TrialRecord], None],
) -> None:
    """Tries what is missing, each point once, and keeps the outcomes as they come."""
    def keep(key: Key, outcome: Outcome) -> None:
        known[key] = outcome
        for number in numbers:
            if keys[number] == key:
                record = TrialRecord(number=number, key=key, outcome=outcome)
                journal.add(record)
                done(record)

    fresh: list[Key] = []
    for key in dict.fromkeys(keys.values()):
        if key in known:
            keep(key, known[key])
        else:
            fresh.append(key)
    for place, outcome in pool.outcomes(fresh):
        keep(fresh[place], outcome)
