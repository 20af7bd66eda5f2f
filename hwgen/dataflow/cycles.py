"""The cycle model: when each beat moves, exactly as the templates do it.

Every rule here is a sentence of a template's header.  Time is counted in clock edges; all decisions at an edge depend on
what was registered before it, so one pass over the stages an edge is enough.  Edges at which nothing can move are skipped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from hwgen.dataflow.plan import Dataflow, Stage, with_fifo_depths
from hwgen.dataflow.unit import beats
from hwgen.errors import HwgenFailure

MEASURED_INFERENCES: Final = 16
"""Inferences back to back from which the interval is taken, in the model and in simulation."""


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


@dataclass(slots=True)
class _Converter:
    """hg_width_converter: counts elements; capacity A + B + min(A, B) - 1."""

    elements: int
    in_lanes: int
    out_lanes: int
    count: int = 0
    taken: int = 0
    given: int = 0

    def _size(self, index: int, lanes: int) -> int:
        return min(lanes, self.elements - index % beats(self.elements, lanes) * lanes)

    def ready(self) -> bool:
        capacity = self.in_lanes + self.out_lanes + min(self.in_lanes, self.out_lanes) - 1
        return self.count + self._size(self.taken, self.in_lanes) <= capacity

    def valid(self) -> bool:
        return self.count >= self._size(self.given, self.out_lanes)

    def take(self) -> None:
        self.count += self._size(self.taken, self.in_lanes)
        self.taken += 1

    def give(self) -> None:
        self.count -= self._size(self.given, self.out_lanes)
        self.given += 1


@dataclass(slots=True)
class _Fifo:
    """hg_credit_fifo: a place is reserved when an operation is issued and free again after its result has left."""

    depth: float
    reserved: int = 0
    most: int = 0
    arrivals: deque[int] = field(default_factory=deque[int])

    def room(self) -> bool:
        return self.reserved < self.depth

    def valid(self, edge: int) -> bool:
        return bool(self.arrivals) and self.arrivals[0] < edge

    def reserve(self, arrival: int) -> None:
        self.reserved += 1
        self.most = max(self.most, self.reserved)
        self.arrivals.append(arrival)

    def pop(self) -> None:
        self.arrivals.popleft()
        self.reserved -= 1


@dataclass(slots=True)
class _Front:
    """hg_matvec, or hg_gate where ``streams`` is false: takes beats, issues operations."""

    streams: bool
    in_beats: int
    repeats: int
    beats_per_output: int
    latency: int
    taken: int = 0
    free_at: int = 0
    pending: int = 0

    def takes(self, edge: int, fifo: _Fifo) -> bool:
        """Whether the input is ready before ``edge``."""
        if not self.streams:
            return (self.taken + 1) % self.beats_per_output != 0 or fifo.room()
        if self.pending:
            return self.pending == 1 and fifo.room()
        return edge >= self.free_at

    def issue(self, edge: int, fifo: _Fifo) -> bool:
        """Issue one result-giving operation at ``edge`` if one waits and there is room (matrix-vector unit only)."""
        if self.pending and fifo.room():
            self.pending -= 1
            fifo.reserve(edge + self.latency)
            return True
        return False

    def take(self, edge: int, fifo: _Fifo) -> None:
        self.taken += 1
        last = self.taken % self.in_beats == 0
        if not self.streams:
            if self.taken % self.beats_per_output == 0:
                fifo.reserve(edge + self.latency)
        elif last:
            self.pending = self.repeats
        else:
            self.free_at = edge + self.repeats


@dataclass(frozen=True, slots=True)
class Run:
    """first: edge at which each inference's first beat went in.  done: at which its last result left.

    occupancy: most places ever reserved in each FIFO.
    """

    first: tuple[int, ...]
    done: tuple[int, ...]
    occupancy: tuple[int, ...]


class _Chain:
    def __init__(self, flow: Dataflow, depths: Sequence[float]) -> None:
        self.fronts = [_front(s) for s in flow.stages]
        self.fifos = [_Fifo(d) for d in depths]
        self.converters: list[_Converter | None] = [None]
        for before, after in zip(flow.stages, flow.stages[1:], strict=False):
            a, b = before.last.out_lanes, after.first.in_lanes
            self.converters.append(None if a == b else _Converter(after.input.type.elements, a, b))
        self.in_beats, self.out_beats = flow.stages[0].first.in_beats, flow.stages[-1].last.out_beats
        self.moves: Sequence[tuple[bool, bool]] = ()
        self.issued: Sequence[bool] = ()

    def step(self, edge: int, *, offered: bool) -> tuple[bool, bool, bool]:
        """Everything that moves at ``edge``: (an input beat, an output beat, anything at all)."""
        # decide from the state before the edge …
        wants = [front.takes(edge, fifo) for front, fifo in zip(self.fronts, self.fifos, strict=True)]
        gives = [fifo.valid(edge) for fifo in self.fifos]
        moves: list[tuple[bool, bool]] = [(offered and wants[0], False)]
        for index in range(1, len(self.fronts)):
            converter = self.converters[index]
            if converter is None:
                moves.append((gives[index - 1] and wants[index], False))
            else:
                moves.append((converter.valid() and wants[index], gives[index - 1] and converter.ready()))
        # … then move
        issued = [front.issue(edge, fifo) for front, fifo in zip(self.fronts, self.fifos, strict=True)]
        for index, (into_front, into_converter) in enumerate(moves):
            converter = self.converters[index]
            if into_converter and converter is not None:
                converter.take()
                self.fifos[index - 1].pop()
            if into_front:
                self.fronts[index].take(edge, self.fifos[index])
                if converter is not None:
                    converter.give()
                elif index:
                    self.fifos[index - 1].pop()
        if gives[-1]:
            self.fifos[-1].pop()
        self.moves, self.issued = moves, issued
        moved = any(issued) or gives[-1] or any(a or b for a, b in moves)
        return moves[0][0], gives[-1], moved

    def seen(self, gave: bool) -> tuple[Sequence[bool], Sequence[bool], Sequence[bool]]:
        """What moved at the last edge, by stage: a beat taken, an operation issued, a result leaving.  gave: the last stage's."""
        takes = [into_front for into_front, _ in self.moves]
        issues = [i if front.streams else t for front, i, t in zip(self.fronts, self.issued, takes, strict=True)]
        after = zip(self.moves[1:], self.converters[1:], strict=True)
        gives = [into_front if converter is None else into_converter for (into_front, into_converter), converter in after]
        return takes, issues, [*gives, gave]

    def wake(self, edge: int) -> float:
        """The next edge after ``edge`` at which something that was waiting may move."""
        times = [f.arrivals[0] + 1 for f in self.fifos if f.arrivals]
        times += [f.free_at for f in self.fronts]
        return min((t for t in times if t > edge), default=inf)


def _front(stage: Stage) -> _Front:
    first = stage.first
    return _Front(first.streams, first.in_beats, first.repeats, stage.beats_per_output, stage.latency_cycles)


Watch = Callable[[int, Sequence[bool], Sequence[bool], Sequence[bool]], None]
"""Told of an edge and, for each stage, whether it takes a beat, issues an operation, and whether a result leaves its FIFO."""


def simulate(
    flow: Dataflow, inferences: int, *, pace_cycles: int = 0, unlimited: bool = False,
    watch: Watch | None = None,
) -> Run:
    """Runs the model with the output always ready.

    pace_cycles: an inference's beats are offered evenly over this many cycles, one inference after the other; 0: at once.
    unlimited: FIFOs without end.  watch: is told of every edge at which anything moves.
    Raises HwgenFailure where the design stops moving.
    """
    chain = _Chain(flow, [inf if unlimited else s.fifo_depth for s in flow.stages])
    first: list[int] = []
    done: list[int] = []
    sent = received = edge = 0
    while len(done) < inferences:
        start = sent * pace_cycles // chain.in_beats if sent < inferences * chain.in_beats else inf
        offered = edge >= start
        took, gave, moved = chain.step(edge, offered=offered)
        if took:
            if sent % chain.in_beats == 0:
                first.append(edge)
            sent += 1
        if gave:
            received += 1
            if received % chain.out_beats == 0:
                done.append(edge)
        if moved:
            if watch is not None:
                watch(edge, *chain.seen(gave))
            edge += 1
            continue
        following = min(chain.wake(edge), start if start > edge else inf)
        if following == inf:
            raise HwgenFailure("deadlock", flow.name, f"the cycle model stops at edge {edge}", "please report this design")
        edge = int(following)
    return Run(tuple(first), tuple(done), tuple(f.most for f in chain.fifos))


def size_fifos(flow: Dataflow) -> Dataflow:
    """FIFOs deep enough that inferences at the slowest stage's pace are never held up, and no deeper.

    A schedule that needs no more places than these exists at that pace, and a chain of stages that move as soon as they
    can is never slower than any schedule.
    """
    pace = flow.ideal_interval_cycles
    alone = simulate(flow, 1, pace_cycles=pace, unlimited=True)
    in_flight = -(-(alone.done[0] - alone.first[0]) // pace)
    run = simulate(flow, in_flight + 4, pace_cycles=pace, unlimited=True)
    return with_fifo_depths(flow, [max(1, most) for most in run.occupancy])


def predict(flow: Dataflow) -> Performance:
    """Latency of one inference alone, and the interval of many back to back."""
    alone = simulate(flow, 1)
    many = simulate(flow, MEASURED_INFERENCES)
    return Performance(alone.done[0] - alone.first[0], interval_of(many.done))
