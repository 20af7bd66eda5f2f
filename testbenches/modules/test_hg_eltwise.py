"""hg_eltwise: four operations on scaled and offset operands, constants of up to 64 bits, latency 2."""

from __future__ import annotations

import cocotb
import pytest
from hwgen_tb import Case, current_case, full, pack, pipeline_obeys, quick, run_case, unpack

ADD, MULTIPLY, MINIMUM, MAXIMUM = 0, 1, 2, 3

CASES = [
    quick(Lanes=1, AWidth=1, ASigned=0, BWidth=1, BSigned=0, Kind=ADD, OutWidth=2),
    quick(Lanes=3, AWidth=5, ASigned=1, BWidth=7, BSigned=0, Kind=ADD, AMul=-3, AOff=17, BMul=6, BOff=-200, OutWidth=11),
    quick(Lanes=2, AWidth=4, ASigned=1, BWidth=6, BSigned=0, Kind=MAXIMUM, AMul=9, AOff=-5, BMul=-2, BOff=60, OutWidth=9),
    # The narrowest results of the extremes: 127 + 127, 255 + 255, -128 * -128, 255 * 255, 255 * -128.
    full(Lanes=2, AWidth=8, ASigned=1, BWidth=8, BSigned=1, Kind=ADD, OutWidth=9),
    full(Lanes=2, AWidth=8, ASigned=0, BWidth=8, BSigned=0, Kind=ADD, OutWidth=9),
    full(Lanes=2, AWidth=8, ASigned=1, BWidth=8, BSigned=1, Kind=MULTIPLY, OutWidth=16),
    full(Lanes=2, AWidth=8, ASigned=0, BWidth=8, BSigned=0, Kind=MULTIPLY, OutWidth=16),
    full(Lanes=2, AWidth=8, ASigned=0, BWidth=8, BSigned=1, Kind=MULTIPLY, OutWidth=16),
    full(Lanes=1, AWidth=6, ASigned=0, BWidth=3, BSigned=1, Kind=MULTIPLY, AMul=5, AOff=-31, BMul=-7, BOff=2, OutWidth=15),
    full(Lanes=1, AWidth=1, ASigned=1, BWidth=1, BSigned=1, Kind=MULTIPLY, OutWidth=2),
    # Bipolar codes: 2 * code - 1.
    full(Lanes=4, AWidth=1, ASigned=0, BWidth=1, BSigned=0, Kind=MULTIPLY, AMul=2, AOff=-1, BMul=2, BOff=-1, OutWidth=2),
    full(Lanes=4, AWidth=1, ASigned=0, BWidth=3, BSigned=1, Kind=MINIMUM, AMul=2, AOff=-1, OutWidth=3),
    full(Lanes=3, AWidth=8, ASigned=1, BWidth=8, BSigned=0, Kind=MINIMUM, OutWidth=9),
    full(Lanes=3, AWidth=8, ASigned=0, BWidth=8, BSigned=0, Kind=MAXIMUM, OutWidth=8),
    # An operand wider than any result: the other one is always chosen, or it is cut where it is chosen.
    full(Lanes=2, AWidth=5, ASigned=1, BWidth=6, BSigned=1, Kind=MINIMUM, AOff=1 << 40, OutWidth=6),
    full(Lanes=2, AWidth=5, ASigned=1, BWidth=6, BSigned=1, Kind=MAXIMUM, AOff=1 << 40, OutWidth=8),
    # A factor of zero, an offset alone, results that are kept modulo 2**OutWidth.
    full(Lanes=2, AWidth=5, ASigned=1, BWidth=4, BSigned=1, Kind=ADD, AMul=0, AOff=0, BMul=0, BOff=-9, OutWidth=5),
    full(Lanes=2, AWidth=12, ASigned=1, BWidth=9, BSigned=0, Kind=ADD, AMul=3, BOff=1000, OutWidth=4),
    full(Lanes=2, AWidth=12, ASigned=1, BWidth=9, BSigned=0, Kind=MULTIPLY, AMul=3, BOff=1000, OutWidth=7),
    # Constants past 32 bits, and the ends of 64.
    quick(Lanes=2, AWidth=8, ASigned=1, BWidth=8, BSigned=0, Kind=ADD, AMul=5 << 33, AOff=-(7 << 40), BMul=-(3 << 35), OutWidth=52),
    full(Lanes=1, AWidth=9, ASigned=0, BWidth=4, BSigned=1, Kind=MULTIPLY, AMul=0x123456789, BMul=-1, BOff=1 << 31, OutWidth=80),
    full(Lanes=1, AWidth=6, ASigned=1, BWidth=6, BSigned=1, Kind=MAXIMUM, AMul=(1 << 63) - 1, AOff=-(1 << 63), OutWidth=72),
    full(Lanes=1, AWidth=64, ASigned=0, BWidth=64, BSigned=1, Kind=ADD, AMul=-(1 << 63), BMul=(1 << 63) - 1, BOff=-1, OutWidth=130),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_eltwise(case: Case) -> None:
    run_case("hg_eltwise", __file__, case)


@cocotb.test()
async def equals_the_formula_on_python_integers(dut):
    case = current_case()

    def domain(width: int, is_signed: int) -> tuple[int, int]:
        return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if is_signed else (0, (1 << width) - 1)

    ends = [domain(case.AWidth, case.ASigned), domain(case.BWidth, case.BSigned)]

    def beats(bench, count):
        rng = bench.rng
        corners = [(a, b) for a in ends[0] for b in ends[1]]
        pairs = [[pair] * case.Lanes for pair in corners] + [[rng.choice(corners) for _ in range(case.Lanes)] for _ in range(4)]
        pairs += [[(rng.randint(*ends[0]), rng.randint(*ends[1])) for _ in range(case.Lanes)] for _ in range(max(count, 48))]
        chosen = pairs if count > len(corners) else pairs[:count]
        words = [(pack([a for a, _ in row], case.AWidth), pack([b for _, b in row], case.BWidth)) for row in chosen]
        return [a | b << (case.Lanes * case.AWidth) for a, b in words]

    def result(a: int, b: int) -> int:
        a = a * case.get("AMul", 1) + case.get("AOff", 0)
        b = b * case.get("BMul", 1) + case.get("BOff", 0)
        return {ADD: a + b, MULTIPLY: a * b, MINIMUM: min(a, b), MAXIMUM: max(a, b)}[case.Kind]

    def expected(sent):
        rows = []
        for beat in sent:
            a = unpack(beat, case.Lanes, case.AWidth, is_signed=bool(case.ASigned))
            b = unpack(beat >> (case.Lanes * case.AWidth), case.Lanes, case.BWidth, is_signed=bool(case.BSigned))
            rows.append(pack([result(*pair) for pair in zip(a, b, strict=True)], case.OutWidth))
        return rows

    await pipeline_obeys(dut, beats, expected, 2)
