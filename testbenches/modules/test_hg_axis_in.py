"""hg_axis_in: the low bits of each byte-padded element, in the same cycle; misplaced tlast is seen and stays seen."""

from __future__ import annotations

import cocotb
import pytest
from hwgen_tb import TRAFFIC, Bench, Case, JoinedPort, Port, current_case, full, pack, quick, run_case

CASES = [
    quick(Lanes=1, Width=1, Beats=1),
    quick(Lanes=3, Width=5, Beats=4),
    full(Lanes=2, Width=8, Beats=3),
    full(Lanes=2, Width=11, Beats=2),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_axis_in(case: Case) -> None:
    run_case("hg_axis_in", __file__, case)


async def make(dut):
    bench = await Bench.of(dut)
    bus = bench.axis_port("s_axis", "in")
    return bench, bench.source(Port("s_axis", bus.valid, bus.ready, JoinedPort(bus.data, dut.s_axis_tlast_i))), bench.sink()


def traffic(bench: Bench, vectors: int) -> tuple[list[int], list[int]]:
    """Beats of the bus (with noise in the padding, and tlast on top) and what must come of them."""
    case = current_case()
    padded = (case.Width + 7) // 8 * 8
    sent, wanted = [], []
    for k in range(vectors * case.Beats):
        codes = [bench.rng.getrandbits(case.Width) for _ in range(case.Lanes)]
        noise = [code | bench.rng.getrandbits(padded) << case.Width for code in codes]
        last = int(k % case.Beats == case.Beats - 1)
        sent.append(pack(noise, padded) | last << (padded * case.Lanes))
        wanted.append(pack(codes, case.Width))
    return sent, wanted


@cocotb.test()
async def passes_the_codes_in_the_same_cycle(dut):
    bench, source, sink = await make(dut)
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        sink.use(sink_profile)
        sent, wanted = traffic(bench, 8)
        source.send(sent)
        assert await sink.collect(len(wanted)) == wanted
        assert sink.edges == source.edges
        assert int(dut.framing_error_o.value) == 0
        source.clear(), sink.clear()


@cocotb.test()
async def misplaced_tlast_is_an_error_until_reset(dut):
    bench, source, sink = await make(dut)
    case = current_case()
    flag = 1 << ((case.Width + 7) // 8 * 8 * case.Lanes)
    for position in range(case.Beats):
        sent, _ = traffic(bench, 3)
        sent[case.Beats + position] ^= flag
        source.send(sent)
        await sink.collect(len(sent))
        await bench.cycles(2)
        assert int(dut.framing_error_o.value) == 1, f"tlast at beat {position} was wrong and not seen"
        await bench.reset()
        await bench.cycles(1)
        assert int(dut.framing_error_o.value) == 0


@cocotb.test()
async def takes_nothing_in_reset(dut):
    bench = Bench(dut)
    dut.s_axis_tvalid_i.value = 1
    dut.out_ready_i.value = 1
    await bench.cycles(3)
    assert int(dut.s_axis_tready_o.value) == 0 and int(dut.out_valid_o.value) == 0
