"""hg_width_converter: the same vectors in other beats, and its ready and valid at every edge."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, Case, beats_of, current_case, full, quick, run_case

CASES = [
    quick(Width=1, Elements=2, InLanes=1, OutLanes=2),
    quick(Width=5, Elements=13, InLanes=3, OutLanes=4),
    full(Width=8, Elements=16, InLanes=1, OutLanes=4),
    full(Width=8, Elements=16, InLanes=8, OutLanes=2),
    full(Width=3, Elements=12, InLanes=6, OutLanes=4),
    full(Width=4, Elements=7, InLanes=7, OutLanes=2),
    full(Width=4, Elements=7, InLanes=2, OutLanes=7),
    full(Width=2, Elements=10, InLanes=4, OutLanes=8),
    full(Width=2, Elements=17, InLanes=16, OutLanes=1),
    full(Width=2, Elements=9, InLanes=5, OutLanes=8),
    # Where it is nearly full, the padding of a last beat must not land, not even at a place counted modulo the counter.
    full(Width=4, Elements=5, InLanes=4, OutLanes=2),
    full(Width=4, Elements=9, InLanes=8, OutLanes=3),
    full(Width=2, Elements=64, InLanes=64, OutLanes=1),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_width_converter(case: Case) -> None:
    run_case("hg_width_converter", __file__, case)


def vectors(bench: Bench, count: int) -> list[list[int]]:
    case = current_case()
    top = (1 << case.Width) - 1
    return [
        [0] * case.Elements,
        [top] * case.Elements,
        *([bench.rng.randint(0, top) for _ in range(case.Elements)] for _ in range(count - 2)),
    ]


def send(bench: Bench, source, batch: list[list[int]]) -> None:
    case = current_case()
    for vector in batch:
        noise = [bench.rng.getrandbits(case.Width) for _ in range(case.InLanes)]
        source.send(beats_of(vector, case.InLanes, case.Width, padding=noise))


def expected(batch: list[list[int]]) -> list[int]:
    case = current_case()
    return [beat for vector in batch for beat in beats_of(vector, case.OutLanes, case.Width)]


class Contract:
    """ready = count + n_in <= C and valid = count >= n_out, held against the module at each edge."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.count = self.taken = self.given = 0
        bench.watch(self._run())

    async def _run(self) -> None:
        case, dut = current_case(), self.bench.dut

        def beat(number: int, lanes: int) -> int:
            beats = ceil(case.Elements / lanes)
            return case.Elements - (beats - 1) * lanes if number % beats == beats - 1 else lanes

        capacity = case.InLanes + case.OutLanes + min(case.InLanes, case.OutLanes) - 1
        while True:
            await RisingEdge(dut.clk_i)
            if self.bench.in_reset:
                self.count = self.taken = self.given = 0
                continue
            n_in, n_out = beat(self.taken, case.InLanes), beat(self.given, case.OutLanes)
            ready, valid = int(dut.in_ready_o.value), int(dut.out_valid_o.value)
            assert ready == int(self.count + n_in <= capacity), f"ready is {ready} with {self.count} stored, {n_in} to come"
            assert valid == int(self.count >= n_out), f"valid is {valid} with {self.count} stored, {n_out} to go"
            if ready and int(dut.in_valid_i.value):
                self.count, self.taken = self.count + n_in, self.taken + 1
            if valid and int(dut.out_ready_i.value):
                self.count, self.given = self.count - n_out, self.given + 1


@cocotb.test()
async def keeps_vectors_under_every_traffic(dut):
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    Contract(bench)
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        sink.use(sink_profile)
        batch = vectors(bench, 6)
        send(bench, source, batch)
        assert await sink.collect(len(expected(batch))) == expected(batch)
        source.clear(), sink.clear()


@cocotb.test()
async def runs_at_the_full_rate_of_its_narrower_side(dut):
    case = current_case()
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    batch = vectors(bench, 12)
    send(bench, source, batch)
    await sink.collect(len(expected(batch)))
    in_beats, out_beats = ceil(case.Elements / case.InLanes), ceil(case.Elements / case.OutLanes)
    step = max(in_beats, out_beats)
    ends = sink.edges[out_beats - 1 :: out_beats]
    assert [b - a for a, b in pairwise(ends[2:])] == [step] * (len(ends) - 3), "a cycle was lost in the steady state"


@cocotb.test()
async def reset_empties_it(dut):
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    for cycles in (1, 2, 3, 5, 8):
        send(bench, source, vectors(bench, 3))
        await bench.cycles(cycles)
        await bench.reset()
        batch = vectors(bench, 3)
        send(bench, source, batch)
        assert await sink.collect(len(expected(batch))) == expected(batch)
        source.clear(), sink.clear()
