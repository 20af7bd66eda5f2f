"""A dataflow simulated register by register and cycle by cycle, as the templates' code reads: slow, and not from the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from dataflow.parts import ConverterPart, FifoPart, ForkPart, Part, SinkPart, SourcePart, Wire, streaming

from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Fork, Stage, Stream


class CreditPart(Part):
    """hg_credit_fifo behind a pipeline; `issue` is what the front's reserve is connected to."""

    def __init__(self, out: Wire, latency: int, depth: float) -> None:
        self.out, self.depth, self.latency = out, depth, latency
        self.reserved = self.count = self.most = self.now = 0
        self.pipe = [False] * latency
        self.issues: list[int] = []

    @property
    def room(self) -> bool:
        return self.reserved < self.depth

    def drive(self) -> None:
        self.out.valid = self.count > 0

    def clock(self, issue: bool) -> None:
        if issue:
            self.most = max(self.most, self.reserved + 1)
            self.issues.append(self.now)
        self.now += 1
        pipe = [issue, *self.pipe]
        self.pipe = pipe[:-1]
        self.count += pipe[-1] - self.out.moves
        self.reserved += issue - self.out.moves


class MatvecPart(Part):
    def __init__(self, in_: Wire, credit: CreditPart, beats: int, repeats: int) -> None:
        self.in_, self.credit, self.beats, self.repeats = in_, credit, beats, repeats
        self.busy, self.block, self.in_block = False, 0, 0

    def _issue(self) -> bool:
        return self.busy and (self.credit.room or self.in_block != self.beats - 1)

    def drive(self) -> None:
        self.credit.drive()
        self.in_.ready = not self.busy or (self._issue() and self.block == self.repeats - 1)

    def edge(self) -> None:
        issue, ready = self._issue(), self.in_.ready
        self.credit.clock(issue and self.in_block == self.beats - 1)
        if issue:
            self.block = (self.block + 1) % self.repeats
            if self.block == 0:
                self.in_block = (self.in_block + 1) % self.beats
        if ready:
            self.busy = self.in_.valid


class GatePart(Part):
    def __init__(self, ins: list[Wire], credit: CreditPart, beats: int) -> None:
        self.ins, self.credit, self.beats, self.beat = ins, credit, beats, 0

    def drive(self) -> None:
        self.credit.drive()
        last = self.beat == self.beats - 1
        for in_ in self.ins:
            in_.ready = (self.credit.room or not last) and all(o.valid for o in self.ins if o is not in_)

    def edge(self) -> None:
        taken = self.ins[0].moves
        self.credit.clock(taken and self.beat == self.beats - 1)
        self.beat = (self.beat + taken) % self.beats


@dataclass
class Registers:
    """A dataflow in registers.  wires: of its streams."""

    flow: Dataflow
    inferences: int
    pace: int = 0
    unlimited: bool = False
    wires: dict[Stream, Wire] = field(default_factory=dict[Stream, Wire])
    inner: list[Wire] = field(default_factory=list[Wire])
    parts: list[Part] = field(default_factory=list[Part])
    fifos: dict[str, FifoPart | CreditPart] = field(default_factory=dict[str, FifoPart | CreditPart])

    def __post_init__(self) -> None:
        for stream in self.flow.inputs:
            self.parts.append(SourcePart(self._wire(stream), stream.beats, stream.beats * self.inferences, self.pace))
        for element in self.flow.elements:
            ins, outs = [self.wires[s] for s in element.takes], [self._wire(s) for s in element.gives]
            match element:
                case Fork():
                    self.parts.append(ForkPart(ins[0], outs))
                case Buffer():
                    fifo = self.fifos[element.name] = FifoPart(ins[0], outs[0], self._depth(element.depth))
                    self.parts.append(fifo)
                case Converter():
                    lanes = (element.takes[0].lanes, element.gives[0].lanes)
                    self.parts.append(ConverterPart(ins[0], outs[0], element.elements, *lanes))
                case Stage():
                    self._stage(element, ins, outs[0])
        self.parts += [SinkPart(self.wires[s]) for s in self.flow.outputs]

    def _depth(self, depth: int) -> float:
        return inf if self.unlimited else depth

    def _wire(self, stream: Stream) -> Wire:
        return self.wires.setdefault(stream, Wire())

    def _stage(self, stage: Stage, ins: list[Wire], out: Wire) -> None:
        for number, placed in enumerate(stage.streaming):
            after = out
            if number < len(stage.streaming) - 1 or stage.piped:
                after = Wire()
                self.inner.append(after)
            self.parts.append(streaming(placed.unit, ins, after))
            ins = [after]
        if stage.piped:
            credit = self.fifos[stage.name] = CreditPart(out, stage.latency_cycles, self._depth(stage.fifo_depth))
            if stage.front is not None:
                beats = stage.front.in_beats // stage.front.vectors
                self.parts.append(MatvecPart(ins[0], credit, beats, stage.front.repeats))
            else:
                self.parts.append(GatePart(ins, credit, stage.beats_per_output))

    def run(self, until_idle: int) -> None:
        """Cycle by cycle, until no beat has moved for ``until_idle`` cycles."""
        wires = [*self.wires.values(), *self.inner]
        idle = now = 0
        while idle < until_idle:
            state: list[bool] = []
            while (driven := self._driven(wires)) != state:
                state = driven
            moved = False
            for wire in wires:
                if wire.moves:
                    wire.edges.append(now)
                    moved = True
            idle = 0 if moved else idle + 1
            for part in self.parts:
                part.edge()
            now += 1

    def _driven(self, wires: list[Wire]) -> list[bool]:
        for part in self.parts:
            part.drive()
        return [signal for wire in wires for signal in (wire.valid, wire.ready)]
