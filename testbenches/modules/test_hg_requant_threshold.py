"""hg_requant_threshold: counts of thresholds reached, falling channels, constant channels, latency."""

from __future__ import annotations

from math import ceil
from random import Random

import cocotb
import pytest
from hwgen_tb import Case, beats_of, current_case, full, pack, pipeline_obeys, quick, run_case, unpack

CASES = [
    quick(File="m.mem", Lanes=1, Blocks=1, InWidth=1, InSigned=0, Levels=1, TWidth=2, OutOffset=0, OutWidth=1),
    quick(File="m.mem", Lanes=3, Blocks=4, InWidth=7, Levels=7, TWidth=8, OutOffset=-3, OutWidth=4, HasInvert=1),
    full(
        File="m.mem",
        Lanes=2,
        Blocks=2,
        InWidth=7,
        InSigned=0,
        Levels=15,
        TWidth=9,
        OutOffset=0,
        OutWidth=4,
        HasInvert=1,
        RomStyle=2,
    ),
    full(File="m.mem", Lanes=2, Blocks=3, InWidth=12, Levels=3, TWidth=6, OutOffset=-36, OutWidth=7, RomStyle=1),
    full(File="m.mem", Lanes=1, Blocks=1, InWidth=10, Levels=255, TWidth=11, OutOffset=-128, OutWidth=8, TreeLevelsPerStage=1),
    full(
        File="m.mem", Lanes=2, Blocks=1, InWidth=20, Levels=2, TWidth=21, OutOffset=5, OutWidth=3, HasInvert=1, TreeLevelsPerStage=3
    ),
]


def domain(case: Case) -> tuple[int, int]:
    return (-(1 << (case.InWidth - 1)), (1 << (case.InWidth - 1)) - 1) if case.get("InSigned", 1) else (0, (1 << case.InWidth) - 1)


def channels(case: Case, rng: Random) -> list[tuple[int, list[int]]]:
    """(invert, thresholds) of each channel; the first reaches none, the second all, where TWidth can say so."""
    low, high = -(1 << (case.TWidth - 1)), (1 << (case.TWidth - 1)) - 1
    table = []
    for channel in range(case.Lanes * case.Blocks):
        levels = [high] * case.Levels if channel == 0 and case.Blocks > 1 else [low] * case.Levels if channel == 1 else None
        levels = levels or sorted(rng.randint(low, high) for _ in range(case.Levels))
        table.append((rng.getrandbits(1) if case.get("HasInvert", 0) else 0, levels))
    return table


def memories(case: Case, rng: Random):
    width = case.Levels * case.TWidth + case.get("HasInvert", 0)
    fields = [pack(levels, case.TWidth) | invert << (case.Levels * case.TWidth) for invert, levels in channels(case, rng)]
    return {"m.mem": (beats_of(fields, case.Lanes, width), width * case.Lanes)}


@pytest.mark.parametrize("case", CASES)
def test_hg_requant_threshold(case: Case) -> None:
    run_case("hg_requant_threshold", __file__, case, memories)


@cocotb.test()
async def counts_the_thresholds_reached(dut):
    case = current_case()
    table = channels(case, case.random())
    low, high = domain(case)

    def beats(bench, count):
        near = [t + d for _, levels in table for t in levels for d in (-1, 0) if low <= t + d <= high] or [low]
        rows = [[low] * case.Lanes] * case.Blocks + [[high] * case.Lanes] * case.Blocks
        while len(rows) < count * case.Blocks:
            rows.append([bench.rng.choice([bench.rng.choice(near), bench.rng.randint(low, high)]) for _ in range(case.Lanes)])
        return [pack(row, case.InWidth) for row in rows]

    def expected(sent):
        results = []
        for k, beat in enumerate(sent):
            row = unpack(beat, case.Lanes, case.InWidth, is_signed=bool(case.get("InSigned", 1)))
            out = []
            for lane, a in enumerate(row):
                invert, levels = table[(k % case.Blocks) * case.Lanes + lane]
                value = -a - 1 if invert else a
                out.append(case.OutOffset + sum(value >= t for t in levels))
            results.append(pack(out, case.OutWidth))
        return results

    tree = ceil((case.Levels - 1).bit_length() / case.get("TreeLevelsPerStage", 2))
    await pipeline_obeys(dut, beats, expected, (2 if case.get("RomStyle", 0) == 2 else 1) + tree + 2)
