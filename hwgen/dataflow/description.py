"""A dataflow in the words of the compiled cycle model (native/engine.cpp)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Element, Fork, Stage, Stream
from hwgen.dataflow.unit import ConcatTiming, ReorderTiming, SelectTiming, Unit, WindowTiming

_ENDLESS: Final = -1
_UNASKED: Final = 0
"""In place of a tensor's beats, within a stage: nobody asks when they move."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Who gives and who takes a stream; None: the outside.  Within a stage both are the stage, and stream is None."""

    stream: Stream | None
    giver: Element | None
    taker: Element | None


@dataclass(frozen=True, slots=True)
class Description:
    """text: all but the line `run`.  streams: by their number.  elements: the name of what a line is part of, "" of an end."""

    text: str
    streams: tuple[Ends, ...]
    elements: tuple[str, ...]


@dataclass(slots=True)
class _Writer:
    unlimited: bool
    numbers: dict[Stream, int] = field(default_factory=dict[Stream, int])
    streams: list[Ends] = field(default_factory=list[Ends])
    beats: list[int] = field(default_factory=list[int])
    lines: list[str] = field(default_factory=list[str])
    elements: list[str] = field(default_factory=list[str])

    def give(self, stream: Stream, giver: Element | None) -> int:
        self.numbers[stream] = self._number(Ends(stream, giver, None), stream.beats)
        return self.numbers[stream]

    def take(self, stream: Stream, taker: Element | None) -> int:
        number = self.numbers[stream]
        self.streams[number] = Ends(stream, self.streams[number].giver, taker)
        return number

    def _number(self, ends: Ends, beats: int) -> int:
        self.streams.append(ends)
        self.beats.append(beats)
        return len(self.streams) - 1

    def line(self, name: str, word: str, *numbers: int) -> None:
        self.lines.append(" ".join((word, *map(str, numbers))))
        self.elements.append(name)

    def depth(self, places: int) -> int:
        return _ENDLESS if self.unlimited else places

    def element(self, element: Element) -> None:
        match element:
            case Stage():
                self.stage(element)
            case Fork():
                taken = self.take(element.takes[0], element)
                branches = [self.give(s, element) for s in element.gives]
                self.line(element.name, "fork", taken, len(branches), *branches)
            case Buffer():
                taken, given = self.take(element.takes[0], element), self.give(element.gives[0], element)
                self.line(element.name, "fifo", taken, given, self.depth(element.depth))
            case Converter():
                before, after = element.takes[0], element.gives[0]
                taken, given = self.take(before, element), self.give(after, element)
                self.line(element.name, "converter", taken, given, element.elements, before.lanes, after.lanes)

    def stage(self, stage: Stage) -> None:
        streams = [self.take(s, stage) for s in stage.takes]
        units = [p.unit for p in stage.streaming]
        for number, unit in enumerate(units):
            last = number == len(units) - 1 and not stage.piped
            after = self.give(stage.gives[0], stage) if last else self._number(Ends(None, stage, stage), _UNASKED)
            self.streaming(stage, unit, streams, after)
            streams = [after]
        if stage.piped:
            credit = (self.give(stage.gives[0], stage), stage.latency_cycles, self.depth(stage.fifo_depth))
            front = stage.front
            if front is not None:
                self.line(stage.name, "matvec", *streams, front.in_beats // front.vectors, front.repeats, *credit)
            elif len(streams) == 2:
                self.line(stage.name, "pair", *streams, *credit)
            else:
                self.line(stage.name, "gate", *streams, stage.beats_per_output, *credit)

    def streaming(self, stage: Stage, unit: Unit, before: list[int], after: int) -> None:
        timing = unit.timing
        match timing:
            case WindowTiming():
                taps = timing.kernel_rows * timing.kernel_cols
                rows = _axis(timing.rows, timing.kernel_rows, timing.dilation_rows, timing.row_start, timing.row_steps)
                cols = _axis(timing.cols, timing.kernel_cols, timing.dilation_cols, timing.col_start, timing.col_steps)
                sizes = (timing.blocks, taps, timing.slots, timing.read_cycles)
                self.line(stage.name, "window", *before, after, *sizes, *rows, *cols)
            case SelectTiming():
                box = (n for axis in zip(timing.size, timing.first, timing.last, strict=True) for n in axis)
                self.line(stage.name, "select", *before, after, *box)
            case ConcatTiming():
                self.line(stage.name, "concat", after, len(before), *before, *timing.beats)
            case ReorderTiming():
                self.line(stage.name, "reorder", *before, after, timing.words, timing.banks, timing.read_cycles)
            case None:
                raise TypeError(f"{unit.module} of {stage.name} streams and says nothing of its timing")


def _axis(size: int, kernel: int, dilation: int, start: int, steps: tuple[int, ...]) -> tuple[int, ...]:
    return (size, dilation * (kernel - 1) + 1, start, len(steps), *steps)


def describe(flow: Dataflow, *, unlimited: bool) -> Description:
    """unlimited: FIFOs without end."""
    writer = _Writer(unlimited)
    for stream in flow.inputs:
        writer.line("", "source", writer.give(stream, None))
    for element in flow.elements:
        writer.element(element)
    for stream in flow.outputs:
        writer.line("", "sink", writer.take(stream, None))
    streams = " ".join(map(str, ("streams", len(writer.beats), *writer.beats)))
    return Description("\n".join((streams, *writer.lines, "")), tuple(writer.streams), tuple(writer.elements))
