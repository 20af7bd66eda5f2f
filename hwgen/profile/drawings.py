"""The drawings of the page: how values lie against the range of their type, on one axis of powers of two for all; histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log2, sqrt
from typing import Final

from markupsafe import Markup

from hwgen.formats import Format, Quantized
from hwgen.profile.statistics import LEVELS, Statistics
from hwgen.report.svg import element, percent, track

_HALF: Final = 13.0
_ROW_HEIGHT: Final = 34
_TAIL: Final = 0.001
"""Of a value's numbers that may lie left of the axis; they are drawn at its end."""
_MARKS: Final = 12
_MOST_POWERS: Final = 60
_BARS_HEIGHT: Final = 26


@dataclass(frozen=True, slots=True)
class PowerAxis:
    """Magnitudes from ``2**low`` up to ``2**high``."""

    low: int
    high: int

    @staticmethod
    def of(seen: Sequence[Statistics], formats: Sequence[Format]) -> PowerAxis:
        """Room for all numbers but the smallest, and for the steps of all types."""
        ranges = [r for r in map(type_range, formats) if r is not None]
        high = max([max(s.log.powers, default=0) + 1 for s in seen] + [top for _, top in ranges], default=1)
        low = min([_first_power(s) for s in seen if s.log.powers] + [bottom for bottom, _ in ranges], default=high - 1)
        return PowerAxis(max(low, high - _MOST_POWERS), high)

    def place(self, power: float) -> str:
        """Of ``2**power`` along the axis; what lies beyond stands at the ends."""
        return percent(min(max(power, self.low), self.high) - self.low, self.high - self.low)

    def width(self, first: float, last: float) -> str:
        """Of the stretch between two powers."""
        a, b = (min(max(power, self.low), self.high) for power in (first, last))
        return percent(max(0.0, b - a), self.high - self.low)

    @property
    def marks(self) -> tuple[int, ...]:
        """Powers that are named."""
        step = next(s for s in (1, 2, 4, 8, 16) if (self.high - self.low) / s <= _MARKS)
        return tuple(range(-(-self.low // step) * step, self.high + 1, step))

    @property
    def drawing(self) -> Markup:
        """The axis with its powers."""
        parts: list[Markup] = []
        for mark in self.marks:
            anchor = "start" if mark == self.low else "end" if mark == self.high else "middle"
            parts.append(element("line", class_="grid", x1=self.place(mark), x2=self.place(mark), y1=0, y2=5))
            parts.append(element("text", f"2^{mark}".replace("-", "−"), x=self.place(mark), y=17, text_anchor=anchor))
        return track(*parts, height=22, class_="axis")


def _first_power(seen: Statistics) -> int:
    """The power of two below which no more than a small share of the numbers lies."""
    below = 0
    for power, pair in seen.log.powers.items():
        below += sum(pair)
        if below > _TAIL * seen.count:
            return power
    return max(seen.log.powers, default=0)


def type_range(format_: Format) -> tuple[int, int] | None:
    """Powers of two of the least step of a type, and of its end; None where it has none of its own (reals, blocks, binary)."""
    if not isinstance(format_, Quantized) or format_.bipolar:
        return None
    ends = [abs(end - zero) for end in (format_.low, format_.high) for zero in format_.zeros]
    most, least = max(ends) * max(format_.scales), min(format_.scales)
    return floor(log2(least)), ceil(log2(most))


def magnitudes(seen: Statistics, axis: PowerAxis, format_: Format | None) -> Markup:
    """Positive numbers upwards and negative ones downwards, by powers of two; behind them what the type can represent.

    Heights grow with the square root of the counts, the tallest bar of each value alike.
    """
    parts = [element("line", class_="grid", x1=axis.place(m), x2=axis.place(m), y1=0, y2=_ROW_HEIGHT) for m in axis.marks]
    reach = None if format_ is None else type_range(format_)
    if reach is not None:
        low, high = reach
        width = axis.width(low, high)
        parts.append(element("rect", class_="groove", x=axis.place(low), y=1, width=width, height=_ROW_HEIGHT - 2, rx=2.0))
    counts: dict[int, tuple[int, int]] = {}
    for power, (negative, positive) in seen.log.powers.items():
        at = min(max(power, axis.low), axis.high - 1)
        before = counts.get(at, (0, 0))
        counts[at] = (before[0] + negative, before[1] + positive)
    most = sqrt(max((max(pair) for pair in counts.values()), default=1))
    middle = _ROW_HEIGHT / 2
    for power, pair in counts.items():
        outside = reach is not None and not reach[0] - 1 <= power < reach[1]
        for count, up in zip(pair, (False, True), strict=True):
            height = _HALF * sqrt(count) / most
            if count:
                parts.append(
                    element(
                        "rect", class_="end" if outside else "bin", x=axis.place(power), y=middle - height if up else middle,
                        width=axis.width(power, power + 0.9), height=max(height, 0.8),
                    )
                )
    parts.append(element("line", class_="base", x1=0, x2="100%", y1=middle, y2=middle))
    return track(*parts, height=_ROW_HEIGHT, class_="magnitudes")


def linear(seen: Statistics) -> Markup:
    """The numbers on their own scale, heights by square root; under them least, quartiles and greatest."""
    bins = seen.bins
    span, most = len(bins.counts), sqrt(max(bins.counts))
    bars = [
        element(
            "rect", class_="bin", x=percent(k, span), y=_BARS_HEIGHT + 2 - _BARS_HEIGHT * sqrt(count) / most,
            width=percent(1, span), height=_BARS_HEIGHT * sqrt(count) / most,
        )
        for k, count in enumerate(bins.counts) if count
    ]
    base = element("line", class_="base", x1=0, x2="100%", y1=_BARS_HEIGHT + 2.5, y2=_BARS_HEIGHT + 2.5)
    if not bins.width:
        return track(*bars, base, height=_BARS_HEIGHT + 12, class_="histogram")
    places = [
        percent(seen.quantiles[LEVELS.index(level)] / bins.width - bins.first, span) for level in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    y = _BARS_HEIGHT + 8
    box = [
        element("line", class_="whisker", x1=places[0], x2=places[-1], y1=y, y2=y),
        element("line", class_="quartiles", x1=places[1], x2=places[3], y1=y, y2=y),
        element("circle", class_="median", cx=places[2], cy=y, r=2.2),
    ]
    return track(*bars, base, *box, height=_BARS_HEIGHT + 12, class_="histogram")


def decibel_bar(snr_db: float, most: float) -> Markup:
    """A bar as long as the ratio; full where there is no error."""
    share = 1.0 if snr_db > most else max(0.0, snr_db) / most if most else 0.0
    return track(
        element("rect", class_="groove", x=0, y=3, width="100%", height=8, rx=2.0),
        element("rect", class_="c0", x=0, y=3, width=percent(share, 1.0), height=8, rx=2.0),
        height=14, class_="share",
    )
