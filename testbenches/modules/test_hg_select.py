"""hg_select: the beats of the box and no others, and its ready and valid at every edge."""

from __future__ import annotations

from itertools import cycle, product

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, Case, Source, always, chance, current_case, full, quick, run_case


def of(width: int, **ranges: tuple[int, int, int]) -> dict[str, int]:
    """Parameters from ``Row=(rows, first, last)`` and so on."""
    values = {"Width": width}
    for name, (size, first, last) in ranges.items():
        values |= {f"{name}s": size, f"{name}First": first, f"{name}Last": last}
    return values


CASES = [
    quick(**of(1, Row=(1, 0, 0), Col=(1, 0, 0), Block=(1, 0, 0))),
    quick(**of(5, Row=(5, 1, 3), Col=(3, 1, 2), Block=(3, 0, 1))),
    full(**of(8, Row=(4, 0, 3), Col=(4, 0, 3), Block=(2, 0, 1))),  # all
    full(**of(8, Row=(4, 2, 2), Col=(5, 4, 4), Block=(3, 1, 1))),  # a single beat
    full(**of(3, Row=(3, 0, 1), Col=(4, 0, 2), Block=(1, 0, 0))),  # corners
    full(**of(3, Row=(3, 1, 2), Col=(4, 1, 3), Block=(2, 1, 1))),
    full(**of(4, Row=(1, 0, 0), Col=(1, 0, 0), Block=(9, 8, 8))),  # the last
    full(**of(4, Row=(1, 0, 0), Col=(1, 0, 0), Block=(8, 0, 3))),
    full(**of(2, Row=(17, 16, 16), Col=(1, 0, 0), Block=(1, 0, 0))),
    full(**of(2, Row=(1, 0, 0), Col=(9, 3, 8), Block=(2, 0, 0))),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_select(case: Case) -> None:
    run_case("hg_select", __file__, case)


def passed() -> list[bool]:
    """Of each beat of a tensor, whether it lies in the box."""
    case = current_case()
    box = [
        [first <= k <= last for k in range(size)]
        for size, first, last in (
            (case.Rows, case.RowFirst, case.RowLast),
            (case.Cols, case.ColFirst, case.ColLast),
            (case.Blocks, case.BlockFirst, case.BlockLast),
        )
    ]
    return [all(place) for place in product(*box)]


class Contract:
    """Ready and valid by the place of the beat, held against the module at each edge."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.watch(self._run())

    async def _run(self) -> None:
        dut = self.bench.dut
        places = enumerate(cycle(passed()))
        beat, passes = next(places)
        while True:
            await RisingEdge(dut.clk_i)
            if self.bench.in_reset:
                places = enumerate(cycle(passed()))
                beat, passes = next(places)
                continue
            ready, offered = int(dut.out_ready_i.value), int(dut.in_valid_i.value)
            assert int(dut.in_ready_o.value) == int(ready or not passes), f"ready of beat {beat}"
            assert int(dut.out_valid_o.value) == int(offered and passes), f"valid of beat {beat}"
            if offered and (ready or not passes):
                beat, passes = next(places)


async def make(dut):
    bench = await Bench.of(dut)
    Contract(bench)
    return bench, bench.source(), bench.sink()


def send(bench: Bench, source: Source, tensors: int) -> list[int]:
    """Beats of so many tensors; what must come out."""
    top = (1 << current_case().Width) - 1
    expected = []
    for tensor in range(tensors):
        sent = [(0, top)[tensor] if tensor < 2 else bench.rng.randint(0, top) for _ in passed()]
        source.send(sent)
        expected += [beat for beat, passes in zip(sent, passed(), strict=True) if passes]
    return expected


@cocotb.test()
async def passes_the_box_under_every_traffic(dut):
    bench, source, sink = await make(dut)
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        sink.use(sink_profile)
        expected = send(bench, source, 5)
        await source.done()
        assert await sink.collect(len(expected)) == expected
        await bench.cycles(3)
        assert len(sink.beats) == len(expected), "a beat came out twice"
        source.clear(), sink.clear()


@cocotb.test()
async def takes_a_beat_each_cycle_and_passes_it_in_the_same_one(dut):
    bench, source, sink = await make(dut)
    send(bench, source, 3)
    await source.done()
    await bench.cycles(1)
    assert source.edges == list(range(source.edges[0], source.edges[0] + 3 * len(passed())))
    assert sink.edges == [edge for edge, passes in zip(source.edges, passed() * 3, strict=True) if passes]


@cocotb.test()
async def swallows_while_the_output_is_stalled(dut):
    bench, source, sink = await make(dut)
    sink.use(chance(0))
    send(bench, source, 2)
    before = passed().index(True)
    await bench.cycles(len(passed()) + 5)
    assert len(source.edges) == before
    sink.use(always)
    await source.done()


@cocotb.test()
async def reset_begins_a_tensor(dut):
    bench, source, sink = await make(dut)
    for cycles in (1, 2, 3, 5, 8, 13):
        sink.use(chance(0.5) if cycles % 2 else always)
        send(bench, source, 3)
        await bench.cycles(cycles)
        await bench.reset(1 + cycles % 2)
        expected = send(bench, source, 3)
        assert await sink.collect(len(expected)) == expected
        source.clear(), sink.clear()
