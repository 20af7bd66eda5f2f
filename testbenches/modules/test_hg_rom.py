"""hg_rom: every word, R edges after its address."""

import cocotb
import pytest
from hwgen_tb import Bench, Case, current_case, full, function_of_inputs, quick, run_case

CASES = [
    quick(Depth=1, Width=1, Style=0, File="m.mem"),
    quick(Depth=13, Width=67, Style=2, File="m.mem"),
    full(Depth=13, Width=7, Style=1, File="m.mem"),
    full(Depth=64, Width=8, Style=0, File="m.mem"),
    full(Depth=1, Width=300, Style=2, File="m.mem"),
    full(Depth=256, Width=1, Style=1, File="m.mem"),
]


def memories(case, rng):
    return {"m.mem": ([rng.getrandbits(case.Width) for _ in range(case.Depth)], case.Width)}


@pytest.mark.parametrize("case", CASES)
def test_hg_rom(case: Case) -> None:
    run_case("hg_rom", __file__, case, memories)


@pytest.mark.quick
def test_a_missing_memory_file_stops_the_simulation() -> None:
    case = Case({"Depth": 3, "Width": 4, "Style": 0, "File": "absent.mem"}, {}, seed=1)
    with pytest.raises(pytest.fail.Exception, match=r"memory file absent\.mem cannot be read"):
        run_case("hg_rom", __file__, case)


@cocotb.test()
async def word_comes_r_edges_after_its_address(dut):
    case = current_case()
    words, _ = memories(case, case.random())["m.mem"]
    bench = Bench(dut, reset=None)
    order = [*range(case.Depth), *(bench.rng.randrange(case.Depth) for _ in range(100))]
    latency = 2 if case.Style == 2 else 1
    await function_of_inputs(
        bench, lambda k: {"addr_i": order[k]}, lambda i: words[i["addr_i"]], "data_o", latency, len(order) - latency
    )
