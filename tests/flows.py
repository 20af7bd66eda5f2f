"""Dataflows of graphs, made by hand: stages, forks and FIFOs as a planner would join them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hwgen.dataflow.stage import Buffer, Dataflow, Element, Fork, PlacedUnit, Stage, Stream
from hwgen.dataflow.unit import ConcatTiming, Role, Unit, WindowTiming, tensor_beats
from hwgen.formats import Integer
from hwgen.ir.graph import NO_ATTRS, Node, TensorType, Value

CODES = Integer(0, 15)


def value_of(op: str, path: str, shape: tuple[int, ...], inputs: tuple[Value, ...] = ()) -> Value:
    """What a node makes, in codes of four bits."""
    return Node(op, NO_ATTRS, inputs, (TensorType(shape, CODES),), (f"{path}.y",), path).output


@dataclass
class FlowMaker:
    """Adds elements one by one; each method returns the stream that comes out."""

    elements: list[Element] = field(default_factory=list[Element])
    inputs: list[Stream] = field(default_factory=list[Stream])
    forks: int = 0

    def input(self, name: str, shape: tuple[int, ...], lanes: int = 1) -> Stream:
        """An input port."""
        self.inputs.append(Stream(value_of("input", name, shape), lanes))
        return self.inputs[-1]

    def fork(self, stream: Stream, *depths: int) -> tuple[Stream, ...]:
        """A FIFO of each depth on a branch of its own."""
        name = f"f{self.forks}"
        self.forks += 1
        branches = tuple(Stream(stream.value, stream.lanes) for _ in depths)
        ends = tuple(Stream(stream.value, stream.lanes) for _ in depths)
        self.elements.append(Fork(name, (stream,), branches))
        for k, (branch, end, depth) in enumerate(zip(branches, ends, depths, strict=True)):
            self.elements.append(Buffer(f"{name}_b{k}", (branch,), (end,), depth))
        return ends

    def _stage(self, node: Value, takes: tuple[Stream, ...], units: tuple[Unit, ...], lanes: int) -> Stream:
        gives, count = Stream(node, lanes), sum(isinstance(e, Stage) for e in self.elements)
        depth = 2 if any(u.role is not Role.STREAM for u in units) else 0
        placed = tuple(PlacedUnit(node.producer, u) for u in units)
        self.elements.append(Stage(f"s{count}", takes, (gives,), placed, depth))
        return gives

    def conv(self, path: str, stream: Stream, channels: int, lanes: int = 4, kernel: int = 3) -> Stream:
        """A convolution with zeros around the image, of stride 1."""
        _, rows, cols, before = stream.value.type.shape
        made = value_of("matvec", path, (1, rows, cols, channels), (stream.value,))
        blocks, out_beats = -(-before // stream.lanes), -(-channels // lanes)
        taps, positions = kernel * kernel, rows * cols
        timing = WindowTiming(
            rows, cols, blocks, kernel, kernel, 1, 1, -(kernel // 2), -(kernel // 2), (1,) * (rows - 1), (1,) * (cols - 1),
            kernel + 1, 2,
        )
        window = Unit(
            "hg_window", (), (), stream.lanes, stream.lanes, positions * blocks, positions * taps * blocks, role=Role.STREAM,
            timing=timing, buffer_words=(kernel + 1) * cols * blocks, out_bits=stream.bits,
        )
        product = Unit(
            "hg_matvec", (), (), stream.lanes, lanes, positions * taps * blocks, positions * out_beats, 5, Role.FRONT,
            vectors=positions, repeats=out_beats, multipliers=stream.lanes * lanes, macs=positions * taps * before * channels,
        )
        return self._stage(made, (stream,), (window, product), lanes)

    def resize(self, path: str, stream: Stream, rows: int, cols: int) -> Stream:
        """Another number of positions, by a window without products."""
        channels = stream.value.type.shape[-1]
        made = value_of("view", path, (1, rows, cols, channels), (stream.value,))
        ins, outs = (tensor_beats(v.type.shape, stream.lanes) for v in (stream.value, made))
        words = 2 * stream.value.type.shape[2] * -(-channels // stream.lanes)
        unit = Unit("hg_window", (), (), stream.lanes, stream.lanes, ins, outs, role=Role.STREAM, buffer_words=words)
        return self._stage(made, (stream,), (unit,), stream.lanes)

    def concat(self, path: str, *streams: Stream) -> Stream:
        """All channels of several streams."""
        channels = sum(s.value.type.shape[-1] for s in streams)
        made = value_of("view", path, (*streams[0].value.type.shape[:-1], channels), tuple(s.value for s in streams))
        beats = tuple(-(-s.value.type.shape[-1] // s.lanes) for s in streams)
        unit = Unit(
            "hg_concat", (), (), streams[0].lanes, streams[0].lanes, streams[0].beats, sum(s.beats for s in streams),
            role=Role.STREAM, timing=ConcatTiming(beats),
        )
        return self._stage(made, streams, (unit,), streams[0].lanes)

    def add(self, path: str, a: Stream, b: Stream) -> Stream:
        """The sum of two streams."""
        made = value_of("eltwise", path, a.value.type.shape, (a.value, b.value))
        return self._stage(made, (a, b), (Unit("hg_eltwise", (), (), a.lanes, a.lanes, a.beats, a.beats, 2),), a.lanes)

    def flow(self, *outputs: Stream) -> Dataflow:
        """What was made."""
        return Dataflow("made by hand", tuple(self.inputs), outputs, tuple(self.elements))


def u_net(levels: int, convolutions: int, size: int) -> Dataflow:
    """Down ``levels`` times and up again, ``convolutions`` at each level and way; each way up takes what the way down left."""
    maker = FlowMaker()
    stream, kept = maker.input("image", (1, size, size, 2), 2), list[Stream]()
    for level in range(levels):
        for k in range(convolutions):
            stream = maker.conv(f"down{level}.{k}", stream, 8 << level)
        stream, skipped = maker.fork(stream, 2, 1000 * (levels - level) ** 2)
        kept.append(skipped)
        size //= 2
        stream = maker.resize(f"pool{level}", stream, size, size)
    for k in range(convolutions):
        stream = maker.conv(f"bottom.{k}", stream, 8 << levels)
    for level in reversed(range(levels)):
        size *= 2
        stream = maker.concat(f"concat{level}", maker.resize(f"up{level}", stream, size, size), kept.pop())
        for k in range(convolutions):
            stream = maker.conv(f"up{level}.{k}", stream, 8 << level)
    return maker.flow(maker.conv("head", stream, 1, lanes=1, kernel=1))


def residual(blocks: int) -> Dataflow:
    """Sums of what two convolutions make and what they take; two inputs, and two outputs of which one is taken midway."""
    maker = FlowMaker()
    stream, other = maker.input("image", (1, 12, 12, 4), 4), maker.input("mask", (1, 12, 12, 4), 4)
    middle = None
    for k in range(blocks):
        stream, around = maker.fork(stream, 2, 40)
        made = maker.conv(f"block{k}.conv2", maker.conv(f"block{k}.conv1", stream, 4), 4)
        stream = maker.add(f"block{k}.add", made, around)
        if k == blocks // 2:
            stream, middle = maker.fork(stream, 2, 2)
    assert middle is not None, "there is at least one block"
    return maker.flow(middle, maker.add("masked", stream, other))
