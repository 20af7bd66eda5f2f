"""hg_requant_pieces: each range of the input has its own line, per channel; thresholds, clipping, wrapping, latency."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from random import Random

import cocotb
import pytest
from hwgen_tb import Case, beats_of, current_case, full, pack, pipeline_obeys, quick, run_case, unpack

BASE = {"File": "m.mem"}

CASES = [
    quick(
        **BASE, Lanes=1, Blocks=1, Pieces=2, InWidth=1, InSigned=0, TWidth=1, MWidth=0, BWidth=1, Shift=0, OutWidth=2, OutLow=-1,
        OutHigh=1,
    ),
    quick(
        **BASE, Lanes=3, Blocks=4, Pieces=3, InWidth=12, TWidth=12, MWidth=7, BWidth=17, Shift=6, TwoSums=1, OutWidth=8,
        OutLow=-128, OutHigh=127,
    ),
    # A leaky ReLU of 8/64: half to even on each side, checked against Python's own round.
    quick(
        **BASE, Lanes=1, Blocks=1, Pieces=2, InWidth=10, TWidth=1, MWidth=5, BWidth=8, Shift=7, TwoSums=1, OutWidth=8, OutLow=-128,
        OutHigh=127, leaky=1,
    ),
    full(
        **BASE, Lanes=3, Blocks=4, Pieces=8, InWidth=12, InSigned=0, TWidth=13, MWidth=7, BWidth=17, Shift=6, OutWidth=8, OutLow=0,
        OutHigh=255, RomStyle=2,
    ),
    full(
        **BASE, Lanes=2, Blocks=3, Pieces=4, InWidth=9, TWidth=5, MWidth=0, BWidth=4, Shift=3, TwoSums=1, OutWidth=4, OutLow=-7,
        OutHigh=7, RomStyle=1,
    ),
    full(
        **BASE, Lanes=1, Blocks=5, Pieces=2, InWidth=28, TWidth=28, MWidth=18, BWidth=40, Shift=30, OutWidth=16, OutLow=-32768,
        OutHigh=32767, RomStyle=2,
    ),
    full(
        **BASE, Lanes=2, Blocks=2, Pieces=2, InWidth=6, TWidth=9, MWidth=3, BWidth=5, Shift=20, OutWidth=32, OutLow=-2147483647,
        OutHigh=2147483647,
    ),
    full(
        **BASE, Lanes=2, Blocks=3, Pieces=3, InWidth=12, TWidth=12, MWidth=5, BWidth=9, Shift=3, TwoSums=1, OutWidth=5, OutLow=-16,
        OutHigh=15, Wrap=1,
    ),
]

Line = tuple[int, int, int]
"""m, b1, b2"""


def extremes(width: int) -> list[int]:
    return [-(1 << (width - 1)), (1 << (width - 1)) - 1]


def channels(case: Case, rng: Random) -> list[tuple[list[int], list[Line]]]:
    """Thresholds and lines of every channel; those of the first channels are extreme."""
    if case.get("leaky", 0):
        # round_half_even(a / 8) = floor((a + 4) / 16) + floor((a + 11) / 16); the other line is an eighth of it
        return [([0], [(1, 32, 95), (8, 32, 88)])]

    def pick(width: int, channel: int) -> int:
        low, high = extremes(width)
        return [low, high][channel % 2] if channel < 2 else rng.randint(low, high)

    result = []
    for c in range(case.Lanes * case.Blocks):
        thresholds = sorted(pick(case.TWidth, c + k if c < 2 else 2) for k in range(case.Pieces - 1))
        lines = [
            (pick(case.MWidth, c + p) if case.MWidth else 1, pick(case.BWidth, c + p), pick(case.BWidth, c + p + 1))
            for p in range(case.Pieces)
        ]
        result.append((thresholds, lines))
    return result


def memories(case: Case, rng: Random):
    sums = 1 + case.get("TwoSums", 0)
    fields, width = [], 0
    for thresholds, lines in channels(case, rng):
        widths = [case.MWidth, case.BWidth, case.BWidth][: 1 + sums]
        parts = [pair for line in lines for pair in zip(line, widths, strict=False)]
        field, width = 0, 0
        for value, bits in [*parts, *((t, case.TWidth) for t in thresholds)]:
            field |= (value & ((1 << bits) - 1)) << width
            width += bits
        fields.append(field)
    return {"m.mem": (beats_of(fields, case.Lanes, width), width * case.Lanes)}


@pytest.mark.parametrize("case", CASES)
def test_hg_requant_pieces(case: Case) -> None:
    run_case("hg_requant_pieces", __file__, case, memories)


def requantize(case: Case, a: int, channel: tuple[list[int], list[Line]]) -> int:
    thresholds, lines = channel
    m, *offsets = lines[sum(a >= t for t in thresholds)]
    y = sum(floor(Fraction(a * m + b, 1 << case.Shift)) for b in offsets[: 1 + case.get("TwoSums", 0)])
    if case.get("leaky", 0):
        y = round(Fraction(a, 8) if a >= 0 else Fraction(a, 64))
    if case.get("Wrap", 0):
        return (y - case.OutLow) % (1 << case.OutWidth) + case.OutLow
    return min(max(y, case.OutLow), case.OutHigh)


@cocotb.test()
async def equals_the_formula_on_every_piece_of_every_channel(dut):
    case = current_case()
    table = channels(case, case.random())
    low, high = extremes(case.InWidth) if case.get("InSigned", 1) else (0, (1 << case.InWidth) - 1)

    def beside(rng: Random, channel: int) -> int:
        """A value at a threshold of the channel, or next to it."""
        return min(max(rng.choice(table[channel][0]) + rng.randint(-1, 1), low), high)

    def beats(bench, count):
        rows = [[low] * case.Lanes] * case.Blocks + [[high] * case.Lanes] * case.Blocks
        if case.get("leaky", 0):
            rows += [[a] for a in range(low, high + 1)]
        for k in range(len(rows), max(count, 8) * case.Blocks):
            first = (k % case.Blocks) * case.Lanes
            near = bench.rng.random() < 0.5
            rows.append([beside(bench.rng, first + lane) if near else bench.rng.randint(low, high) for lane in range(case.Lanes)])
        return [pack(row, case.InWidth) for row in rows]

    def expected(sent):
        results = []
        for k, beat in enumerate(sent):
            row = unpack(beat, case.Lanes, case.InWidth, is_signed=bool(case.get("InSigned", 1)))
            first = (k % case.Blocks) * case.Lanes
            results.append(pack([requantize(case, a, table[first + lane]) for lane, a in enumerate(row)], case.OutWidth))
        return results

    latency = (2 if case.get("RomStyle", 0) == 2 else 1) + 3 + (case.MWidth > 0)
    await pipeline_obeys(dut, beats, expected, latency)
