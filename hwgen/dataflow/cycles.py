"""The cycle model: when each beat moves, exactly as the templates do it, and what follows from that.

Time is counted in clock edges.  The rules are sentences of the templates' headers; native/ computes with them (see there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hwgen.dataflow.engine import Trace, run
from hwgen.dataflow.plan import with_depths
from hwgen.dataflow.stage import Buffer, Dataflow, Stage
from hwgen.dataflow.stop import deadlock
from hwgen.errors import HwgenFailure

MEASURED_INFERENCES: Final = 16
"""Most inferences back to back from which an interval is taken."""
_LEAST_MEASURED: Final = 3
_MEASURED_CYCLES: Final = 200_000


_LARGE_BITS: Final = 4096
"""A FIFO of more is worth some runs of the model to make it less."""
_LIMITS: Final = tuple(2 ** (1 + 2 * k) for k in range(1, 10))
"""Depths that are tried instead: 8, 32, 128, …"""


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


def run_of(flow: Dataflow, trace: Trace) -> Run:
    """What a trace says of the whole flow.  Raises HwgenFailure (``deadlock``) where it stopped."""
    if trace.stopped is not None:
        raise deadlock(flow, trace)
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
    """FIFOs with which the flow is as fast as with FIFOs without end.

    First as deep as inferences at the flow's own pace need it: a schedule with these places exists, and elements that move as
    soon as they can are never slower than any schedule.  That schedule keeps what comes in bursts where elements that are held
    up in time would not make it: of FIFOs that are memories by then, as much is taken off as costs no cycle back to back.
    A buffer has at least two places, so that it passes a beat every cycle.
    """
    paced = _paced(flow)
    buffers = {e.name for e in flow.elements if isinstance(e, Buffer)}
    return _trimmed(with_depths(flow, {name: max(1 + (name in buffers), most) for name, most in paced.occupancy.items()}))


def _paced(flow: Dataflow) -> Run:
    """FIFOs without end, inferences at the pace that every element keeps, until their number in flight has long been reached."""
    pace, inferences = flow.ideal_interval_cycles, measured_inferences(flow)
    settled = max(1, inferences // 4)
    while True:
        paced = simulate(flow, inferences, pace_cycles=pace, unlimited=True)
        kept = interval_of(paced.done)
        in_flight = -(-(paced.done[0] - paced.first[0]) // pace)
        if kept > pace:
            pace = kept
        elif inferences < in_flight + settled:
            inferences = in_flight + settled
        else:
            return paced


def _trimmed(flow: Dataflow) -> Dataflow:
    """Large FIFOs at the first of `_LIMITS` that leaves latency and interval as they are."""
    fifos = {e.name: e for e in flow.elements if isinstance(e, Stage | Buffer)}
    depths = {name: e.fifo_depth if isinstance(e, Stage) else e.depth for name, e in fifos.items()}
    large = [name for name, e in fifos.items() if depths[name] * e.gives[0].bits > _LARGE_BITS]
    if not large:
        return flow
    promised = predict(flow)
    least = {name: _least(flow, e) if isinstance(e := fifos[name], Buffer) else 1 for name in large}

    def cut(names: Sequence[str], limit: int) -> None:
        """All of ``names`` to ``limit`` at once where that costs nothing, else by halves."""
        trial = {**depths, **dict.fromkeys(names, limit)}
        if _is_as_fast(with_depths(flow, trial), promised):
            depths.update(trial)
        elif len(names) > 1:
            cut(names[: len(names) // 2], limit)
            cut(names[len(names) // 2 :], limit)

    for limit in _LIMITS:
        deeper = [name for name in large if least[name] <= limit < depths[name]]
        if deeper:
            cut(deeper, limit)
    return with_depths(flow, depths)


def _is_as_fast(flow: Dataflow, promised: Performance) -> bool:
    try:
        seen = predict(flow)
    except HwgenFailure:
        return False
    return seen.latency_cycles <= promised.latency_cycles and seen.interval_cycles <= promised.interval_cycles


def least_fifos(flow: Dataflow) -> Dataflow:
    """The least depth of each buffer at which the flow runs at all: with one place less in any of them it stops for ever.

    They are made least one after the other, in the order of the flow, the later ones as deep as they were.  Less places in
    others never help, so that each stays least when the others have theirs.  A buffer of one place is least as well.
    """
    for element in flow.elements:
        if isinstance(element, Buffer):
            flow = with_depths(flow, {element.name: _least(flow, element)})
    return flow


def _least(flow: Dataflow, buffer: Buffer) -> int:
    """One inference will do: when it has passed everywhere, the flow is as it was."""
    return max(1, run_of(flow, run(flow, 1, lazy=buffer)).occupancy[buffer.name])


def predict(flow: Dataflow) -> Performance:
    """Latency of one inference alone, and the interval of many back to back."""
    many = simulate(flow, measured_inferences(flow))  # what comes later holds up nothing: the first is as fast as alone
    return Performance(many.done[0] - many.first[0], interval_of(many.done))
