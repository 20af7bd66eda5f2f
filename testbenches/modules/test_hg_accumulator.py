"""hg_accumulator: interleaved running sums from the bias to the bound, each result one edge after its last term."""

from __future__ import annotations

import cocotb
import pytest
from hwgen_tb import Bench, Case, JoinedPort, Port, always, chance, current_case, full, pack, quick, run_case

CASES = [
    quick(Lanes=1, InWidth=1, AccWidth=4, Blocks=1),
    quick(Lanes=2, InWidth=6, AccWidth=9, Blocks=3),
    full(Lanes=1, InWidth=9, AccWidth=12, Blocks=4),
    full(Lanes=3, InWidth=12, AccWidth=8, Blocks=2),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_accumulator(case: Case) -> None:
    run_case("hg_accumulator", __file__, case)


class Sums:
    """Terms in the order of the hardware's schedule, and what must come of them."""

    def __init__(self, bench: Bench, terms: int) -> None:
        case, rng = current_case(), bench.rng
        self.beats: list[int] = []
        self.wanted: list[int] = []
        self.last: list[bool] = []
        low, high = -(1 << (case.InWidth - 1)), (1 << (case.InWidth - 1)) - 1
        for how in ("min", "max", "random", "random"):
            choose = {"min": lambda: low, "max": lambda: high, "random": lambda: rng.randint(low, high)}[how]
            total = [[0] * case.Lanes for _ in range(case.Blocks)]
            for k in range(terms):
                for block in rng.sample(range(case.Blocks), case.Blocks):
                    data = [choose() for _ in range(case.Lanes)]
                    bias = [rng.getrandbits(case.AccWidth) for _ in range(case.Lanes)]
                    old = bias if k == 0 else total[block]
                    total[block] = [a + b for a, b in zip(old, data)]
                    tags = block << 2 | (k == terms - 1) << 1 | (k == 0)
                    block_width = max(1, (case.Blocks - 1).bit_length())
                    word = pack(bias, case.AccWidth) << (case.Lanes * case.InWidth) | pack(data, case.InWidth)
                    self.beats.append(word << (2 + block_width) | tags)
                    self.last.append(k == terms - 1)
                    if k == terms - 1:
                        self.wanted.append(pack(total[block], case.AccWidth))


def ports(bench: Bench, dut):
    data = JoinedPort(dut.in_first_i, dut.in_last_i, dut.in_block_i, dut.in_data_i, dut.in_bias_i)
    return bench.source(Port("in", dut.in_valid_i, None, data)), bench.sink()


@cocotb.test()
async def sums_each_block_from_its_bias_modulo_the_width(dut):
    bench = await Bench.of(dut)
    source, sink = ports(bench, dut)
    for profile in (always, chance(0.5), chance(0.05)):
        for terms in (1, 2, 7):
            source.use(profile)
            sums = Sums(bench, terms)
            source.send(sums.beats)
            await source.done()
            await bench.cycles(3)
            assert sink.beats == sums.wanted
            lasts = [edge for edge, last in zip(source.edges, sums.last) if last]
            assert [b - a for a, b in zip(lasts, sink.edges)] == [1] * len(lasts)
            source.clear(), sink.clear()


@cocotb.test()
async def reaches_its_bounds_exactly(dut):
    case, bench = current_case(), await Bench.of(dut)
    source, sink = ports(bench, dut)
    tag_width = 2 + max(1, (case.Blocks - 1).bit_length())
    top = (1 << (case.AccWidth - 1)) - 1
    step = min(top, (1 << (case.InWidth - 1)) - 1)
    for bound, term in ((top, step), (-top - 1, -step - 1 if step < top else -top - 1)):
        bias = bound - term
        word = pack([bias] * case.Lanes, case.AccWidth) << (case.Lanes * case.InWidth) | pack([term] * case.Lanes, case.InWidth)
        source.send([word << tag_width | 0b11])
        await source.done()
        await bench.cycles(2)
        assert sink.beats[-1] == pack([bound] * case.Lanes, case.AccWidth)


@cocotb.test()
async def reset_forgets_a_result_on_its_way(dut):
    bench = await Bench.of(dut)
    source, sink = ports(bench, dut)
    source.send(Sums(bench, 1).beats)
    await bench.cycles(3)
    await bench.reset(cycles=1)
    await bench.cycles(4)
    assert not sink.beats
