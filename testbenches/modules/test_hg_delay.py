"""hg_delay: exactly Cycles edges, and reset of what has a reset."""

import cocotb
import pytest
from hwgen_tb import Bench, Case, current_case, full, function_of_inputs, quick, run_case

CASES = [
    quick(Width=1, Cycles=0),
    quick(Width=5, Cycles=3),
    full(Width=1, Cycles=1, HasReset=1),
    full(Width=9, Cycles=6, HasReset=1),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_delay(case: Case) -> None:
    run_case("hg_delay", __file__, case)


@cocotb.test()
async def comes_cycles_edges_later(dut):
    case, bench = current_case(), await Bench.of(dut)
    await function_of_inputs(
        bench, lambda _: {"data_i": bench.rng.getrandbits(case.Width)}, lambda i: i["data_i"], "data_o", case.Cycles
    )


@cocotb.test()
async def reset_clears_all_places_if_there_is_one(dut):
    case, bench = current_case(), await Bench.of(dut)
    if not case.Cycles:
        return
    dut.data_i.value = ones = (1 << case.Width) - 1
    await bench.cycles(case.Cycles + 2)
    await bench.reset(cycles=1)
    for _ in range(case.Cycles):
        await bench.cycles(1)
        assert int(dut.data_o.value) == (0 if case.get("HasReset", 0) else ones)
    await bench.cycles(1)
    assert int(dut.data_o.value) == ones
