"""From an integer graph to a dataflow: stages joined by streams, with forks, width converters and FIFOs between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import gcd, prod

from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Element, Fork, PlacedUnit, Stage, Stream, integer_format
from hwgen.dataflow.unit import Parallelism, Role, beats
from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph, Node, Value, topological
from hwgen.ops.record import Work
from hwgen.ops.table import INTEGER

__all__ = ["Choices", "device_graph", "integer_format", "is_wires", "plan", "with_depths"]

Choices = Sequence[tuple[Node, Parallelism]]


@dataclass(frozen=True, slots=True)
class DeviceGraph:
    """The part of a lowered graph that becomes hardware.

    inputs: what streams in: a graph input, or its permutation, in which order the host sends it.
    outputs: what streams out, without doubles.  nodes: in order, without those of the inputs.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]


def device_graph(graph: Graph) -> DeviceGraph:
    """Raises HwgenError where there is nothing to compute on chip, or a real operator stands in the way."""
    outputs = tuple(dict.fromkeys(n.inputs[0] for n in graph.nodes if n.op == "decode"))
    order = topological(outputs)
    inputs = {_port(graph, v): v for v in graph.inputs}
    at_ports = {n for p in inputs for n in topological([p])} | {v.producer for v in graph.inputs}
    nodes = tuple(n for n in order if n not in at_ports)
    for node in nodes:
        if node.op not in INTEGER:
            raise HwgenError("unsupported", f"{node.op} {node.path!r}", "stands between codes", "quantize what comes before it")
    if all(is_wires(n) for n in nodes):
        raise HwgenError("no-hardware", f"model {graph.name!r}", "has nothing to compute on chip", "check the model")
    used = {v for n in nodes for v in n.inputs} | set(outputs)
    for port, value in inputs.items():
        if port not in used:
            raise HwgenError("unused-input", f"input {value.name!r}", "bears on no output", "remove it from the model")
    return DeviceGraph(tuple(inputs), outputs, nodes)


def is_wires(node: Node) -> bool:
    """Whether an operator is no hardware: its codes stay as they are and where they are."""
    op = INTEGER[node.op]
    return not op.units(node, op.fit(node, Parallelism(1, 1)))


def _port(graph: Graph, value: Value) -> Value:
    """The permutation of a graph input that is its only use, behind other names of it, or the input itself."""
    last = value
    while len(uses := graph.uses.get(last, ())) == 1 and last not in graph.outputs:
        (user,) = uses
        if user.op == "permute":
            return user.output
        if user.op != "view" or user.output.type.shape != value.type.shape:
            break
        last = user.output
    return value


@dataclass(slots=True)
class _Planner:
    choices: Mapping[Node, Parallelism]
    users: Counter[Value]
    pace: int
    elements: list[Element] = field(default_factory=list[Element])
    streams: dict[Value, list[Stream]] = field(default_factory=dict[Value, list[Stream]])
    stages: int = 0

    def offer(self, stream: Stream, value: Value) -> None:
        """``stream`` carries ``value``, maybe in the shape before a view: one end for each of its users."""
        count = self.users[value]
        if count <= 1:
            self.streams[value] = [stream] * count
            return
        name = f"f{sum(isinstance(e, Fork) for e in self.elements)}"
        branches = tuple(Stream(stream.value, stream.lanes) for _ in range(count))
        self.elements.append(Fork(name, (stream,), branches))
        ends = [Stream(stream.value, stream.lanes) for _ in range(count)]
        for number, (branch, end) in enumerate(zip(branches, ends, strict=True)):
            self.elements.append(Buffer(f"{name}_b{number}", (branch,), (end,)))
        self.streams[value] = ends

    def lanes_of(self, value: Value) -> int:
        """Lanes of the stream that carries ``value``."""
        return self.streams[value][0].lanes

    def take(self, value: Value, lanes: int) -> Stream:
        """An end of the stream of ``value``, in ``lanes`` lanes."""
        return self._in_lanes(self.streams[value].pop(), value, lanes)

    def _in_lanes(self, stream: Stream, value: Value, lanes: int) -> Stream:
        """Converted where lanes, or the channels that a view has changed, differ."""
        before, after = stream.value.type.shape[-1], value.type.shape[-1]
        if before == after:
            return stream if stream.lanes == lanes else self._convert(stream, value, lanes)
        if stream.lanes == lanes and before % lanes == 0 and after % lanes == 0:
            return stream
        common = gcd(before, after)
        narrow = max(n for n in range(1, common + 1) if common % n == 0 and (n <= max(stream.lanes, lanes) or n == 1))
        if stream.lanes != narrow:
            stream = self._convert(stream, stream.value, narrow)
        return stream if narrow == lanes else self._convert(stream, value, lanes)

    def _convert(self, stream: Stream, value: Value, lanes: int) -> Stream:
        shape, result = value.type.shape, Stream(value, lanes)
        number = sum(isinstance(e, Converter) for e in self.elements)
        self.elements.append(Converter(f"c{number}", (stream,), (result,), shape[-1], prod(shape[:-1])))
        return result

    def place(self, node: Node) -> None:
        """Hardware for one node."""
        op = INTEGER[node.op]
        lanes = op.fit(node, self.choices[node]) if node in self.choices else self._keeping_pace(node)
        units = op.units(node, lanes)
        if not units:  # a view: wires
            (stream,) = self.streams[node.inputs[0]][-1:]
            self.streams[node.inputs[0]].pop()
            self.offer(stream, node.output)
            return
        takes = tuple(self.take(v, lanes.inputs) for v in node.inputs)
        placed = tuple(PlacedUnit(node, u) for u in units)
        result = Stream(node.output, units[-1].out_lanes)
        last = self.elements[-1] if self.elements else None
        pipes = op.work is None and units[0].role is Role.PIPELINE and units[0].in_beats == units[0].out_beats and len(takes) == 1
        if isinstance(last, Stage) and pipes and last.gives[0] is takes[0] and last.piped:
            self.elements[-1] = replace(last, gives=(result,), units=(*last.units, *placed))
        else:
            piped = any(u.role is not Role.STREAM for u in units)
            self.elements.append(Stage(f"s{self.stages}", takes, (result,), placed, 2 if piped else 0))
            self.stages += 1
        self.offer(result, node.output)


    def _keeping_pace(self, node: Node) -> Parallelism:
        """The lanes that arrive, or more where the layers are faster than these."""
        op, arriving = INTEGER[node.op], self.lanes_of(node.inputs[0])
        lanes = op.fit(node, Parallelism(arriving, arriving))
        for wanted in range(arriving + 1, node.inputs[0].type.shape[-1] + 1):
            if max((max(u.in_beats, u.out_beats) for u in op.units(node, lanes)), default=0) <= self.pace:
                break
            lanes = op.fit(node, Parallelism(wanted, wanted))
        return lanes


def cycles_of(work: Work, lanes: Parallelism) -> int:
    """Cycles that a layer takes a tensor."""
    out_beats = 1 if work.lanewise else beats(work.outputs, lanes.outputs)
    return work.vectors * work.taps * beats(work.inputs, lanes.inputs) * out_beats


def _pace(choices: Mapping[Node, Parallelism]) -> int:
    """Cycles that the slowest layer takes a tensor."""
    layers = ((n, INTEGER[n.op].work, lanes) for n, lanes in choices.items())
    return max((cycles_of(work(n), INTEGER[n.op].fit(n, lanes)) for n, work, lanes in layers if work is not None), default=1 << 62)


def plan(graph: Graph, choices: Choices) -> Dataflow:
    """The dataflow of a lowered graph.

    choices: parallelism of the layers.  Other operators take the lanes that arrive, or as many as keep up with the layers.
    """
    device = device_graph(graph)
    users = Counter(v for n in device.nodes for v in n.inputs)
    users.update(device.outputs)
    planner = _Planner(dict(choices), users, _pace(dict(choices)))
    inputs = tuple(Stream(v, _port_lanes(v, device, planner.choices)) for v in device.inputs)
    for stream in inputs:
        planner.offer(stream, stream.value)
    for node in device.nodes:
        planner.place(node)
    outputs = tuple(planner.streams[v].pop() for v in device.outputs)
    return Dataflow(graph.name, inputs, outputs, tuple(planner.elements))


def _port_lanes(value: Value, device: DeviceGraph, choices: Mapping[Node, Parallelism]) -> int:
    """Lanes of what comes in: those of the first layer that takes it, so that no converter is needed."""
    reached = {value}
    for node in device.nodes:
        if node.inputs[0] in reached:
            if node in choices:
                return INTEGER[node.op].fit(node, min_lanes(choices[node], value)).inputs
            reached.add(node.output)
    return 1


def min_lanes(wanted: Parallelism, value: Value) -> Parallelism:
    """``wanted`` cut to the channels of ``value``."""
    return replace(wanted, inputs=min(wanted.inputs, value.type.shape[-1]))


def with_depths(flow: Dataflow, depths: Mapping[str, int]) -> Dataflow:
    """The same flow with other FIFO depths, by the name of the stage or buffer."""

    def changed(element: Element) -> Element:
        depth = depths.get(element.name)
        if depth is None:
            return element
        if isinstance(element, Stage):
            return replace(element, fifo_depth=depth)
        return replace(element, depth=depth) if isinstance(element, Buffer) else element

    return replace(flow, elements=tuple(map(changed, flow.elements)))
