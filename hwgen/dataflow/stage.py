"""The elements of a dataflow and the streams that join them.

A stage is one or more operators:

    streams → [join] → [STREAM units] → FRONT unit, or gate → PIPELINE units → credit FIFO → stream

Between front and FIFO the data never stalls; the FIFO's credits keep it from overflowing.  A stage of STREAM units only has
no FIFO of its own.  Every stream has one end: where a value is used several times, a fork gives each user its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.dataflow.unit import Role, Unit, tensor_beats
from hwgen.formats import Integer
from hwgen.ir.graph import Node, Value


def integer_format(value: Value) -> Integer:
    """The format of a value of the integer graph."""
    if not isinstance(value.type.format, Integer):
        raise TypeError(f"{value.name} is not lowered")
    return value.type.format


@dataclass(frozen=True, eq=False, slots=True)
class Stream:
    """One value on its way from one element to another, ``lanes`` elements of a position at a time."""

    value: Value
    lanes: int

    @property
    def beats(self) -> int:
        """Beats a tensor."""
        return tensor_beats(self.value.type.shape, self.lanes)

    @property
    def element_bits(self) -> int:
        """Bits of an element."""
        return integer_format(self.value).bits

    @property
    def bits(self) -> int:
        """Bits of a beat."""
        return self.element_bits * self.lanes


def model_input(stream: Stream) -> Value:
    """The model's input that streams in there, before the host permuted it."""
    value = stream.value
    while value.producer.op != "input":
        (value,) = value.producer.inputs
    return value


@dataclass(frozen=True, slots=True)
class PlacedUnit:
    """A unit and the node that it computes."""

    node: Node
    unit: Unit

    @property
    def out_bits(self) -> int:
        """Bits of a beat that it gives."""
        return self.unit.out_bits or integer_format(self.node.output).bits * self.unit.out_lanes


@dataclass(frozen=True, slots=True)
class Stage:
    """name: unique in the flow.  units: in the order of the data.  fifo_depth: places of the credit FIFO, in beats; 0: none."""

    name: str
    takes: tuple[Stream, ...]
    gives: tuple[Stream]
    units: tuple[PlacedUnit, ...]
    fifo_depth: int = 2

    @property
    def streaming(self) -> tuple[PlacedUnit, ...]:
        """The STREAM units, which come first."""
        return tuple(p for p in self.units if p.unit.role is Role.STREAM)

    @property
    def piped(self) -> tuple[PlacedUnit, ...]:
        """The FRONT unit, if there is one, and the PIPELINE units."""
        return tuple(p for p in self.units if p.unit.role is not Role.STREAM)

    @property
    def front(self) -> Unit | None:
        """The unit that issues operations; None where a gate does it, or nothing."""
        return next((p.unit for p in self.units if p.unit.role is Role.FRONT), None)

    @property
    def gated(self) -> bool:
        """Whether a gate stands before the pipeline."""
        return bool(self.piped) and self.front is None

    @property
    def beats_per_output(self) -> int:
        """Beats that a gate takes for each result."""
        return self.piped[0].unit.in_beats // self.piped[-1].unit.out_beats

    @property
    def first(self) -> Unit:
        """The unit that takes the stream."""
        return self.units[0].unit

    @property
    def last(self) -> Unit:
        """The unit that gives the results."""
        return self.units[-1].unit

    @property
    def node(self) -> Node:
        """The operator that gives the stage its name."""
        return self.units[0].node

    @property
    def path(self) -> str:
        """The layer as the user knows it."""
        return self.node.path

    @property
    def output(self) -> Value:
        """What goes out."""
        return self.gives[0].value

    @property
    def latency_cycles(self) -> int:
        """Clock edges from the issue of an operation to its result's entering the FIFO."""
        return sum(p.unit.latency_cycles for p in self.piped)

    @property
    def multipliers(self) -> int:
        """Multipliers of all units."""
        return sum(p.unit.multipliers for p in self.units)

    @property
    def macs(self) -> int:
        """Useful products an inference."""
        return sum(p.unit.macs for p in self.units)

    @property
    def cycles(self) -> int:
        """Cycles that one tensor keeps the stage busy: its initiation interval when nothing else limits it."""
        return max(max(p.unit.in_beats * p.unit.repeats, p.unit.out_beats) for p in self.units)


@dataclass(frozen=True, slots=True)
class Fork:
    """One stream to several, each when it is ready (hg_stream_fork)."""

    name: str
    takes: tuple[Stream]
    gives: tuple[Stream, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """hg_stream_fifo.  depth: places, in beats."""

    name: str
    takes: tuple[Stream]
    gives: tuple[Stream]
    depth: int = 2


@dataclass(frozen=True, slots=True)
class Converter:
    """hg_width_converter: ``elements`` elements of ``vectors`` vectors a tensor, in other lanes."""

    name: str
    takes: tuple[Stream]
    gives: tuple[Stream]
    elements: int
    vectors: int

    @property
    def cycles(self) -> int:
        """Cycles a tensor."""
        lanes = min(self.takes[0].lanes, self.gives[0].lanes)
        return self.vectors * -(-self.elements // lanes)


Element = Stage | Fork | Buffer | Converter


@dataclass(frozen=True, slots=True)
class Dataflow:
    """inputs: streams from outside.  outputs: streams to outside.  elements: each after those that give what it takes."""

    name: str
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    elements: tuple[Element, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The elements that compute."""
        return tuple(e for e in self.elements if isinstance(e, Stage))

    @property
    def multipliers(self) -> int:
        """Multipliers of all stages."""
        return sum(s.multipliers for s in self.stages)

    @property
    def macs(self) -> int:
        """Useful products an inference."""
        return sum(s.macs for s in self.stages)

    @property
    def bottleneck(self) -> Stage:
        """The slowest stage."""
        return max(self.stages, key=lambda s: s.cycles)

    @property
    def ideal_interval_cycles(self) -> int:
        """Cycles between inferences that the slowest element, or port, allows."""
        ports = [s.beats for s in (*self.inputs, *self.outputs)]
        return max(*ports, *(e.cycles for e in self.elements if isinstance(e, Stage | Converter)))
