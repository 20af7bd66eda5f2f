"""The cycle model: when each beat moves, exactly as the templates do it, and what follows from that.

Time is counted in clock edges.  The rules are sentences of the templates' headers; native/ computes with them (see there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hwgen.dataflow.engine import Trace, run
from hwgen.dataflow.plan import with_depths
from hwgen.dataflow.stage import Buffer, Dataflow
from hwgen.dataflow.stop import deadlock

MEASURED_INFERENCES: Final = 16
"""Most inferences back to back from which an interval is taken."""
_LEAST_MEASURED: Final = 3
_MEASURED_CYCLES: Final = 200_000
_UNTIL_ALIKE: Final = 2
"""Inferences after which what runs goes on running: the first leaves rows behind that no result needs, the second meets them."""


@dataclass(frozen=True, slots=True)
class Performance:
    """latency_cycles: from the edge that takes an inference's first beat to the edge that its last result leaves, alone.

    interval_cycles: between inferences in steady state, back to back, output always ready (mean, rounded up).
    """

    latency_cycles: int
    interval_cycles: int


def interval_of(done: Sequence[int]) -> int:
    """Steady interval from the edges at which inferences were done: the mean over the later half, rounded up."""
    if len(done) < 2:
        return done[0] + 1 if done else 0
    half = (len(done) - 1) // 2
    return -(-(done[-1] - done[half]) // (len(done) - 1 - half))


def measured_inferences(flow: Dataflow) -> int:
    """Inferences back to back from which the interval is taken, in the model and in simulation: fewer of slow ones."""
    return max(_LEAST_MEASURED, min(MEASURED_INFERENCES, _MEASURED_CYCLES // flow.ideal_interval_cycles))


@dataclass(frozen=True, slots=True)
class Run:
    """first: edge at which each inference's first beat went in, at whichever input.  done: at which its last result left.

    occupancy: most places ever reserved in each FIFO, by the name of the stage or buffer.
    """

    first: tuple[int, ...]
    done: tuple[int, ...]
    occupancy: Mapping[str, int]


def _check(flow: Dataflow, trace: Trace) -> None:
    if trace.stopped is not None:
        raise deadlock(flow, trace)


def run_of(flow: Dataflow, trace: Trace) -> Run:
    """What a trace says of the whole flow.  Raises HwgenFailure (``deadlock``) where it stopped."""
    _check(flow, trace)
    first = zip(*(trace.first[s] for s in flow.inputs), strict=True)
    done = zip(*(trace.done[s] for s in flow.outputs), strict=True)
    return Run(tuple(map(min, first)), tuple(map(max, done)), trace.occupancy)


def simulate(flow: Dataflow, inferences: int, *, pace_cycles: int = 0, unlimited: bool = False) -> Run:
    """Runs the model with the outputs always ready.

    pace_cycles: an inference's beats are offered evenly over this many cycles, one inference after the other; 0: at once.
    unlimited: FIFOs without end.  Raises HwgenFailure (``deadlock``) where the design stops moving.
    """
    return run_of(flow, run(flow, inferences, pace_cycles=pace_cycles, unlimited=unlimited))


def size_fifos(flow: Dataflow) -> Dataflow:
    """FIFOs deep enough that inferences at the pace of the flow without limits are never held up, and no deeper.

    A schedule that needs no more places than these exists at that pace, and elements that move as soon as they can are never
    slower than any schedule.  A buffer has at least two places, so that it passes a beat every cycle.
    """
    endless = simulate(flow, measured_inferences(flow), unlimited=True)
    pace = max(flow.ideal_interval_cycles, interval_of(endless.done))
    alone = simulate(flow, 1, pace_cycles=pace, unlimited=True)
    in_flight = -(-(alone.done[0] - alone.first[0]) // pace)
    paced = simulate(flow, in_flight + 4, pace_cycles=pace, unlimited=True)
    buffers = {e.name for e in flow.elements if isinstance(e, Buffer)}
    return with_depths(flow, {name: max(1 + (name in buffers), most) for name, most in paced.occupancy.items()})


def least_fifos(flow: Dataflow) -> Dataflow:
    """The least depth of each buffer at which the flow runs at all: with one place less in any of them it stops for ever.

    They are made least one after the other, in the order of the flow, the later ones as deep as they were.  Less places in
    others never help, so that each stays least when the others have theirs.  A buffer of one place is least as well.
    """
    for element in flow.elements:
        if isinstance(element, Buffer):
            trace = run(flow, _UNTIL_ALIKE, lazy=element)
            _check(flow, trace)
            flow = with_depths(flow, {element.name: max(1, trace.occupancy[element.name])})
    return flow


def predict(flow: Dataflow) -> Performance:
    """Latency of one inference alone, and the interval of many back to back."""
    many = simulate(flow, measured_inferences(flow))  # what comes later holds up nothing: the first is as fast as alone
    return Performance(many.done[0] - many.first[0], interval_of(many.done))
