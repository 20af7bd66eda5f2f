"""hg_reorder: whole blocks in the order of the loops, and its ready and valid at every edge."""

from __future__ import annotations

from itertools import product
from math import prod

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, Case, Source, always, chance, current_case, full, pack, quick, run_case


def of(width: int, *loops: tuple[int, int], banks: int = 2, style: int = 0) -> dict[str, int]:
    """The parameters for loops of (count, stride), the outermost first."""
    counts, strides = zip(*loops, strict=True)
    return {
        "Width": width,
        "Words": prod(counts),
        "Loops": len(loops),
        "Counts": pack(counts, 32),
        "Strides": pack(strides, 32),
        "Banks": banks,
        "RamStyle": style,
    }


CASES = [
    quick(**of(1, (1, 0), banks=1)),
    quick(**of(5, (3, 1), (4, 3), style=2)),
    full(**of(8, (1, 7))),
    full(**of(8, (6, 1), banks=1)),
    full(**of(8, (2, 1), (2, 2), style=1)),
    full(**of(4, (5, 1), (3, 5), banks=1, style=2)),
    full(**of(4, (3, 4), (1, 1), (4, 1), style=2)),
    full(**of(3, (2, 6), (3, 1), (2, 3))),
    full(**of(3, (2, 1), (1, 0), (3, 8), (4, 2), banks=1)),
    full(**of(6, (2, 1), (3, 2), (1, 0), (2, 12), (2, 6), style=2)),
    full(**of(6, (2, 16), (2, 1), (2, 8), (2, 2), (2, 32), (2, 4))),
    full(**of(2, (2, 2), (3, 4), (2, 1), (1, 3), (2, 24), (2, 12), banks=1, style=2)),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_reorder(case: Case) -> None:
    run_case("hg_reorder", __file__, case)


def order() -> list[int]:
    """Of each beat that leaves, which beat of its block as it came it is."""
    case = current_case()
    counts, strides = ([(table >> 32 * k) & 0xFFFFFFFF for k in range(case.Loops)] for table in (case.Counts, case.Strides))
    return [sum(k * s for k, s in zip(at, strides, strict=True)) for at in product(*map(range, counts))]


def stages() -> int:
    return 2 if current_case().RamStyle == 2 else 1


class Contract:
    """The header's sentences, edge by edge."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._begin()
        bench.watch(self._run())

    def _begin(self) -> None:
        """taken, read: beats in all.  full: of each stage of the read pipeline, whether it holds a beat."""
        self.taken = self.read = 0
        self.full = [False] * stages()

    async def _run(self) -> None:
        case, dut = current_case(), self.bench.dut
        while True:
            await RisingEdge(dut.clk_i)
            if self.bench.in_reset:
                self._begin()
                continue
            stored = self.taken // case.Words - self.read // case.Words
            ready, valid = int(dut.in_ready_o.value), int(dut.out_valid_o.value)
            assert ready == int(stored < case.Banks), f"ready is {ready} with {stored} blocks stored"
            assert valid == int(self.full[-1]), f"valid is {valid} with stages {self.full}"
            moves = bool(dut.out_ready_i.value)
            for k in reversed(range(stages())):
                moves = moves or not self.full[k]
                if moves:
                    self.full[k] = self.full[k - 1] if k > 0 else stored > 0
            self.read += int(moves and stored > 0)
            self.taken += int(ready and int(dut.in_valid_i.value))


async def make(dut):
    bench = await Bench.of(dut)
    Contract(bench)
    return bench, bench.source(), bench.sink()


def send(bench: Bench, source: Source, blocks: int) -> list[int]:
    """Beats of so many blocks; what must come out."""
    case = current_case()
    top = (1 << case.Width) - 1
    expected = []
    for block in range(blocks):
        sent = [(0, top)[block] if block < 2 else bench.rng.randint(0, top) for _ in range(case.Words)]
        source.send(sent)
        expected += [sent[k] for k in order()]
    return expected


@cocotb.test()
async def orders_every_block_under_every_traffic(dut):
    bench, source, sink = await make(dut)
    for source_profile, sink_profile in TRAFFIC.values():
        source.use(source_profile)
        sink.use(sink_profile)
        expected = send(bench, source, 6)
        assert await sink.collect(len(expected)) == expected
        await bench.cycles(5)
        assert len(sink.beats) == len(expected), "a beat came out twice"
        source.clear(), sink.clear()


@cocotb.test()
async def first_beat_leaves_as_soon_as_the_block_is_read_and_the_rest_without_a_gap(dut):
    case = current_case()
    bench, source, sink = await make(dut)
    send(bench, source, 6)
    await sink.collect(6 * case.Words)
    first = source.edges[0]
    period = case.Words if case.Banks == 2 else 2 * case.Words
    blocks = [range(first + k * period, first + k * period + case.Words) for k in range(6)]
    assert source.edges == [edge for block in blocks for edge in block]
    later = case.Words + stages()
    assert sink.edges == [edge + later for block in blocks for edge in block]


@cocotb.test()
async def holds_its_banks_and_read_stages(dut):
    case = current_case()
    bench, source, sink = await make(dut)
    sink.use(chance(0))
    blocks = case.Banks + 2 * stages() + 1
    expected = send(bench, source, blocks)
    await bench.cycles((case.Banks + 2) * case.Words + 20)
    # Blocks of one beat (of two, with two stages) leave their bank for the stages altogether.
    assert len(source.edges) == (case.Banks + stages() // case.Words) * case.Words
    sink.use(always)
    assert await sink.collect(len(expected)) == expected


@cocotb.test()
async def reset_begins_a_block(dut):
    bench, source, sink = await make(dut)
    words = current_case().Words
    for cycles in (1, 2, 3, words, words + 2, 2 * words + 1, 2 * words + 3, 3 * words + 2):
        sink.use(chance(0.5) if cycles % 2 else always)
        send(bench, source, 4)
        await bench.cycles(cycles)
        await bench.reset(1 + cycles % 2)
        expected = send(bench, source, 3)
        assert await sink.collect(len(expected)) == expected
        source.clear(), sink.clear()
