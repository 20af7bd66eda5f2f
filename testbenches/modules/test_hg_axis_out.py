"""hg_axis_out: elements extended to whole bytes, tlast on the last beat of a vector, in the same cycle."""

from __future__ import annotations

import cocotb
import pytest
from hwgen_tb import TRAFFIC, Bench, Case, JoinedPort, Port, current_case, full, pack, quick, run_case, signed

CASES = [
    quick(Lanes=1, Width=1, Beats=1, SignExtend=0),
    quick(Lanes=3, Width=5, Beats=4, SignExtend=1),
    full(Lanes=2, Width=8, Beats=3, SignExtend=1),
    full(Lanes=2, Width=11, Beats=2, SignExtend=0),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_axis_out(case: Case) -> None:
    run_case("hg_axis_out", __file__, case)


async def make(dut):
    bench = await Bench.of(dut)
    bus = bench.axis_port("m_axis", "out")
    return bench, bench.source(), bench.sink(Port("m_axis", bus.valid, bus.ready, JoinedPort(bus.data, dut.m_axis_tlast_o)))


def traffic(bench: Bench, vectors: int) -> tuple[list[int], list[int]]:
    case = current_case()
    padded = (case.Width + 7) // 8 * 8
    sent, wanted = [], []
    for k in range(vectors * case.Beats):
        codes = [bench.rng.getrandbits(case.Width) for _ in range(case.Lanes)]
        values = [signed(code, case.Width) for code in codes] if case.SignExtend else codes
        sent.append(pack(codes, case.Width))
        wanted.append(pack(values, padded) | int(k % case.Beats == case.Beats - 1) << (padded * case.Lanes))
    return sent, wanted


@cocotb.test()
async def extends_elements_and_marks_the_last_beat(dut):
    bench, source, sink = await make(dut)
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        sink.use(sink_profile)
        sent, wanted = traffic(bench, 8)
        source.send(sent)
        assert await sink.collect(len(wanted)) == wanted
        assert sink.edges == source.edges
        source.clear(), sink.clear()


@cocotb.test()
async def reset_begins_a_new_vector(dut):
    bench, source, sink = await make(dut)
    source.send(traffic(bench, 1)[0][:-1])
    await source.done()
    await bench.reset()
    sent, wanted = traffic(bench, 2)
    source.send(sent)
    assert await sink.collect(len(wanted)) == wanted
