"""When each stage of a plan works on which inference, from the cycle model."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.dataflow.cycles import Run, run_of
from hwgen.dataflow.engine import Trace, run
from hwgen.dataflow.stage import Dataflow, Stage


@dataclass(frozen=True, slots=True)
class StageWork:
    """What one stage did, an element an inference; all are clock edges of the run.

    first: takes the first beat, of any of its streams.  issued: issues the last operation; without streaming units the next
    inference may come in from this edge on (from the next in a gated stage).  A stage of streaming units only issues none:
    then it is the edge that takes the last beat.  done: the last result leaves.
    """

    first: tuple[int, ...]
    issued: tuple[int, ...]
    done: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run, and what each stage did in it.  In a chain the first stage's ``first`` and the last one's ``done`` are the run's."""

    run: Run
    stages: tuple[StageWork, ...]


def timeline(flow: Dataflow, inferences: int) -> Timeline:
    """That many inferences back to back, as `hwgen.dataflow.cycles.simulate` runs them."""
    trace = run(flow, inferences)
    return Timeline(run_of(flow, trace), tuple(_work(s, trace) for s in flow.stages))


def _work(stage: Stage, trace: Trace) -> StageWork:
    first = tuple(map(min, zip(*(trace.first[s] for s in stage.takes), strict=True)))
    taken = tuple(map(max, zip(*(trace.done[s] for s in stage.takes), strict=True)))
    return StageWork(first, trace.issued[stage.name] if stage.piped else taken, trace.done[stage.gives[0]])
