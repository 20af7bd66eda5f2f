"""Requantization by ``(a*m + b) >> s``: the least shift that is right on every reachable accumulator value.

Rounding to a whole number is written as one or two floors of a rational line (`rounding_lines`); ties to even
need two, because the steps of one line differ in length by at most one and those of half-to-even do not.
Each floor is replaced by a multiplication and a shift, proven equal on the whole range by `floor_line.max_along`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hwgen.numerics.floor_line import floor_sum, max_along
from hwgen.numerics.interval import Interval
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.scalar_map import ClampedAffine, Levels
from hwgen.numerics.surd import Surd

_MAX_SHIFT: Final = 128
_PRECISIONS_BITS: Final = (128, 256, 512)


@dataclass(frozen=True, slots=True)
class Line:
    """``floor((p*a + q) / d)``, d > 0."""

    p: int
    q: int
    d: int

    def total(self, domain: Interval) -> int:
        """Sum of the line's floors over ``domain``."""
        return floor_sum(domain.high - domain.low + 1, self.p, self.q + self.p * domain.low, self.d)


@dataclass(frozen=True, slots=True)
class ScaleShift:
    """``clip(sum_j (a*m[c] + b[c][j]) >> shift, low, high)`` for channel c; one sum or two.

    multipliers: one integer a channel.  offsets: one tuple of one or two integers a channel.
    wrap: the result is taken modulo ``high - low + 1`` into ``low..high`` instead of being clipped.
    """

    multipliers: tuple[int, ...]
    offsets: tuple[tuple[int, ...], ...]
    shift: int
    low: int
    high: int
    wrap: bool = False


def _ties_up(line: Line) -> Line:
    return Line(2 * line.p, 2 * line.q + line.d, 2 * line.d)


def _ties_down(line: Line) -> Line:
    return Line(2 * line.p, 2 * line.q + line.d - 1, 2 * line.d)


def _upward(line: Line) -> Line:
    return Line(line.p, line.q + line.d - 1, line.d)


def _ties_even(line: Line) -> tuple[Line, Line]:
    # round(v) = floor((v + 1/2) / 2) + ceil((v - 1/2) / 2): odd-to-even steps include the tie, even-to-odd ones do not
    p, q, d = line.p, line.q, line.d
    return Line(2 * p, 2 * q + d, 4 * d), Line(2 * p, 2 * q + 3 * d - 1, 4 * d)


def rounding_lines(line: Line, domain: Interval, mode: Rounding) -> tuple[Line, ...] | None:
    """Lines whose floors sum to ``round((p*a + q) / d)`` for every a of ``domain``; None where no such pair exists."""
    up, down = _ties_up(line), _ties_down(line)
    ends = (line.p * domain.low + line.q, line.p * domain.high + line.q)
    not_negative, not_positive = min(ends) >= 0, max(ends) <= 0
    match mode:
        case Rounding.FLOOR:
            return (line,)
        case Rounding.CEIL:
            return (_upward(line),)
        case Rounding.DOWN | Rounding.UP:
            if not_negative:
                return (line,) if mode is Rounding.DOWN else (_upward(line),)
            if not_positive:
                return (_upward(line),) if mode is Rounding.DOWN else (line,)
            return None
        case Rounding.HALF_CEIL:
            return (up,)
        case Rounding.HALF_EVEN:
            even = _ties_even(line)
            total = sum(part.total(domain) for part in even)
            # every function here lies between ties down and ties up, so equal sums mean equal everywhere
            if total == up.total(domain):
                return (up,)
            return (down,) if total == down.total(domain) else even
        case Rounding.HALF_UP | Rounding.HALF_DOWN:
            if up.total(domain) == down.total(domain):
                return (up,)
            if not_negative:
                return (up,) if mode is Rounding.HALF_UP else (down,)
            if not_positive:
                return (down,) if mode is Rounding.HALF_UP else (up,)
            return None


def _rational(value: Surd, precision_bits: int) -> tuple[Fraction, Fraction]:
    """A short rational near ``value`` and a bound of its distance."""
    rational = value.rational
    if rational is not None:
        return rational, Fraction(0)
    low, high = value.bounds(precision_bits)
    middle = Fraction(round((low + high) / 2 * (1 << precision_bits)), 1 << precision_bits)
    return middle, max(high - middle, middle - low)


def rational_line(affine: ClampedAffine, domain: Interval) -> Line | None:
    """A rational line that rounds like ``affine`` (unclamped) everywhere on ``domain``.

    With irrational coefficients it is an approximation proven to round alike in every mode; None where a tie or a
    whole number is hit so closely that no approximation is certain.
    """
    reach = max(abs(domain.low), abs(domain.high))
    for precision in _PRECISIONS_BITS:
        gain, gain_error = _rational(affine.gain, precision)
        bias, bias_error = _rational(affine.bias, precision)
        error = gain_error * reach + bias_error
        line = _line(gain, bias)
        if not error:
            return line
        below, above = _line(gain, bias - error), _line(gain, bias + error)
        # whole numbers and halves are both steps of floor(2*v): no step lies within the error of any point
        twice = (Line(2 * below.p, 2 * below.q, below.d), Line(2 * above.p, 2 * above.q, above.d))
        if twice[0].total(domain) == twice[1].total(domain):
            return line
    return None


def _line(gain: Fraction, bias: Fraction) -> Line:
    denominator = gain.denominator * bias.denominator
    return Line(gain.numerator * bias.denominator, bias.numerator * gain.denominator, denominator)


def active_domain(line: Line, domain: Interval, levels: Levels) -> Interval:
    """The part of ``domain`` where the result is not certainly saturated, and one place more on either side."""
    if line.p == 0 or levels.wrap:
        return domain
    edges = []
    for level in (levels.low - 1, levels.high + 1):
        edges.append((level * line.d - line.q) // line.p)
    low, high = min(edges) - 1, max(edges) + 2
    low, high = max(low, domain.low), min(high, domain.high)
    if low > high:  # saturated everywhere: the end nearest to the active part decides
        end = domain.low if high < domain.low else domain.high
        return Interval(end, end)
    return Interval(low, high)


def _offset(line: Line, domain: Interval, multiplier: int, shift: int) -> int | None:
    """Least b with ``(a*multiplier + b) >> shift == floor(line(a))`` on all of ``domain``, or None."""
    unit = 1 << shift
    least = max_along(domain.low, domain.high, -multiplier, unit, line.p, line.q, line.d)
    most = unit - 1 - max_along(domain.low, domain.high, multiplier, -unit, line.p, line.q, line.d)
    return least if least <= most else None


@dataclass(frozen=True, slots=True)
class _Channel:
    lines: tuple[Line, ...]
    domain: Interval

    def solve(self, shift: int) -> tuple[int, tuple[int, ...]] | None:
        """Multiplier and offsets that are right with this shift."""
        line = self.lines[0]
        below = (line.p << shift) // line.d
        for multiplier in (below, below + 1):
            if multiplier * line.p >= 0 and (offsets := self.offsets(multiplier, shift)) is not None:
                return multiplier, offsets
        return None

    def offsets(self, multiplier: int, shift: int) -> tuple[int, ...] | None:
        """Offsets that are right with this multiplier and shift."""
        offsets = tuple(_offset(part, self.domain, multiplier, shift) for part in self.lines)
        found = tuple(o for o in offsets if o is not None)
        return found if len(found) == len(offsets) else None


def find_scale_shift(
    channels: Sequence[ClampedAffine], domains: Sequence[Interval], levels: Levels
) -> ScaleShift | None:
    """The ScaleShift of least shift equal to ``levels`` of ``channels`` on ``domains``; None where there is none.

    None also where clamps differ between channels, as the hardware clips all channels alike.
    """
    limits = {
        (levels.of_limit(c.low, levels.low), levels.of_limit(c.high, levels.high)) for c in channels
    }
    if len(limits) != 1 or (levels.wrap and any(c.low is not None or c.high is not None for c in channels)):
        return None
    ((low, high),) = limits
    clipped = Levels(low, high, levels.rounding, levels.wrap)
    solved: list[_Channel] = []
    for affine, domain in zip(channels, domains, strict=True):
        line = rational_line(affine, domain)
        if line is None:
            return None
        active = active_domain(line, domain, clipped)
        lines = rounding_lines(line, active, levels.rounding)
        if lines is None:
            return None
        solved.append(_Channel(lines, active))
    if len({len(c.lines) for c in solved}) > 1:  # two sums for all where one channel needs them
        solved = [c if len(c.lines) == 2 else _Channel(_as_two(c), c.domain) for c in solved]
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for channel in solved:
        own = next(((s, *r) for s in range(_MAX_SHIFT) if (r := channel.solve(s)) is not None), None)
        if own is None:
            return None
        found.append(own)
    shift = max(s for s, _, _ in found)
    common = Counter(m << (shift - s) for s, m, _ in found).most_common(1)[0][0]
    multipliers: list[int] = []
    all_offsets: list[tuple[int, ...]] = []
    for channel, (own_shift, multiplier, offsets) in zip(solved, found, strict=True):
        # one multiplier for many channels is cheaper (and 1 is free): a channel that hardly varies can share it
        shared = channel.offsets(common, shift) if common * channel.lines[0].p >= 0 else None
        multipliers.append(common if shared is not None else multiplier << (shift - own_shift))
        all_offsets.append(shared if shared is not None else tuple(b << (shift - own_shift) for b in offsets))
    return ScaleShift(tuple(multipliers), tuple(all_offsets), shift, low, high, levels.wrap)


def _as_two(channel: _Channel) -> tuple[Line, Line]:
    """One floor as a sum of two: ``floor(x) = floor(x/2) + floor((x+1)/2)`` where x is itself a floor."""
    (line,) = channel.lines
    return Line(line.p, line.q, 2 * line.d), Line(line.p, line.q + line.d, 2 * line.d)
