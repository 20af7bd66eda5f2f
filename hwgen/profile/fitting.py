"""The narrowest fixed-point types that hold numbers: integer bits from the range, fraction bits as they are asked for."""

from __future__ import annotations

from math import floor, frexp
from typing import Final

from hwgen.formats import Fixed, bits_for
from hwgen.profile.check import limits
from hwgen.profile.statistics import Statistics

MOST_BITS: Final = 16
"""Of a weight or a value: as many as a multiplier takes."""


def fixed_of(statistics: Statistics, fraction_bits: int, overflow: float = 0.0) -> Fixed:
    """The narrowest type with so many fraction bits (negative: a step above 1) in which at most the share ``overflow`` overflows.

    Unsigned where no number is negative.  Rounds to nearest, ties to even, and saturates.
    With ``overflow`` 0 no number that was seen overflows; else the share is counted with the histogram's bins, never too low.
    """
    low, high = (_code(end, fraction_bits) for end in (statistics.least, statistics.greatest))
    signed = low < 0
    width = max(bits_for(low, high), 1 + signed)
    made = Fixed(width, width - fraction_bits, signed)
    while overflow and made.width > 1 + signed:
        narrower = Fixed(made.width - 1, made.integer_bits - 1, signed)
        least, greatest = (float(end) for end in limits(narrower))
        if statistics.log.beyond(least, greatest) > overflow * statistics.count:
            break
        made = narrower
    return made


def _code(number: float, fraction_bits: int) -> int:
    """To nearest, ties to even."""
    scaled = number * 2.0**fraction_bits
    return round(scaled) if abs(scaled) < 1 << 60 else floor(scaled)


def fraction_bits_for(statistics: Statistics, width: int, overflow: float = 0.0) -> int:
    """The most fraction bits with which `fixed_of` needs at most ``width`` bits."""
    fraction = width - frexp(statistics.magnitude)[1]
    while fixed_of(statistics, fraction, overflow).width > width:
        fraction -= 1
    while fixed_of(statistics, fraction + 1, overflow).width <= width and statistics.magnitude:
        fraction += 1
    return fraction
