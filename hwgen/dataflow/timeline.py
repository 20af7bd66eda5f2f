"""When each stage of a plan works on which inference, from the cycle model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hwgen.dataflow.cycles import Run, simulate
from hwgen.dataflow.plan import Dataflow


@dataclass(frozen=True, slots=True)
class StageWork:
    """What one stage did, an element an inference; all are clock edges of the run.

    first: takes the first beat.  issued: issues the last operation; the next inference may come in from this edge on (from the
    next in a gated stage).  done: the last result leaves its FIFO.
    """

    first: tuple[int, ...]
    issued: tuple[int, ...]
    done: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run, and what each stage did in it.  The first stage's ``first`` and the last stage's ``done`` are those of the run."""

    run: Run
    stages: tuple[StageWork, ...]


@dataclass(slots=True)
class _Counter:
    """Keeps the edges of every ``period``-th event."""

    period: int
    phase: int
    count: int = 0
    edges: list[int] = field(default_factory=list[int])

    def see(self, edge: int) -> None:
        if self.count % self.period == self.phase:
            self.edges.append(edge)
        self.count += 1


def timeline(flow: Dataflow, inferences: int) -> Timeline:
    """That many inferences back to back, as `hwgen.dataflow.cycles.simulate` runs them."""
    takes = [_Counter(s.first.in_beats, 0) for s in flow.stages]
    # a unit that streams issues its results' operations after the last beat; a gate issues each beat as it takes it
    operations = [s.first.repeats if s.first.streams else s.first.in_beats for s in flow.stages]
    issues = [_Counter(n, n - 1) for n in operations]
    gives = [_Counter(s.last.out_beats, s.last.out_beats - 1) for s in flow.stages]

    def watch(edge: int, *moved: Sequence[bool]) -> None:
        for counters, events in zip((takes, issues, gives), moved, strict=True):
            for counter, happened in zip(counters, events, strict=True):
                if happened:
                    counter.see(edge)

    run = simulate(flow, inferences, watch=watch)
    stages = zip(takes, issues, gives, strict=True)
    return Timeline(run, tuple(StageWork(tuple(t.edges), tuple(i.edges), tuple(g.edges)) for t, i, g in stages))
