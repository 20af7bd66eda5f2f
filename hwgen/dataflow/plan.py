"""From an integer graph to stages joined by streams.

A stage starts where a stream is taken (a matrix-vector unit, or a gate before a pipeline) and ends in a credit FIFO:

    stream → [width converter] → first unit → pipeline units → credit FIFO → stream

Between these the data never stalls; the FIFO's credits keep it from overflowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwgen.dataflow.unit import Parallelism, Unit, beats
from hwgen.errors import HwgenError
from hwgen.formats import Integer
from hwgen.ir.graph import Graph, Node, Value
from hwgen.ops.table import INTEGER


@dataclass(frozen=True, slots=True)
class PlacedUnit:
    """A unit and the node that it computes."""

    node: Node
    unit: Unit


@dataclass(frozen=True, slots=True)
class Stage:
    """units: in order; the first may take a stream itself, otherwise a gate stands before it.

    fifo_depth: places of the credit FIFO at its end, in beats.
    """

    units: tuple[PlacedUnit, ...]
    fifo_depth: int = 2

    @property
    def first(self) -> Unit:
        """The unit that takes the stream."""
        return self.units[0].unit

    @property
    def last(self) -> Unit:
        """The unit whose results enter the FIFO."""
        return self.units[-1].unit

    @property
    def path(self) -> str:
        """The layer as the user knows it."""
        return self.units[0].node.path

    @property
    def input(self) -> Value:
        """What comes in."""
        return self.units[0].node.inputs[0]

    @property
    def output(self) -> Value:
        """What goes out."""
        return self.units[-1].node.output

    @property
    def latency_cycles(self) -> int:
        """Clock edges from the issue of an operation to its result's entering the FIFO."""
        return sum(p.unit.latency_cycles for p in self.units)

    @property
    def cycles(self) -> int:
        """Cycles that one tensor keeps the stage busy: its initiation interval when nothing else limits it."""
        return max(self.first.in_beats * self.first.repeats, self.last.out_beats)

    @property
    def beats_per_output(self) -> int:
        """Input beats for each result of a gated stage."""
        return self.first.in_beats // self.last.out_beats


@dataclass(frozen=True, slots=True)
class Dataflow:
    """A chain of stages between one input and one output stream."""

    name: str
    stages: tuple[Stage, ...]
    input: Value
    output: Value

    @property
    def in_lanes(self) -> int:
        """Elements a beat of the input stream."""
        return self.stages[0].first.in_lanes

    @property
    def out_lanes(self) -> int:
        """Elements a beat of the output stream."""
        return self.stages[-1].last.out_lanes

    @property
    def multipliers(self) -> int:
        """Multipliers of all stages."""
        return sum(s.first.multipliers for s in self.stages)

    @property
    def macs(self) -> int:
        """Useful products an inference."""
        return sum(s.first.macs for s in self.stages)

    def converter_cycles(self, index: int) -> int:
        """Cycles a tensor in the width converter before stage ``index``; 0 where there is none."""
        stage = self.stages[index]
        before = self.stages[index - 1].last.out_lanes if index else stage.first.in_lanes
        if before == stage.first.in_lanes:
            return 0
        elements = stage.input.type.elements
        return max(beats(elements, before), beats(elements, stage.first.in_lanes))

    @property
    def bottleneck(self) -> Stage:
        """The slowest stage."""
        return max(self.stages, key=lambda s: s.cycles)

    @property
    def ideal_interval_cycles(self) -> int:
        """Cycles between inferences that the slowest stage or converter allows."""
        return max(max(s.cycles, self.converter_cycles(i)) for i, s in enumerate(self.stages))


def integer_format(value: Value) -> Integer:
    """The format of a value of the integer graph."""
    if not isinstance(value.type.format, Integer):
        raise TypeError(f"{value.name} is not lowered")
    return value.type.format


def device_nodes(graph: Graph) -> tuple[Node, ...]:
    """The nodes that become hardware, in order, from the one input to the one output.

    Raises HwgenError for a graph that is not a chain.
    """
    decoded = {n.inputs[0] for n in graph.nodes if n.op == "decode"}
    if len(graph.inputs) != 1 or len(decoded) != 1:
        raise HwgenError(
            "unsupported", f"model {graph.name!r}", f"{len(graph.inputs)} inputs and {len(decoded)} outputs of the chip",
            "one of each is supported; split the model",
        )
    nodes: list[Node] = []
    value = decoded.pop()
    while value.producer.op != "input":
        node = value.producer
        if node.op not in INTEGER or len(node.inputs) != 1:
            raise HwgenError("unsupported", f"{node.op} {node.path!r}", "is no part of a chain", "split the model")
        nodes.append(node)
        value = node.inputs[0]
        users = [u for u in graph.uses[value] if u.op != "decode"]
        if len(users) > 1:
            raise HwgenError(
                "unsupported", f"value {value.name!r}", f"is used {len(users)} times", "branches are not supported; split the model"
            )
    return tuple(reversed(nodes))


def plan(graph: Graph, parallelism: Sequence[tuple[Node, Parallelism]]) -> Dataflow:
    """The stages of a lowered graph.  parallelism: of each matrix-vector node; other units take their neighbours' lanes."""
    nodes = device_nodes(graph)
    chosen = dict(parallelism)
    compute = [n for n in nodes if INTEGER[n.op].unit is not None]  # a view is wires
    if not compute:
        raise HwgenError("no-hardware", f"model {graph.name!r}", "has nothing to compute on chip", "check the model")
    stages: list[list[PlacedUnit]] = []
    lanes = _first_lanes(compute, chosen)
    for node in compute:
        unit_of = INTEGER[node.op].unit
        if unit_of is None:
            continue
        unit = unit_of(node, chosen.get(node, Parallelism(lanes, lanes)))
        fuses = stages and not unit.streams and unit.in_beats == unit.out_beats
        if fuses:
            stages[-1].append(PlacedUnit(node, unit))
        else:
            stages.append([PlacedUnit(node, unit)])
        lanes = unit.out_lanes
    return Dataflow(graph.name, tuple(Stage(tuple(units)) for units in stages), graph.inputs[0], nodes[-1].output)


def _first_lanes(compute: Sequence[Node], chosen: dict[Node, Parallelism]) -> int:
    """Lanes of what comes before the first matrix-vector unit: its own, so that no converter is needed."""
    for node in compute:
        if node in chosen:
            return min(chosen[node].inputs, compute[0].inputs[0].type.elements)
    return 1


def with_fifo_depths(flow: Dataflow, depths: Sequence[int]) -> Dataflow:
    """The same stages with other FIFOs."""
    stages = tuple(replace(s, fifo_depth=d) for s, d in zip(flow.stages, depths, strict=True))
    return replace(flow, stages=stages)
