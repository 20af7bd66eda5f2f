"""Dataflows made by hand from a seed: units of every timing, forks and joins, without operators that would compute anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Element, Fork, PlacedUnit, Stage, Stream
from hwgen.dataflow.unit import ConcatTiming, ReorderTiming, Role, SelectTiming, Unit, WindowTiming, beats
from hwgen.formats import Integer
from hwgen.ir.graph import NO_ATTRS, Node, TensorType, Value

Shape = tuple[int, int, int]
"""Rows, columns, channels."""


def value(name: str, shape: Shape, inputs: tuple[Value, ...] = ()) -> Value:
    """What a node called ``name`` makes of ``inputs``."""
    return Node("made", NO_ATTRS, inputs, (TensorType((1, *shape), Integer(-8, 7)),), (f"{name}.y",), name).output


def shape_of(stream: Stream) -> Shape:
    _, rows, cols, channels = stream.value.type.shape
    return rows, cols, channels


@dataclass(frozen=True)
class Axis:
    """Windows along an axis."""

    size: int
    kernel: int
    dilation: int
    start: int
    steps: tuple[int, ...]

    @property
    def extent(self) -> int:
        return self.dilation * (self.kernel - 1) + 1


def same(size: int, kernel: int) -> Axis:
    """As many windows as positions, padded on both sides."""
    return Axis(size, kernel, 1, -((kernel - 1) // 2), (1,) * (size - 1))


@dataclass
class Maker:
    """Adds elements one by one; what is not taken in the end goes out."""

    random: Random
    buffered: bool = False
    """Whether each branch of a fork goes through a FIFO; else some do."""
    elements: list[Element] = field(default_factory=list[Element])
    inputs: list[Stream] = field(default_factory=list[Stream])
    count: int = 0

    def depth(self) -> int:
        return self.random.choice((1, 2, 3, 5, 9, 30))

    def name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def input(self, shape: Shape, lanes: int) -> Stream:
        stream = Stream(value(self.name(), shape), lanes)
        self.inputs.append(stream)
        return stream

    def stage(self, takes: tuple[Stream, ...], shape: Shape, units: list[Unit]) -> Stream:
        name = self.name()
        result = value(name, shape, tuple(s.value for s in takes))
        given = Stream(result, units[-1].out_lanes)
        placed = tuple(PlacedUnit(result.producer, u) for u in units)
        piped = any(u.role is not Role.STREAM for u in units)
        self.elements.append(Stage(name, takes, (given,), placed, self.depth() if piped else 0))
        return given

    def window(self, stream: Stream, rows: Axis, cols: Axis, slots: int, read_cycles: int) -> Unit:
        blocks = beats(shape_of(stream)[2], stream.lanes)
        timing = WindowTiming(
            rows.size, cols.size, blocks, rows.kernel, cols.kernel, rows.dilation, cols.dilation, rows.start, cols.start,
            rows.steps, cols.steps, slots, read_cycles,
        )
        out = (len(rows.steps) + 1) * (len(cols.steps) + 1) * rows.kernel * cols.kernel * blocks
        return Unit("hg_window", (), (), stream.lanes, stream.lanes, stream.beats, out, role=Role.STREAM, timing=timing)

    def random_window(self, stream: Stream) -> tuple[Unit, Axis, Axis]:
        random, shape = self.random, shape_of(stream)
        rows, cols = (self._axis(size) for size in shape[:2])
        least = min(rows.extent, rows.size)
        slots = random.randint(least, least + 2)
        return self.window(stream, rows, cols, slots, random.randint(1, 2)), rows, cols

    def _axis(self, size: int) -> Axis:
        random = self.random
        kernel, dilation = random.randint(1, 3), random.choice((1, 1, 2))
        extent = dilation * (kernel - 1) + 1
        start, step = random.randint(-extent - 1, 1), random.randint(1, 3)
        many = random.randint(0, 5)
        steps = tuple(random.randint(0, 2) for _ in range(many)) if random.random() < 0.3 else (step,) * many
        return Axis(size, kernel, dilation, start, steps)

    def matvec(
        self, stream: Stream, channels: int, out_lanes: int, before: list[Unit], rows: int, cols: int, groups: int = 1
    ) -> Stream:
        """``groups`` products for each of rows * cols positions of what ``before`` gives."""
        in_beats, repeats = before[-1].out_beats if before else stream.beats, beats(channels, out_lanes)
        unit = Unit(
            "hg_matvec", (), (), stream.lanes, out_lanes, in_beats, rows * cols * groups * repeats,
            latency_cycles=self.random.randint(1, 6), role=Role.FRONT, vectors=rows * cols * groups, repeats=repeats,
        )
        given = channels if groups == 1 else groups * repeats * out_lanes
        return self.stage((stream,), (rows, cols, given), [*before, unit])

    def convolution(self, stream: Stream, rows: Axis, cols: Axis, channels: int, out_lanes: int, slots: int) -> Stream:
        window = self.window(stream, rows, cols, slots, 1)
        return self.matvec(stream, channels, out_lanes, [window], len(rows.steps) + 1, len(cols.steps) + 1)

    def random_convolution(self, stream: Stream) -> Stream:
        window, rows, cols = self.random_window(stream)
        channels, blocks = self.random.randint(1, 5), beats(shape_of(stream)[2], stream.lanes)
        groups = self.random.choice([n for n in range(1, blocks + 1) if blocks % n == 0])
        return self.matvec(
            stream, channels, self.random.randint(1, channels), [window], len(rows.steps) + 1, len(cols.steps) + 1, groups
        )

    def random_product(self, stream: Stream) -> Stream:
        channels = self.random.randint(1, 6)
        return self.matvec(stream, channels, self.random.randint(1, channels), [], *shape_of(stream)[:2])

    def random_pool(self, stream: Stream) -> Stream:
        window, rows, cols = self.random_window(stream)
        taps = rows.kernel * cols.kernel
        reduce = Unit(
            "hg_reduce", (), (), stream.lanes, stream.lanes, window.out_beats, window.out_beats // taps,
            latency_cycles=self.random.randint(1, 3),
        )
        return self.stage((stream,), (len(rows.steps) + 1, len(cols.steps) + 1, shape_of(stream)[2]), [window, reduce])

    def random_windows(self, stream: Stream) -> Stream:
        """Windows as they are: the taps as positions."""
        window, rows, cols = self.random_window(stream)
        shape = (len(rows.steps) + 1, (len(cols.steps) + 1) * rows.kernel * cols.kernel, shape_of(stream)[2])
        return self.stage((stream,), shape, [window])

    def lanewise(self, stream: Stream) -> Stream:
        """A pipeline behind a gate."""
        latency = self.random.randint(1, 4)
        unit = Unit("hg_table", (), (), stream.lanes, stream.lanes, stream.beats, stream.beats, latency_cycles=latency)
        return self.stage((stream,), shape_of(stream), [unit])

    def pair(self, a: Stream, b: Stream) -> Stream:
        unit = Unit(
            "hg_eltwise", (), (), a.lanes, a.lanes, a.beats, a.beats, latency_cycles=self.random.randint(1, 3),
        )
        return self.stage((a, b), shape_of(a), [unit])

    def concat(self, streams: tuple[Stream, ...], *, positions: bool) -> Stream:
        """Of rows, or of the channels of each position."""
        rows, cols, channels = shape_of(streams[0])
        turns = tuple(s.beats if positions else beats(shape_of(s)[2], s.lanes) for s in streams)
        total = sum(shape_of(s)[0] if positions else -(-shape_of(s)[2] // s.lanes) * s.lanes for s in streams)
        shape = (total, cols, channels) if positions else (rows, cols, total)
        lanes = streams[0].lanes
        given = sum(s.beats for s in streams)
        unit = Unit("hg_concat", (), (), lanes, lanes, streams[0].beats, given, role=Role.STREAM, timing=ConcatTiming(turns))
        table = Unit("hg_table", (), (), lanes, lanes, given, given, latency_cycles=self.random.randint(1, 3))
        return self.stage(streams, shape, [unit, table] if self.random.random() < 0.5 else [unit])

    def _select(self, stream: Stream) -> tuple[Unit, Shape]:
        rows, cols, channels = shape_of(stream)
        size = (rows, cols, beats(channels, stream.lanes))
        first = tuple(self.random.randrange(n) for n in size)
        last = tuple(self.random.randrange(f, n) for f, n in zip(first, size, strict=True))
        passed = tuple(b - a + 1 for a, b in zip(first, last, strict=True))
        unit = Unit(
            "hg_select", (), (), stream.lanes, stream.lanes, stream.beats, passed[0] * passed[1] * passed[2],
            role=Role.STREAM, timing=SelectTiming(size, (first[0], first[1], first[2]), (last[0], last[1], last[2])),
        )
        return unit, (passed[0], passed[1], passed[2] * stream.lanes)

    def _reorder(self, lanes: int, words: int) -> Unit:
        timing = ReorderTiming(words, self.random.randint(1, 2), self.random.randint(1, 2))
        return Unit("hg_reorder", (), (), lanes, lanes, words, words, role=Role.STREAM, timing=timing)

    def random_select(self, stream: Stream) -> Stream:
        unit, shape = self._select(stream)
        return self.stage((stream,), shape, [unit])

    def reorder(self, stream: Stream) -> Stream:
        return self.stage((stream,), shape_of(stream), [self._reorder(stream.lanes, stream.beats)])

    def random_selected_product(self, stream: Stream) -> Stream:
        """Three units that pass a stream on within a stage, two of them to the next."""
        select, (rows, cols, _) = self._select(stream)
        reorder = self._reorder(stream.lanes, select.out_beats)
        channels = self.random.randint(1, 4)
        return self.matvec(stream, channels, self.random.randint(1, channels), [select, reorder], rows, cols)

    def convert(self, stream: Stream, lanes: int) -> Stream:
        rows, cols, channels = shape_of(stream)
        if lanes == stream.lanes or stream.lanes > channels:
            return stream
        result = Stream(stream.value, lanes)
        self.elements.append(Converter(self.name(), (stream,), (result,), channels, rows * cols))
        return result

    def fork(self, stream: Stream, count: int) -> list[Stream]:
        """Each branch behind a FIFO, or as it is."""
        name = self.name()
        branches = tuple(Stream(stream.value, stream.lanes) for _ in range(count))
        self.elements.append(Fork(name, (stream,), branches))
        bare = 0.0 if self.buffered else 0.2
        return [b if self.random.random() < bare else self.buffer(b, f"{name}_b{k}") for k, b in enumerate(branches)]

    def buffer(self, stream: Stream, name: str, depth: int | None = None) -> Stream:
        result = Stream(stream.value, stream.lanes)
        self.elements.append(Buffer(name, (stream,), (result,), self.depth() if depth is None else depth))
        return result

    def flow(self) -> Dataflow:
        taken = {s for e in self.elements for s in e.takes}
        given = [*self.inputs, *(s for e in self.elements for s in e.gives)]
        return Dataflow("made", tuple(self.inputs), tuple(s for s in given if s not in taken), tuple(self.elements))


def random_flow(random: Random, elements: int, *, buffered: bool = False) -> Dataflow:
    """Any elements in any order; many of them stop, those with a FIFO of enough places on each branch (``buffered``) do not."""
    maker = Maker(random, buffered)
    loose = [maker.input(_random_shape(random), random.randint(1, 3)) for _ in range(random.choice((1, 1, 2)))]
    ways = (
        maker.random_convolution, maker.random_product, maker.random_pool, maker.random_windows, maker.lanewise,
        maker.random_select, maker.random_selected_product, maker.reorder,
    )
    for _ in range(elements):
        stream = loose.pop(random.randrange(len(loose)))
        same_shape = [s for s in loose if s.value.type.shape == stream.value.type.shape and s.lanes == stream.lanes]
        same_lanes = [s for s in loose if shape_of(s)[:2] == shape_of(stream)[:2] and s.lanes == stream.lanes]
        kind = random.random()
        if same_shape and kind < 0.5:
            other = random.choice(same_shape)
            loose.remove(other)
            loose.append(maker.pair(stream, other) if kind < 0.3 else maker.concat((stream, other), positions=True))
        elif same_lanes and kind < 0.7:
            other = random.choice(same_lanes)
            loose.remove(other)
            loose.append(maker.concat((stream, other), positions=False))
        elif kind < 0.35:
            loose += maker.fork(stream, random.randint(2, 3))
        elif kind < 0.45:
            loose.append(maker.convert(stream, random.randint(1, shape_of(stream)[2])))
        elif stream.beats > 400:
            loose.append(maker.random_select(stream))
        else:
            loose.append(random.choice(ways)(stream))
    return maker.flow()


def _random_shape(random: Random) -> Shape:
    return random.randint(1, 7), random.randint(1, 6), random.randint(1, 5)


def residual(random: Random, size: int, convolutions: int) -> Dataflow:
    """x + f(x), f a few convolutions that keep the shape."""
    maker = Maker(random)
    stream = maker.input((size, size, 4), 2)
    fork = Fork("fork", (stream,), tuple(Stream(stream.value, 2) for _ in range(2)))
    maker.elements.append(fork)
    deep, direct = (maker.buffer(s, f"b{k}", 2) for k, s in enumerate(fork.gives))
    for _ in range(convolutions):
        deep = maker.convolution(deep, same(size, 3), same(size, 3), 4, 2, 4)
    maker.pair(deep, direct)
    return maker.flow()

