"""hg_stream_fork: every output gets every beat once, none waits for another without need."""

import cocotb
import pytest
from hwgen_tb import TRAFFIC, Bench, BitPort, Case, Port, always, chance, current_case, full, quick, run_case


@pytest.mark.parametrize(
    "case", [quick(Width=1, Outputs=1), quick(Width=5, Outputs=3), full(Width=8, Outputs=2), full(Width=2, Outputs=7)]
)
def test_hg_stream_fork(case: Case) -> None:
    run_case("hg_stream_fork", __file__, case)


async def make(dut):
    case = current_case()
    bench = await Bench.of(dut)
    word = [0]

    def port(k: int) -> Port:
        data = BitPort(dut.out_data_o, [0], k, case.Width)
        return Port(f"out{k}", BitPort(dut.out_valid_o, [0], k), BitPort(dut.out_ready_i, word, k), data)

    return bench, bench.source(), [bench.sink(port(k)) for k in range(case.Outputs)]


def words(bench: Bench, count: int) -> list[int]:
    width = current_case().Width
    return [0, (1 << width) - 1, *(bench.rng.getrandbits(width) for _ in range(count - 2))]


@cocotb.test()
async def every_output_gets_every_beat_once_in_order(dut):
    bench, source, sinks = await make(dut)
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        for k, sink in enumerate(sinks):
            sink.use(sink_profile if k % 2 == 0 else chance(0.5))
        sent = words(bench, 50)
        source.send(sent)
        for sink in sinks:
            assert await sink.collect(50) == sent
        await bench.cycles(3)
        assert all(len(sink.beats) == 50 for sink in sinks), "a beat came twice"
        source.clear()
        for sink in sinks:
            sink.clear()


@cocotb.test()
async def passes_a_beat_each_cycle_in_the_same_cycle(dut):
    bench, source, sinks = await make(dut)
    source.send(words(bench, 30))
    for sink in sinks:
        await sink.collect(30)
        assert sink.edges == source.edges == list(range(source.edges[0], source.edges[0] + 30))


@cocotb.test()
async def a_stalled_output_lets_the_others_have_the_beat(dut):
    bench, source, sinks = await make(dut)
    sinks[0].use(chance(0))
    for sink in sinks[1:]:
        sink.use(always)
    source.send(words(bench, 10))
    await bench.cycles(20)
    assert not source.edges
    assert [len(sink.beats) for sink in sinks] == [0] + [1] * (len(sinks) - 1)


@cocotb.test()
async def reset_forgets_who_had_the_beat(dut):
    bench, source, sinks = await make(dut)
    sinks[0].use(chance(0))
    source.send(words(bench, 10))
    await bench.cycles(10)
    await bench.reset()
    for sink in sinks:
        sink.use(always)
    sent = words(bench, 20)
    source.send(sent)
    for sink in sinks:
        assert await sink.collect(20) == sent
