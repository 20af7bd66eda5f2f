"""hg_round_float: nearest members of minifloats, powers of two and blocks of both, ties to even, limits, latency 4."""

from __future__ import annotations

from fractions import Fraction

import cocotb
import pytest
from hwgen_tb import Case, current_case, full, pack, pipeline_obeys, quick, run_case, unpack

CASES = [
    quick(Lanes=1, InWidth=1, InSigned=0, Least=0, Most=0, OutWidth=1),
    # A minifloat of 3 significant bits that saturates; powers of two without zero; blocks of integers of 4 bits; mxfp4.
    quick(Lanes=3, InWidth=12, Least=2, Most=2, Greatest=7 << 7, Precision=3, OutWidth=9),
    quick(Lanes=2, InWidth=9, Least=1, Most=1, Greatest=64, Precision=1, HasZero=0, Odd=1, OutWidth=7),
    quick(Lanes=4, InWidth=10, Block=4, Adaptive=1, Least=-4, Most=40, Reach=2, Greatest=7, OutWidth=11),
    quick(Lanes=6, InWidth=10, Block=3, Adaptive=1, Least=-3, Most=4, Reach=3, Greatest=12, Precision=2, OutWidth=11),
    # Everything rounds to zero; a step past the input's bits.
    full(Lanes=2, InWidth=4, Least=7, Most=7, Precision=2, OutWidth=1),
    full(Lanes=2, InWidth=6, InSigned=0, Least=-2, Most=-2, Precision=3, OutWidth=7),
    full(Lanes=1, InWidth=16, Least=0, Most=0, Precision=4, OutWidth=17),
    full(Lanes=1, InWidth=40, Least=9, Most=9, Greatest=15 << 33, Precision=4, OutWidth=33),
    full(Lanes=1, InWidth=8, Least=3, Most=3, OutWidth=6),
    full(Lanes=2, InWidth=10, Least=2, Most=2, Greatest=12 << 2, Precision=2, Subnormals=0, OutWidth=5),
    full(Lanes=2, InWidth=7, Least=-1, Most=-1, Precision=3, Subnormals=0, OutWidth=8),
    full(Lanes=2, InWidth=8, InSigned=0, Least=0, Most=0, Greatest=32, Precision=1, HasZero=0, OutWidth=6),
    full(Lanes=2, InWidth=8, Least=2, Most=2, Precision=1, Odd=1, OutWidth=8),
    # Blocks: the last one shorter, steps at both ends, elements without subnormals, of one bit, without zero.
    full(Lanes=5, InWidth=9, Block=4, Adaptive=1, Least=2, Most=3, Reach=3, Greatest=15, OutWidth=8),
    full(Lanes=4, InWidth=12, Block=2, Adaptive=1, Least=1, Most=20, Reach=3, Greatest=12, Precision=2, Subnormals=0, OutWidth=12),
    full(Lanes=8, InWidth=10, Block=8, Adaptive=1, Least=-9, Most=9, Reach=6, Greatest=64, Precision=1, Odd=1, OutWidth=11),
    full(Lanes=4, InWidth=8, Block=2, Adaptive=1, Least=0, Most=3, Reach=3, Greatest=8, Precision=1, HasZero=0, OutWidth=8),
    full(Lanes=2, InWidth=8, Block=1, Adaptive=1, Least=-20, Most=-1, Reach=3, Greatest=14, Precision=3, OutWidth=9),
    full(Lanes=2, InWidth=6, InSigned=0, Block=2, Adaptive=1, Least=-3, Most=8, Reach=8, Greatest=448, Precision=4, OutWidth=7),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_round_float(case: Case) -> None:
    run_case("hg_round_float", __file__, case)


def power(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def nearest(case: Case, value: int, step: int) -> int:
    """By comparing with the two neighbouring members, in fractions."""
    precision, size = case.get("Precision", 0), Fraction(abs(value))
    exponent = abs(value).bit_length() - 1
    gap = max(step, exponent - precision + 1) if precision else step
    if not case.get("Subnormals", 1) and exponent < step + precision - 1:
        gap = step + precision - 1
    below = size // power(gap) * power(gap)
    above = below + power(gap)
    tie_up = size / power(gap) // 1 % 2 == 1
    if precision == 1 and below:
        tie_up = (exponent - step) % 2 == case.get("Odd", 0)
    member = above if size - below > above - size or (size - below == above - size and tie_up) else below
    greatest = case.get("Greatest", 0)
    if greatest:
        member = min(member, greatest * power(step) if case.get("Adaptive", 0) else Fraction(greatest))
    if not case.get("HasZero", 1):
        member = max(member, power(step))
    code = member / power(max(case.Least, 0))
    assert code.denominator == 1, "the case says what has codes"
    return -int(code) if value < 0 else int(code)


def block_step(case: Case, block: list[int]) -> int:
    if not case.get("Adaptive", 0):
        return case.Least
    leading = max(map(abs, block)).bit_length() - 1
    return case.Least if leading < 0 else min(max(leading - case.Reach, case.Least), case.Most)


@cocotb.test()
async def gives_the_nearest_member_of_every_code(dut):
    case = current_case()
    low, high = (-(1 << (case.InWidth - 1)), (1 << (case.InWidth - 1)) - 1)
    if not case.get("InSigned", 1):
        low, high = 0, (1 << case.InWidth) - 1

    def beats(bench, count):
        rng, lanes = bench.rng, case.Lanes
        rows = [[low] * lanes, [high] * lanes, [0] * lanes]
        if count > 8 and case.InWidth <= 10:
            codes = list(range(low, high + 1))
            rng.shuffle(codes)
            rows += [[codes[(k + j) % len(codes)] for j in range(lanes)] for k in range(0, len(codes), lanes)]

        def drawn() -> int:  # sizes of all numbers of bits
            bits = rng.randint(0, case.InWidth)
            return min(max(rng.randint(-(1 << bits), 1 << bits) if low else rng.randint(0, 1 << bits), low), high)

        while len(rows) < max(count, 4):
            near = rng.randint(0, case.InWidth)
            row = [drawn() for _ in range(lanes)]
            rows.append(row if rng.random() < 0.5 else [v >> near if v >= 0 else -(-v >> near) for v in row])
        return [pack(row, case.InWidth) for row in (rows if count > 4 else rows[:count])]

    def expected(sent):
        results = []
        block = case.get("Block", 1)
        for beat in sent:
            row = unpack(beat, case.Lanes, case.InWidth, is_signed=bool(case.get("InSigned", 1)))
            parts = [row[k : k + block] for k in range(0, len(row), block)]
            made = [nearest(case, v, block_step(case, part)) for part in parts for v in part]
            results.append(pack(made, case.OutWidth))
        return results

    await pipeline_obeys(dut, beats, expected, 4)
