"""hg_table: every code of every lane, R edges later."""

from __future__ import annotations

import cocotb
import pytest
from hwgen_tb import Case, current_case, full, pack, pipeline_obeys, quick, run_case, unpack

CASES = [
    quick(File="m.mem", Lanes=1, InWidth=1, OutWidth=1),
    quick(File="m.mem", Lanes=3, InWidth=6, OutWidth=5, RomStyle=2),
    full(File="m.mem", Lanes=2, InWidth=8, OutWidth=12, RomStyle=1),
]


def memories(case, rng):
    return {"m.mem": ([rng.getrandbits(case.OutWidth) for _ in range(1 << case.InWidth)], case.OutWidth)}


@pytest.mark.parametrize("case", CASES)
def test_hg_table(case: Case) -> None:
    run_case("hg_table", __file__, case, memories)


@cocotb.test()
async def looks_up_every_code(dut):
    case = current_case()
    words, _ = memories(case, case.random())["m.mem"]

    def beats(bench, count):
        size = 1 << case.InWidth
        every = [pack([(code + lane) % size for lane in range(case.Lanes)], case.InWidth) for code in range(size)]
        return every + [bench.rng.getrandbits(case.Lanes * case.InWidth) for _ in range(count)]

    def expected(sent):
        return [pack([words[code] for code in unpack(beat, case.Lanes, case.InWidth)], case.OutWidth) for beat in sent]

    await pipeline_obeys(dut, beats, expected, 2 if case.get("RomStyle", 0) == 2 else 1)
