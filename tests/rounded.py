"""A second opinion on `hwgen.ops.round_float`: the nearest of two neighbours, in exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hwgen.ops.round_float import RoundFloatAttrs


def _power(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def _step(a: RoundFloatAttrs, block: Sequence[int]) -> int:
    leading = max(map(abs, block)).bit_length() - 1
    return a.least if leading < 0 or a.least == a.most else min(max(leading - a.reach, a.least), a.most)


def _member(a: RoundFloatAttrs, value: int, step: int) -> int:
    size, exponent = Fraction(abs(value)), abs(value).bit_length() - 1
    gap = max(step, exponent - a.precision + 1) if a.precision else step
    if not a.subnormals and exponent < step + a.precision - 1:
        gap = step + a.precision - 1
    below = size // _power(gap) * _power(gap)
    above = below + _power(gap)
    tie_up = below / _power(gap) % 2 == 1
    if a.precision == 1 and below:
        tie_up = (exponent - step) % 2 == a.odd
    member = above if size - below > above - size or (size - below == above - size and tie_up) else below
    member = min(member, a.greatest * _power(step))
    member = member if a.has_zero else max(member, _power(step))
    code = member / _power(max(a.least, 0))
    assert code.denominator == 1, "members are codes"
    return -int(code) if value < 0 else int(code)


def rounded_codes(a: RoundFloatAttrs, values: Sequence[int], channels: int) -> list[int]:
    """Of the codes of some positions, one after the other."""
    result: list[int] = []
    for start in range(0, len(values), channels):
        row = values[start : start + channels]
        for at in range(0, channels, a.block):
            block = row[at : at + a.block]
            result += [_member(a, v, _step(a, block)) for v in block]
    return result
