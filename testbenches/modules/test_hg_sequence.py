"""hg_sequence: every word in turn, an edge after it is asked for, over and over."""

from __future__ import annotations

from random import Random

import cocotb
import pytest
from hwgen_tb import Bench, Case, current_case, full, quick, run_case

CASES = [
    quick(File="m.mem", Depth=5, Width=7),
    full(File="m.mem", Depth=1, Width=1),
    full(File="m.mem", Depth=2, Width=33, Style=1),
    full(File="m.mem", Depth=16, Width=8, Style=2),
    full(File="m.mem", Depth=37, Width=12, Style=2),
]


def words(case: Case) -> list[int]:
    rng = case.random()
    return [rng.getrandbits(case.Width) for _ in range(case.Depth)]


def memories(case: Case, _rng: Random):
    return {"m.mem": (words(case), case.Width)}


@pytest.mark.parametrize("case", CASES)
def test_hg_sequence(case: Case) -> None:
    run_case("hg_sequence", __file__, case, memories)


@cocotb.test()
async def gives_every_word_in_turn_and_begins_anew_after_reset(dut):
    """A word that is asked for at an edge is there at the next."""
    bench = Bench(dut)
    mem = words(current_case())
    for reset_cycles, share in ((3, 1.0), (1, 0.5), (2, 0.1), (1, 1.0)):
        dut.next_i.value = 0
        await bench.reset(reset_cycles)
        await bench.cycles(1)
        at = 0
        for _ in range(3 * len(mem) + 10):
            asked = bench.rng.random() < share
            dut.next_i.value = int(asked)
            await bench.cycles(1)
            assert int(dut.data_o.value) == mem[at % len(mem)], f"word {at}"
            at += asked


@pytest.mark.quick
def test_a_missing_memory_file_stops_the_simulation() -> None:
    case = Case({"Depth": 3, "Width": 4, "Style": 0, "File": "absent.mem"}, {}, seed=1)
    with pytest.raises(pytest.fail.Exception, match=r"memory file absent\.mem cannot be read"):
        run_case("hg_sequence", __file__, case)
