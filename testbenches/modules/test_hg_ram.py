"""hg_ram: every word as it was written last, each register under its own enable."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import Bench, Case, current_case, full, quick, run_case

CASES = [
    quick(Depth=1, Width=1, Style=0),
    quick(Depth=13, Width=67, Style=2),
    full(Depth=13, Width=7, Style=1),
    full(Depth=64, Width=8, Style=0),
    full(Depth=1, Width=300, Style=2),
    full(Depth=256, Width=1, Style=2),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_ram(case: Case) -> None:
    run_case("hg_ram", __file__, case)


@cocotb.test()
async def word_comes_through_the_enabled_registers(dut):
    case = current_case()
    bench = Bench(dut, reset=None)
    rng = bench.rng
    words: dict[int, int] = {}
    read = out = None  # what the two registers hold; None before anything known
    for chance in (1.0, 0.5, 0.1):
        for _ in range(40 * case.Depth.bit_length() + 2 * case.Depth):
            write, into, word = rng.random() < 0.7, rng.randrange(case.Depth), rng.getrandbits(case.Width)
            # At the edge of its write a place is not read.
            places = [place for place in range(case.Depth) if place in words and not (write and place == into)]
            take, give = bool(places) and rng.random() < chance, rng.random() < chance
            place = rng.choice(places) if take else into
            dut.write_i.value, dut.write_addr_i.value, dut.write_data_i.value = int(write), into, word
            dut.read_i.value, dut.read_addr_i.value, dut.out_i.value = int(take), place, int(give)
            await RisingEdge(dut.clk_i)
            # The registers as they were before this edge.
            shown = out if case.Style == 2 else read
            if shown is not None:
                assert int(dut.data_o.value) == shown, f"{int(dut.data_o.value):#x} where {shown:#x} was read"
            if give:
                out = read
            if take:
                read = words[place]
            if write:
                words[into] = word
