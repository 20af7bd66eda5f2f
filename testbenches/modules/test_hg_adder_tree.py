"""hg_adder_tree (and its hg_adder_rank, hg_sum): exact sums, the bound reached, T edges later, tags beside them."""

from __future__ import annotations

from math import ceil

import cocotb
import pytest
from hwgen_tb import Bench, Case, JoinedPort, Port, always, chance, current_case, full, pack, quick, run_case, unpack

CASES = [
    quick(Lanes=1, Inputs=1, Width=1, Signed=0, SideWidth=1),
    quick(Lanes=2, Inputs=13, Width=5, Signed=1, SideWidth=3),
    full(Lanes=1, Inputs=2, Width=1, Signed=1, SideWidth=1),
    full(Lanes=3, Inputs=7, Width=1, Signed=0, SideWidth=2, TreeLevelsPerStage=1),
    full(Lanes=1, Inputs=16, Width=8, Signed=1, SideWidth=1, TreeLevelsPerStage=3),
    full(Lanes=2, Inputs=17, Width=16, Signed=1, SideWidth=1, TreeLevelsPerStage=2),
    full(Lanes=1, Inputs=255, Width=1, Signed=0, SideWidth=1),
    full(Lanes=1, Inputs=33, Width=4, Signed=0, SideWidth=1, TreeLevelsPerStage=9),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_adder_tree(case: Case) -> None:
    run_case("hg_adder_tree", __file__, case)


@cocotb.test()
async def sums_come_exact_with_their_tags_t_edges_later(dut):
    case, bench = current_case(), await Bench.of(dut)
    source = bench.source(Port("in", dut.valid_i, None, JoinedPort(dut.data_i, dut.side_i)))
    sink = bench.sink(Port("out", dut.valid_o, None, JoinedPort(dut.sum_o, dut.side_o)))
    depth = (case.Inputs - 1).bit_length()
    latency = ceil(depth / case.get("TreeLevelsPerStage", 2))
    count = case.Lanes * case.Inputs
    low, high = (-(1 << (case.Width - 1)), (1 << (case.Width - 1)) - 1) if case.Signed else (0, (1 << case.Width) - 1)
    for profile in (always, chance(0.5), chance(0.05)):
        rows = [[low] * count, [high] * count, *([bench.rng.randint(low, high) for _ in range(count)] for _ in range(30))]
        tags = [bench.rng.getrandbits(case.SideWidth) for _ in rows]
        source.use(profile)
        source.send(pack(row, case.Width) | tag << (count * case.Width) for row, tag in zip(rows, tags))
        await sink.collect(len(rows))
        sums = [[sum(row[lane * case.Inputs : (lane + 1) * case.Inputs]) for lane in range(case.Lanes)] for row in rows]
        width = case.Width + depth
        assert sink.beats == [pack(s, width) | tag << (width * case.Lanes) for s, tag in zip(sums, tags)]
        assert unpack(sink.beats[0], case.Lanes, width, is_signed=bool(case.Signed)) == [low * case.Inputs] * case.Lanes
        assert [b - a for a, b in zip(source.edges, sink.edges)] == [latency] * len(rows)
        source.clear(), sink.clear()


@cocotb.test()
async def reset_clears_valids_on_the_way(dut):
    bench = await Bench.of(dut)
    source = bench.source(Port("in", dut.valid_i, None, dut.data_i))
    sink = bench.sink(Port("out", dut.valid_o, None, dut.sum_o))
    source.send([0] * 20)
    await bench.cycles(6)
    await bench.reset(cycles=1)
    await bench.cycles(10)
    assert not sink.beats
