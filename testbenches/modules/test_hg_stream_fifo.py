"""hg_stream_fifo: order, capacity, latency 1, full rate."""

from itertools import pairwise

import cocotb
import pytest
from hwgen_tb import TRAFFIC, Bench, Case, always, chance, current_case, full, quick, run_case

CASES = [
    quick(Width=1, Depth=1), quick(Width=8, Depth=5), full(Width=5, Depth=2), full(Width=32, Depth=16), full(Width=3, Depth=7),
    full(Width=8, Depth=6, RamStyle=1), quick(Width=8, Depth=5, RamStyle=2), full(Width=1, Depth=3, RamStyle=2),
    full(Width=16, Depth=4, RamStyle=2), full(Width=4, Depth=64, RamStyle=2), full(Width=40, Depth=301, RamStyle=2),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_stream_fifo(case: Case) -> None:
    run_case("hg_stream_fifo", __file__, case)


def words(bench: Bench, count: int) -> list[int]:
    width = current_case().Width
    extremes = [0, (1 << width) - 1]
    return [*extremes, *(bench.rng.getrandbits(width) for _ in range(count - 2))]


@cocotb.test()
async def keeps_order_under_every_traffic(dut):
    count = max(60, 2 * current_case().Depth)
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        sink.use(sink_profile)
        sent = words(bench, count)
        source.send(sent)
        assert await sink.collect(count) == sent
        await bench.cycles(5)
        assert len(sink.beats) == count, "a beat came out twice"
        source.clear(), sink.clear()


@cocotb.test()
async def keeps_order_at_every_level(dut):
    """Fills to each level, lets beats through at that level, and drains, with every pause of up to three cycles."""
    depth = current_case().Depth
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    for level in [*range(1, min(depth, 8) + 1), depth]:
        for pause in range(4):
            sent = words(bench, 2 * level + 2)
            sink.use(chance(0))
            source.use(always)
            source.send(sent[:level])
            await bench.cycles(level + pause + 2)
            sink.use(always)
            source.send(sent[level:])
            assert await sink.collect(len(sent)) == sent
            source.clear(), sink.clear()
            await bench.cycles(pause)


@cocotb.test()
async def holds_exactly_depth_beats(dut):
    depth = current_case().Depth
    bench = await Bench.of(dut)
    source, _ = bench.source(), bench.sink(profile=chance(0))
    source.send(words(bench, depth + 4))
    await bench.cycles(4 * depth + 10)
    assert len(source.edges) == depth, f"took {len(source.edges)} beats, capacity is {depth}"


@cocotb.test()
async def first_beat_leaves_one_edge_after_it_came_and_then_one_each_edge(dut):
    depth = current_case().Depth
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    source.send(words(bench, 40))
    await sink.collect(40)
    assert sink.edges[0] - source.edges[0] == 1
    step = 1 if depth > 1 else 2
    assert [b - a for a, b in pairwise(sink.edges)] == [step] * 39


@cocotb.test()
async def reset_empties_it(dut):
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink(profile=chance(0.1))
    source.send(words(bench, 30))
    await bench.cycles(20)
    await bench.reset()
    sent = words(bench, 20)
    source.send(sent)
    assert await sink.collect(20) == sent
