"""hg_concat: the inputs' beats in turn, and its ready and valid at every edge."""

from __future__ import annotations

from itertools import cycle

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, BitPort, Case, Port, Source, always, chance, current_case, full, pack, quick, run_case


def of(*beats: int, width: int) -> dict[str, int]:
    """The parameters for so many beats of each input."""
    return {"Width": width, "Inputs": len(beats), "Beats": pack(beats, 32)}


CASES = [
    quick(**of(1, width=1)),
    quick(**of(1, 3, 2, width=5)),
    full(**of(4, width=8)),
    full(**of(1, 1, width=8)),
    full(**of(9, 1, width=3)),
    full(**of(2, 2, 2, 2, width=2)),
    full(**of(1, 16, 1, 5, 8, 1, 3, width=4)),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_concat(case: Case) -> None:
    run_case("hg_concat", __file__, case)


def beats_of_turn() -> list[int]:
    case = current_case()
    return [(case.Beats >> 32 * k) & 0xFFFFFFFF for k in range(case.Inputs)]


class Contract:
    """Ready and valid of the input whose turn it is, and of no other, held against the module at each edge."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.watch(self._run())

    async def _run(self) -> None:
        dut, order = self.bench.dut, self._turns()
        turn = next(order)
        while True:
            await RisingEdge(dut.clk_i)
            if self.bench.in_reset:
                order = self._turns()
                turn = next(order)
                continue
            ready, offered = int(dut.out_ready_i.value), int(dut.in_valid_i.value) >> turn & 1
            assert int(dut.in_ready_o.value) == ready << turn, f"it is the turn of input {turn}, ready out is {ready}"
            assert int(dut.out_valid_o.value) == offered, f"it is the turn of input {turn}"
            if ready and offered:
                turn = next(order)

    @staticmethod
    def _turns():
        return cycle([k for k, beats in enumerate(beats_of_turn()) for _ in range(beats)])


async def make(dut):
    case = current_case()
    bench = await Bench.of(dut)
    valid, data = [0], [0]

    def port(k: int) -> Port:
        in_data = BitPort(dut.in_data_i, data, k, case.Width)
        return Port(f"in{k}", BitPort(dut.in_valid_i, valid, k), BitPort(dut.in_ready_o, [0], k), in_data)

    sources = [bench.source(port(k)) for k in range(case.Inputs)]
    Contract(bench)
    return bench, sources, bench.sink()


def send(bench: Bench, sources: list[Source], turns: int) -> list[int]:
    """Beats of so many turns to the inputs; what must come out."""
    top = (1 << current_case().Width) - 1
    expected = []
    for turn in range(turns):
        for source, beats in zip(sources, beats_of_turn(), strict=True):
            sent = [(0, top)[turn] if turn < 2 else bench.rng.randint(0, top) for _ in range(beats)]
            source.send(sent)
            expected += sent
    return expected


@cocotb.test()
async def takes_the_inputs_in_turn_under_every_traffic(dut):
    bench, sources, sink = await make(dut)
    for source_profile, sink_profile in TRAFFIC.values():
        for k, source in enumerate(sources):
            source.use(source_profile if k % 2 == 0 else chance(0.5))
        sink.use(sink_profile)
        expected = send(bench, sources, 6)
        assert await sink.collect(len(expected)) == expected
        await bench.cycles(5)
        assert len(sink.beats) == len(expected), "a beat came out twice"
        for end in (*sources, sink):
            end.clear()


@cocotb.test()
async def passes_a_beat_each_cycle_in_the_same_cycle(dut):
    bench, sources, sink = await make(dut)
    expected = send(bench, sources, 4)
    await sink.collect(len(expected))
    assert sink.edges == list(range(sink.edges[0], sink.edges[0] + len(expected)))
    assert sorted(edge for source in sources for edge in source.edges) == sink.edges


@cocotb.test()
async def an_input_without_beats_stops_the_others_only_when_it_is_its_turn(dut):
    bench, sources, sink = await make(dut)
    for source, beats in zip(sources[:-1], beats_of_turn(), strict=False):
        source.send([1] * 2 * beats)
    await bench.cycles(sum(beats_of_turn()) + 10)
    assert len(sink.beats) == sum(beats_of_turn()[:-1])
    sources[-1].send([0] * beats_of_turn()[-1])
    await sink.collect(sum(beats_of_turn()) + sum(beats_of_turn()[:-1]))


@cocotb.test()
async def reset_begins_with_the_first_input(dut):
    bench, sources, sink = await make(dut)
    for cycles in (1, 2, 3, 5, 8, 13):
        sink.use(chance(0.5) if cycles % 2 else always)
        send(bench, sources, 3)
        await bench.cycles(cycles)
        await bench.reset(1 + cycles % 2)
        expected = send(bench, sources, 3)
        assert await sink.collect(len(expected)) == expected
        for end in (*sources, sink):
            end.clear()
