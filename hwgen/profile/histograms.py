"""Two histograms that are filled part by part and need no range beforehand.

Both are exact counts, and the same whatever the parts are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.formats import IntArray

Float64 = npt.NDArray[np.float64]

_FRACTION_BITS: Final = 6
_SHIFT: Final = 52 - _FRACTION_BITS
_BIAS: Final = 1023
QUANTILE_ERROR: Final = 2.0 ** -(_FRACTION_BITS + 1)
"""Largest relative error of `LogHistogram.quantile`, of numbers that float64 holds with all its bits (2**-1022 and above)."""
MOST_BINS: Final = 64
_FINEST: Final = 40
"""Bins are no finer than the greatest magnitude by so many powers of two."""


@dataclass(frozen=True, slots=True, eq=False)
class LogHistogram:
    """Counts of numbers by sign and by the first bits of float64: 64 bins from one power of two to the next.

    keys: ascending; 0 and above for numbers from +0 up, -1 and below for negative ones.  counts: of each key, none 0.
    Magnitudes below 2**-1028 count as 0.
    Memory is bounded by the number of float64's exponents, not by the data.
    """

    keys: IntArray
    counts: IntArray

    @staticmethod
    def of(values: Float64) -> LogHistogram:
        """The histogram of finite numbers."""
        flat = np.ascontiguousarray(values, dtype=np.float64).ravel()
        magnitude = np.abs(flat).view(np.int64) >> _SHIFT
        keys = np.where(flat < 0, ~magnitude, magnitude)
        first = int(keys.min(initial=0))
        counts = np.bincount(keys - first)
        (found,) = np.nonzero(counts)
        return LogHistogram(found + first, counts[found])

    def merged(self, other: LogHistogram) -> LogHistogram:
        """Of both together."""
        keys, places = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        counts = np.zeros(len(keys), dtype=np.int64)
        np.add.at(counts, places, np.concatenate([self.counts, other.counts]))
        return LogHistogram(keys, counts)

    @property
    def edges(self) -> tuple[Float64, Float64]:
        """Least and greatest magnitude of each bin with its sign, ascending: every number x of it has low <= x <= high."""
        magnitude = np.where(self.keys < 0, ~self.keys, self.keys)
        near = (magnitude << _SHIFT).view(np.float64)
        far = np.where(magnitude > 0, (((magnitude + 1) << _SHIFT) - 1).view(np.float64), 0.0)
        return np.where(self.keys < 0, -far, near), np.where(self.keys < 0, -near, far)

    def quantile(self, share: float) -> float:
        """About the number at rank ``floor(share * (count - 1))`` of all in ascending order: the middle of its bin."""
        total = np.cumsum(self.counts)
        place = int(np.searchsorted(total, int(share * (int(total[-1]) - 1)), side="right"))
        low, high = (float(edge[place]) for edge in self.edges)
        return low + (high - low) / 2

    def beyond(self, least: float, greatest: float) -> int:
        """How many numbers may lie below ``least`` or above ``greatest``: at least as many as do."""
        low, high = self.edges
        return int(self.counts[(low < least) | (high > greatest)].sum())

    @property
    def powers(self) -> dict[int, tuple[int, int]]:
        """``{e: (negative, positive)}``: exact counts of the numbers of magnitude ``2**e`` up to below ``2**(e+1)``; no zeros.

        """
        found: dict[int, tuple[int, int]] = {}
        for key, count in zip(self.keys.tolist(), self.counts.tolist(), strict=True):
            magnitude = ~key if key < 0 else key
            if not magnitude:
                continue
            exponent = (magnitude >> _FRACTION_BITS) - _BIAS
            negative, positive = found.get(exponent, (0, 0))
            found[exponent] = (negative + count, positive) if key < 0 else (negative, positive + count)
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class LinearHistogram:
    """At most 64 bins of equal width, a power of two: bin k holds ``(first + k) * width <= x < (first + k + 1) * width``.

    The width is the least with which so few bins hold all: it grows with the data, by joining neighbours.
    exponent: log2 of the width; None while all numbers are 0.
    """

    exponent: int | None
    first: int
    counts: tuple[int, ...]

    @staticmethod
    def of(values: Float64) -> LinearHistogram:
        """The histogram of finite numbers."""
        low, high = float(values.min()), float(values.max())
        exponent = _exponent_for(low, high)
        if exponent is None:
            return LinearHistogram(None, 0, (values.size,))
        places = _bin_of(values, exponent).ravel()
        first = int(places.min())
        return LinearHistogram(exponent, first, tuple(np.bincount(places - first).tolist()))

    def merged(self, other: LinearHistogram) -> LinearHistogram:
        """Of both together."""
        if self.exponent is None or other.exponent is None:
            exponent = self.exponent if other.exponent is None else other.exponent
        else:
            exponent = max(self.exponent, other.exponent)
        while True:
            parts = [h.coarser(exponent) for h in (self, other)]
            first = min(p.first for p in parts)
            bins = max(p.first + len(p.counts) for p in parts) - first
            if bins <= MOST_BINS or exponent is None:
                break
            exponent += 1
        counts = [0] * bins
        for part in parts:
            for k, count in enumerate(part.counts, start=part.first - first):
                counts[k] += count
        return LinearHistogram(exponent, first, tuple(counts))

    def coarser(self, exponent: int | None) -> LinearHistogram:
        """The same numbers in bins of width ``2**exponent``, which is no less than its own."""
        if self.exponent is None or exponent is None or exponent == self.exponent:
            return LinearHistogram(exponent, self.first, self.counts)
        shift = exponent - self.exponent
        first = self.first >> shift
        counts = [0] * (((self.first + len(self.counts) - 1) >> shift) - first + 1)
        for k, count in enumerate(self.counts, start=self.first):
            counts[(k >> shift) - first] += count
        return LinearHistogram(exponent, first, tuple(counts))

    @property
    def width(self) -> float:
        """Of a bin; 0 where all numbers are 0."""
        return 0.0 if self.exponent is None else 2.0**self.exponent


def _bin_of(values: Float64, exponent: int) -> IntArray:
    return np.floor(np.ldexp(values, -exponent)).astype(np.int64)


def _exponent_for(low: float, high: float) -> int | None:
    """log2 of the least width with which at most 64 bins hold ``low`` to ``high``; None where both are 0."""
    largest = max(-low, high)
    if not largest:
        return None
    exponent = frexp(largest)[1] - _FINEST
    ends = np.array([low, high])
    while (span := np.diff(_bin_of(ends, exponent))) >= MOST_BINS:
        exponent += max(1, int(span[0] // MOST_BINS).bit_length() - 1)
    return exponent
