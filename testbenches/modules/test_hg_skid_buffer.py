"""hg_skid_buffer: order, capacity 2, latency 1, full rate, ready from a register."""

import cocotb
import pytest
from cocotb.triggers import FallingEdge, Timer
from hwgen_tb import TRAFFIC, Bench, Case, chance, current_case, full, quick, run_case


@pytest.mark.parametrize("case", [quick(Width=1), full(Width=8), full(Width=33)])
def test_hg_skid_buffer(case: Case) -> None:
    run_case("hg_skid_buffer", __file__, case)


def words(bench: Bench, count: int) -> list[int]:
    width = current_case().Width
    return [0, (1 << width) - 1, *(bench.rng.getrandbits(width) for _ in range(count - 2))]


@cocotb.test()
async def keeps_order_under_every_traffic(dut):
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        sink.use(sink_profile)
        sent = words(bench, 60)
        source.send(sent)
        assert await sink.collect(60) == sent
        await bench.cycles(5)
        assert len(sink.beats) == 60, "a beat came out twice"
        source.clear(), sink.clear()


@cocotb.test()
async def passes_a_beat_each_cycle_one_edge_later(dut):
    bench = await Bench.of(dut)
    source, sink = bench.source(), bench.sink()
    source.send(words(bench, 40))
    await sink.collect(40)
    first = source.edges[0]
    assert source.edges == list(range(first, first + 40))
    assert sink.edges == list(range(first + 1, first + 41))


@cocotb.test()
async def holds_two_beats(dut):
    bench = await Bench.of(dut)
    source, _ = bench.source(), bench.sink(profile=chance(0))
    source.send(words(bench, 6))
    await bench.cycles(20)
    assert len(source.edges) == 2


@cocotb.test()
async def ready_does_not_follow_the_other_side_within_a_cycle(dut):
    bench = await Bench.of(dut)
    dut.in_valid_i.value = 1
    dut.in_data_i.value = 1
    for _ in range(40):
        dut.out_ready_i.value = bench.rng.getrandbits(1)
        await FallingEdge(dut.clk_i)
        before = int(dut.in_ready_o.value)
        dut.out_ready_i.value = 1 - int(dut.out_ready_i.value)
        await Timer(1, "step")
        assert int(dut.in_ready_o.value) == before


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
