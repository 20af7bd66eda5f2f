"""hg_matvec: products, positions, groups, kinds, padding, the accumulator's bound, and every cycle of its schedule."""

from __future__ import annotations

from math import ceil
from random import Random

import cocotb
import numpy as np
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, Case, always, beats_of, chance, current_case, full, pack, quick, run_case, unpack

UNSIGNED, SIGNED, BIPOLAR = 0, 1, 2
W_SIGNED, W_BIPOLAR, W_TERNARY = 0, 1, 2

BASE = {"WeightFile": "w.mem", "BiasFile": "b.mem", "weights": "random"}


def shape(out: int, inp: int, out_lanes: int, in_lanes: int, **more) -> dict:
    return {"In": inp, "Out": out, "InLanes": in_lanes, "OutLanes": out_lanes, **BASE, **more}


CASES = [
    quick(**shape(1, 1, 1, 1, XWidth=1, WWidth=1, AccWidth=4)),
    quick(**shape(7, 13, 3, 5, XWidth=8, WWidth=6, AccWidth=20, HasBias=1, RomStyle=2, BiasRomStyle=2)),
    full(**shape(7, 13, 3, 5, XWidth=8, XKind=SIGNED, WWidth=6, AccWidth=20, HasBias=1, BiasRomStyle=2)),
    full(**shape(8, 8, 2, 1, XWidth=4, WWidth=4, AccWidth=12, HasBias=1, BiasRomStyle=2)),
    full(**shape(8, 8, 2, 1, XWidth=4, WWidth=4, AccWidth=12, HasBias=1, RomStyle=2, BiasRomStyle=0)),
    full(**shape(8, 4, 8, 4, XWidth=4, WWidth=4, AccWidth=12, HasBias=1, RomStyle=1)),
    full(**shape(5, 9, 1, 9, XWidth=5, XKind=SIGNED, WWidth=16, AccWidth=26, TreeLevelsPerStage=1)),
    full(**shape(5, 9, 5, 2, XWidth=16, XKind=SIGNED, WWidth=16, AccWidth=36, TreeLevelsPerStage=3)),
    full(**shape(6, 11, 4, 4, XWidth=8, XKind=SIGNED, WKind=W_BIPOLAR, WWidth=1, AccWidth=13)),
    full(**shape(6, 11, 4, 4, XWidth=8, XKind=UNSIGNED, WKind=W_TERNARY, WWidth=2, AccWidth=13, HasBias=1)),
    full(**shape(6, 11, 4, 4, XWidth=1, XKind=BIPOLAR, WKind=W_BIPOLAR, WWidth=1, AccWidth=5)),
    full(**shape(6, 11, 4, 4, XWidth=1, XKind=BIPOLAR, WKind=W_TERNARY, WWidth=2, AccWidth=5)),
    full(**shape(6, 11, 4, 4, XWidth=1, XKind=BIPOLAR, WKind=W_SIGNED, WWidth=5, AccWidth=9)),
    # The narrowest accumulators that the extreme sums fit in: 13 * 255 * 31, 13 * 255 * -32, and -128 * -32 * 13.
    full(**shape(3, 13, 2, 4, XWidth=8, WWidth=6, AccWidth=18) | {"weights": "max"}),
    full(**shape(3, 13, 2, 4, XWidth=8, WWidth=6, AccWidth=18) | {"weights": "min"}),
    full(**shape(3, 13, 2, 4, XWidth=8, XKind=SIGNED, WWidth=6, AccWidth=17) | {"weights": "min"}),
    # Windows of several positions; filters in groups. Padding in each position's last block, where zero bits are a bipolar -1.
    quick(**shape(3, 5, 2, 2, XWidth=4, XKind=SIGNED, WKind=W_BIPOLAR, WWidth=1, AccWidth=9, Positions=3, Groups=2, HasBias=1)),
    full(**shape(1, 1, 1, 1, XWidth=3, WWidth=3, AccWidth=10, Positions=9)),
    full(**shape(3, 1, 1, 1, XWidth=3, XKind=SIGNED, WWidth=3, AccWidth=10, HasBias=1, Groups=3)),
    full(**shape(4, 4, 4, 4, XWidth=4, WWidth=4, AccWidth=13, Positions=5, HasBias=1, RomStyle=1)),
    full(**shape(5, 3, 2, 2, XWidth=6, WWidth=2, WKind=W_TERNARY, AccWidth=12, Positions=2, Groups=4, HasBias=1, RomStyle=2)),
    full(**shape(2, 7, 2, 3, XWidth=1, XKind=BIPOLAR, WKind=W_BIPOLAR, WWidth=1, AccWidth=6, Positions=4, Groups=2)),
    full(**shape(2, 6, 1, 3, XWidth=8, XKind=SIGNED, WWidth=8, AccWidth=21, Positions=6, Groups=5, RomStyle=2, BiasRomStyle=2)),
    # 3 * 4 * 255 * 31 and 3 * 4 * 255 * -32: the extreme sums again, over positions.
    full(**shape(3, 4, 2, 3, XWidth=8, WWidth=6, AccWidth=18, Positions=3, Groups=2) | {"weights": "max"}),
    full(**shape(3, 4, 2, 3, XWidth=8, WWidth=6, AccWidth=18, Positions=3, Groups=2) | {"weights": "min"}),
]


def domain(kind: int, width: int, *, of_weight: bool) -> list[int]:
    """Least and greatest value, and for ternary and bipolar all of them."""
    if of_weight:
        return {W_BIPOLAR: [-1, 1], W_TERNARY: [-1, 0, 1]}.get(kind, [-(1 << (width - 1)), (1 << (width - 1)) - 1])
    return {BIPOLAR: [-1, 1], SIGNED: [-(1 << (width - 1)), (1 << (width - 1)) - 1]}.get(kind, [0, (1 << width) - 1])


def draw(values: list[int], how: str, rng: Random, *, exhaustive: bool) -> int:
    if how == "min":
        return values[0]
    if how == "max":
        return values[-1]
    return rng.choice(values) if exhaustive else rng.randint(values[0], values[-1])


def code(value: int, bipolar: bool) -> int:
    return int(value > 0) if bipolar else value


def tensors(case: Case, rng: Random) -> tuple[np.ndarray, np.ndarray]:
    """Weights (groups, out, positions, in) and biases (groups, out)."""
    groups, positions = case.get("Groups", 1), case.get("Positions", 1)
    kind, width = case.get("WKind", W_SIGNED), case.WWidth
    values = domain(kind, width, of_weight=True)
    size = groups * case.Out * positions * case.In
    weight = [draw(values, case.weights, rng, exhaustive=kind != W_SIGNED) for _ in range(size)]
    bias = [rng.randint(-50, 50) if case.get("HasBias", 0) else 0 for _ in range(groups * case.Out)]
    shape_of_weight = (groups, case.Out, positions, case.In)
    return np.array(weight, dtype=np.int64).reshape(shape_of_weight), np.array(bias, dtype=np.int64).reshape(groups, case.Out)


def memories(case: Case, rng: Random):
    weight, bias = tensors(case, rng)
    in_blocks, out_blocks = ceil(case.In / case.InLanes), ceil(case.Out / case.OutLanes)
    bipolar = case.get("WKind", W_SIGNED) == W_BIPOLAR
    words = []
    for group in weight:
        for position, i, o in np.ndindex(case.get("Positions", 1), in_blocks, out_blocks):
            fields = []
            for row in range(o * case.OutLanes, (o + 1) * case.OutLanes):
                for column in range(i * case.InLanes, (i + 1) * case.InLanes):
                    used = row < case.Out and column < case.In
                    fields.append(code(int(group[row, position, column]), bipolar) if used else 0)
            words.append(pack(fields, case.WWidth))
    rows = [beat for group in bias.tolist() for beat in beats_of(group, case.OutLanes, case.AccWidth)]
    files = {"w.mem": (words, case.WWidth * case.InLanes * case.OutLanes)}
    return files | ({"b.mem": (rows, case.AccWidth * case.OutLanes)} if case.get("HasBias", 0) else {})


@pytest.mark.parametrize("case", CASES)
def test_hg_matvec(case: Case) -> None:
    run_case("hg_matvec", __file__, case, memories)


class Room:
    """Answers reserve with room as a credit FIFO of ``depth`` does, whose beats are popped when ``willing`` says so."""

    def __init__(self, bench: Bench, depth: int, profile=always) -> None:
        self.bench, self.depth, self.reserved, self.stored = bench, depth, 0, 0
        self.issued: list[int] = []
        self.willing = profile(bench.rng)
        bench.dut.room_i.value = 0
        bench.watch(self._run())

    async def _run(self) -> None:
        dut, popped = self.bench.dut, False
        while True:
            await RisingEdge(self.bench.clock)
            if self.bench.in_reset:
                self.reserved = self.stored = 0
                dut.room_i.value = 0
                continue
            if int(dut.reserve_o.value):
                assert int(dut.room_i.value), "reserved without room"
                self.reserved += 1
                self.issued.append(self.bench.edge())
            popped = self.stored > 0 and self.willing(True, popped)
            self.stored += int(dut.out_valid_o.value) - int(popped)
            self.reserved -= int(popped)
            dut.room_i.value = int(self.reserved < self.depth)


class Layer:
    """The module, its constants, and NumPy's opinion of them."""

    def __init__(self, bench: Bench, depth: int = 64, profile=always) -> None:
        case = self.case = current_case()
        self.bench = bench
        self.weight, self.bias = tensors(case, case.random())
        self.positions, self.vectors_begun = case.get("Positions", 1), 0
        self.in_beats = self.positions * ceil(case.In / case.InLanes)
        self.out_blocks = ceil(case.Out / case.OutLanes)
        rom = 2 if case.get("RomStyle", 0) == 2 else 1
        depth_of_tree = (case.InLanes - 1).bit_length()
        self.latency = rom + ceil(depth_of_tree / case.get("TreeLevelsPerStage", 2)) + 2
        self.source, self.sink = bench.source(), bench.sink()
        self.room = Room(bench, depth, profile)

    def vectors(self, count: int) -> np.ndarray:
        """All least, all greatest, then random vectors."""
        kind = self.case.get("XKind", UNSIGNED)
        values, rng = domain(kind, self.case.XWidth, of_weight=False), self.bench.rng
        how = ["min", "max", *["random"] * count][:count]
        flat = [draw(values, h, rng, exhaustive=kind == BIPOLAR) for h in how for _ in range(self.positions * self.case.In)]
        return np.array(flat, dtype=np.int64).reshape(count, self.positions, self.case.In)

    def send(self, x: np.ndarray) -> None:
        """As beats, the tail lanes of each position's last one filled with noise."""
        bipolar = self.case.get("XKind", UNSIGNED) == BIPOLAR
        for position in x.reshape(-1, self.case.In):
            codes = [code(int(v), bipolar) for v in position]
            noise = [self.bench.rng.getrandbits(self.case.XWidth) for _ in range(self.case.InLanes)]
            self.source.send(beats_of(codes, self.case.InLanes, self.case.XWidth, padding=noise))

    async def results(self, count: int) -> np.ndarray:
        beats = await self.sink.collect(count * self.out_blocks)
        lanes = [unpack(beat, self.case.OutLanes, self.case.AccWidth, is_signed=True) for beat in beats]
        return np.array(lanes).reshape(count, -1)[:, : self.case.Out]

    def expected(self, x: np.ndarray) -> np.ndarray:
        """Of the next vectors after the last ones that were asked for; ``reset`` begins anew with group 0."""
        group = (self.vectors_begun + np.arange(len(x))) % len(self.weight)
        self.vectors_begun += len(x)
        return np.einsum("kopi,kpi->ko", self.weight[group], x) + self.bias[group]

    async def reset(self, cycles: int) -> None:
        await self.bench.reset(cycles)
        self.vectors_begun = 0


@cocotb.test()
async def equals_the_product_under_every_traffic(dut):
    bench = await Bench.of(dut)
    layer = Layer(bench, depth=2)
    for source_profile, sink_profile in TRAFFIC.values():
        layer.source.use(source_profile)
        layer.room.willing = sink_profile(bench.rng)
        x = layer.vectors(5)
        layer.send(x)
        np.testing.assert_array_equal(await layer.results(5), layer.expected(x))
        layer.source.clear(), layer.sink.clear()


@cocotb.test()
async def extreme_sums_fit_the_accumulator(dut):
    bench = await Bench.of(dut)
    layer = Layer(bench)
    x = layer.vectors(2)
    bound = layer.expected(x)
    limit = 1 << (current_case().AccWidth - 1)
    assert bound.min() >= -limit and bound.max() < limit, "the case itself overflows"
    layer.send(x)
    np.testing.assert_array_equal(await layer.results(2), bound)


@cocotb.test()
async def issues_one_operation_each_cycle_without_a_gap(dut):
    bench = await Bench.of(dut)
    layer = Layer(bench, depth=1 << 16)
    await bench.cycles(2)
    x = layer.vectors(4)
    layer.send(x)
    await layer.results(4)
    accepted, issued, seen = layer.source.edges, layer.room.issued, layer.sink.edges
    blocks = layer.out_blocks
    assert accepted == [accepted[0] + k * blocks for k in range(4 * layer.in_beats)], "a beat waited"
    last_beats = accepted[layer.in_beats - 1 :: layer.in_beats]
    assert issued == [edge + 1 + o for edge in last_beats for o in range(blocks)], "the last block was not issued at t+1 ..."
    assert seen == [edge + layer.latency for edge in issued], f"latency is not {layer.latency}"


@cocotb.test()
async def waits_for_room_only_where_a_result_leaves(dut):
    bench = await Bench.of(dut)
    layer = Layer(bench, depth=1, profile=chance(0))
    layer.send(layer.vectors(3))
    await bench.cycles(layer.in_beats * layer.out_blocks * 3 + 20)
    # One result is stored. What is taken in: all of the first vector, the blocks of the next up to its last (if the last
    # output block was already issued), and one beat held.
    taken = layer.in_beats if layer.out_blocks > 1 else 2 * layer.in_beats
    assert len(layer.source.edges) == taken, f"took {len(layer.source.edges)} beats"
    assert len(layer.room.issued) == 1


@cocotb.test()
async def takes_a_whole_vector_in_without_any_room(dut):
    bench = await Bench.of(dut)
    layer = Layer(bench, depth=0)
    layer.send(layer.vectors(3))
    await bench.cycles(layer.in_beats * layer.out_blocks * 3 + 20)
    assert len(layer.source.edges) == layer.in_beats, f"took {len(layer.source.edges)} beats"
    assert not layer.room.issued and not layer.sink.beats


@cocotb.test()
async def starts_anew_after_reset_in_mid_vector(dut):
    bench = await Bench.of(dut)
    layer = Layer(bench)
    for reset_cycles in (3, 1, 1, 1):
        layer.send(layer.vectors(3))
        await bench.cycles(bench.rng.randint(3, 2 * layer.in_beats * layer.out_blocks + 3))
        await layer.reset(reset_cycles)
        await bench.cycles(layer.latency + 2)
        assert not layer.sink.beats, "a result from before the reset came out"
        x = layer.vectors(3)
        layer.send(x)
        np.testing.assert_array_equal(await layer.results(3), layer.expected(x))
        layer.source.clear(), layer.sink.clear()
