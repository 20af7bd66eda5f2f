"""hg_argmax: the first of the greatest, garbage in tail lanes ignored, latency clog2(Lanes) + 1."""

from __future__ import annotations

from math import ceil

import cocotb
import numpy as np
import pytest
from hwgen_tb import Case, beats_of, current_case, full, pipeline_obeys, quick, run_case, unpack

CASES = [
    quick(Lanes=1, Elements=1, Width=1, Signed=0, IndexWidth=1),
    quick(Lanes=3, Elements=10, Width=4, Signed=1, IndexWidth=4),
    full(Lanes=1, Elements=10, Width=3, Signed=1, IndexWidth=5),
    full(Lanes=10, Elements=10, Width=8, Signed=0, IndexWidth=4),
    full(Lanes=4, Elements=16, Width=1, Signed=1, IndexWidth=4),
    full(Lanes=5, Elements=17, Width=2, Signed=0, IndexWidth=5),
    full(Lanes=2, Elements=100, Width=16, Signed=1, IndexWidth=7),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_argmax(case: Case) -> None:
    run_case("hg_argmax", __file__, case)


@cocotb.test()
async def finds_the_first_of_the_greatest(dut):
    case = current_case()
    low, high = (-(1 << (case.Width - 1)), (1 << (case.Width - 1)) - 1) if case.Signed else (0, (1 << case.Width) - 1)
    per_vector = ceil(case.Elements / case.Lanes)

    def beats(bench, count):
        rng = bench.rng
        fixed = [[low] * case.Elements, [high] * case.Elements, [low] * (case.Elements - 1) + [high]]
        drawn = [[rng.randint(low, min(high, low + 5 if k % 2 else high)) for _ in range(case.Elements)] for k in range(count)]
        greatest = [(1 << case.Width - 1) - 1 if case.Signed else high] * case.Lanes
        return [beat for vector in (fixed + drawn)[:count] for beat in beats_of(vector, case.Lanes, case.Width, padding=greatest)]

    def expected(sent):
        lanes = [unpack(beat, case.Lanes, case.Width, is_signed=bool(case.Signed)) for beat in sent]
        return np.array(lanes).reshape(-1, per_vector * case.Lanes)[:, : case.Elements].argmax(axis=1).tolist()

    await pipeline_obeys(dut, beats, expected, (case.Lanes - 1).bit_length() + 1, group=per_vector)
