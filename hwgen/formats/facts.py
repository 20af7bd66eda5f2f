"""What there is to say of a format in numbers: bits, range, members."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hwgen.formats.base import Quantized
from hwgen.formats.block import Block
from hwgen.formats.float_format import MAX_LISTED_BITS, FloatFormat

MAX_LISTED: Final = 1 << MAX_LISTED_BITS


@dataclass(frozen=True, slots=True)
class Facts:
    """bits: that an element takes in memory, its share of a shared exponent included.

    code_bits: of the integer that stands for an element where members do not lie evenly; 0 where they do.
    low, high: least and greatest value.  step: the least distance of two values.  values: how many an element has; None for
    more than 2**16 that do not lie evenly.  shared: least and greatest shared exponent of a block.
    """

    bits: Fraction
    code_bits: int
    low: Fraction
    high: Fraction
    step: Fraction
    values: int | None
    rounding: str
    overflow: str
    shared: tuple[int, int] | None = None


def facts_of(format_: Quantized | Block) -> Facts:
    """See `Facts`.  Of scales per channel the extremes count."""
    if isinstance(format_, Block):
        element = facts_of(format_.element)
        low, high = format_.exponents
        least, greatest = Fraction(2) ** low, Fraction(2) ** high
        return Facts(
            format_.storage_bits, element.code_bits, element.low * greatest, element.high * greatest, element.step * least,
            element.values, element.rounding, "saturate", format_.exponents,
        )
    corners = [s * (code - z) for code in (format_.low, format_.high) for s in format_.scales for z in format_.zeros]
    uneven = isinstance(format_, FloatFormat)
    step = min(format_.scales) * (2 if format_.bipolar else 1)
    overflow = "wrap" if format_.wraps else "saturate"
    if uneven and format_.overflow is not None:
        overflow = "infinity" if format_.overflow == float("inf") else "nan"
    return Facts(
        Fraction(format_.storage_bits), format_.bits if uneven else 0, min(corners), max(corners), step, _count(format_),
        format_.rounding.value, overflow,
    )


def _count(format_: Quantized) -> int | None:
    if isinstance(format_, FloatFormat):
        return len(format_.members()) if format_.storage_bits <= MAX_LISTED_BITS else None
    return 2 if format_.bipolar else format_.high - format_.low + 1


def members_of(format_: Quantized) -> tuple[Fraction, ...] | None:
    """The values of an element in order, with the first scale; None where there are more than 2**16."""
    count = _count(format_)
    if count is None or count > MAX_LISTED:
        return None
    if isinstance(format_, FloatFormat):
        codes = format_.members()
    else:
        codes = range(format_.low, format_.high + 1, 2 if format_.bipolar else 1)
    return tuple(format_.scales[0] * (code - format_.zeros[0]) for code in codes)
