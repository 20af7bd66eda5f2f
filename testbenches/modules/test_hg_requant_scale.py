"""hg_requant_scale: exact on every input, both rounding forms, clipping, channels, latency."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from random import Random

import cocotb
import pytest
from hwgen_tb import Case, beats_of, current_case, full, pack, pipeline_obeys, quick, run_case, unpack

BASE = {"File": "m.mem"}

CASES = [
    quick(**BASE, Lanes=1, Blocks=1, InWidth=1, InSigned=0, MWidth=0, BWidth=1, Shift=0, OutWidth=1, OutLow=0, OutHigh=1),
    quick(**BASE, Lanes=3, Blocks=4, InWidth=12, MWidth=7, BWidth=17, Shift=6, TwoSums=1, OutWidth=8, OutLow=-128, OutHigh=127),
    full(
        **BASE,
        Lanes=3,
        Blocks=4,
        InWidth=12,
        InSigned=0,
        MWidth=7,
        BWidth=17,
        Shift=6,
        OutWidth=8,
        OutLow=0,
        OutHigh=255,
        RomStyle=2,
    ),
    full(
        **BASE, Lanes=2, Blocks=3, InWidth=9, MWidth=0, BWidth=4, Shift=3, TwoSums=1, OutWidth=4, OutLow=-7, OutHigh=7, RomStyle=1
    ),
    full(**BASE, Lanes=2, Blocks=1, InWidth=5, MWidth=0, BWidth=12, Shift=0, OutWidth=4, OutLow=-8, OutHigh=-1),
    full(
        **BASE, Lanes=1, Blocks=5, InWidth=24, MWidth=18, BWidth=40, Shift=30, OutWidth=16, OutLow=-32768, OutHigh=32767, RomStyle=2
    ),
    full(**BASE, Lanes=1, Blocks=2, InWidth=6, MWidth=3, BWidth=5, Shift=20, OutWidth=3, OutLow=0, OutHigh=7),
    # As many bits shifted out as the sums have, 4 + 3 + 1: the sign is left.
    full(**BASE, Lanes=1, Blocks=2, InWidth=4, MWidth=3, BWidth=5, Shift=8, OutWidth=3, OutLow=-4, OutHigh=3),
    full(**BASE, Lanes=2, Blocks=2, InWidth=30, MWidth=4, BWidth=8, Shift=2, OutWidth=32, OutLow=-2147483647, OutHigh=2147483647),
    full(**BASE, Lanes=2, Blocks=3, InWidth=12, MWidth=5, BWidth=9, Shift=3, TwoSums=1, OutWidth=5, OutLow=-16, OutHigh=15, Wrap=1),
    # Half to even by two sums, checked against Python's own round.
    full(
        **BASE,
        Lanes=1,
        Blocks=1,
        InWidth=8,
        MWidth=0,
        BWidth=6,
        Shift=4,
        TwoSums=1,
        OutWidth=8,
        OutLow=-128,
        OutHigh=127,
        half_even=1,
    ),
]


def extremes(width: int) -> list[int]:
    return [-(1 << (width - 1)), (1 << (width - 1)) - 1]


def channels(case: Case, rng: Random) -> list[tuple[int, int, int]]:
    """(m, b1, b2) of every channel; the first channels are extreme."""
    if case.get("half_even", 0):
        # round_half_even(a / 8) = floor((a + 4) / 16) + floor((a + 11) / 16)
        return [(1, 4, 11)]

    def pick(width: int, channel: int) -> int:
        low, high = extremes(width)
        return [low, high][channel % 2] if channel < 2 else rng.randint(low, high)

    total = case.Lanes * case.Blocks
    return [(pick(case.MWidth, c) if case.MWidth else 1, pick(case.BWidth, c), pick(case.BWidth, c + 1)) for c in range(total)]


def memories(case: Case, rng: Random):
    width = case.MWidth + case.BWidth * (1 + case.get("TwoSums", 0))
    fields = []
    for m, b1, b2 in channels(case, rng):
        field = (m & ((1 << case.MWidth) - 1)) | (b1 & ((1 << case.BWidth) - 1)) << case.MWidth
        if case.get("TwoSums", 0):
            field |= (b2 & ((1 << case.BWidth) - 1)) << (case.MWidth + case.BWidth)
        fields.append(field)
    return {"m.mem": (beats_of(fields, case.Lanes, width), width * case.Lanes)}


@pytest.mark.parametrize("case", CASES)
def test_hg_requant_scale(case: Case) -> None:
    run_case("hg_requant_scale", __file__, case, memories)


def domain(case: Case) -> list[int]:
    return extremes(case.InWidth) if case.get("InSigned", 1) else [0, (1 << case.InWidth) - 1]


def requantize(case: Case, a: int, channel: tuple[int, int, int]) -> int:
    m, b1, b2 = channel
    y = floor(Fraction(a * m + b1, 1 << case.Shift))
    if case.get("TwoSums", 0):
        y += floor(Fraction(a * m + b2, 1 << case.Shift))
    if case.get("half_even", 0):
        y = round(Fraction(a, 8))
    if case.get("Wrap", 0):
        return (y - case.OutLow) % (1 << case.OutWidth) + case.OutLow
    return min(max(y, case.OutLow), case.OutHigh)


@cocotb.test()
async def equals_the_formula_for_every_channel(dut):
    case = current_case()
    table = channels(case, case.random())
    low, high = domain(case)

    def beats(bench, count):
        rows = [[low] * case.Lanes] * case.Blocks + [[high] * case.Lanes] * case.Blocks
        if case.get("half_even", 0):
            rows += [[a] for a in range(low, high + 1)]
        rows += [[bench.rng.randint(low, high) for _ in range(case.Lanes)] for _ in range(count * case.Blocks - len(rows))]
        return [pack(row, case.InWidth) for row in rows]

    def expected(sent):
        results = []
        for k, beat in enumerate(sent):
            row = unpack(beat, case.Lanes, case.InWidth, is_signed=bool(case.get("InSigned", 1)))
            first = (k % case.Blocks) * case.Lanes
            results.append(pack([requantize(case, a, table[first + lane]) for lane, a in enumerate(row)], case.OutWidth))
        return results

    latency = (2 if case.get("RomStyle", 0) == 2 else 1) + 2 + (case.MWidth > 0)
    await pipeline_obeys(dut, beats, expected, latency)
