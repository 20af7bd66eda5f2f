"""A second opinion on uneven formats: their members by definition, and the nearest one by search, in exact fractions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

Words = dict[Fraction, int]
"""The word that a decision between two members falls to by its parity, by value; the magnitude's, without the sign."""


def minifloat_words(
    exponent: int, mantissa: int, bias: int, *, special: str = "", subnormals: bool = True, hidden: bool = True
) -> Words:
    """Magnitudes of all numbers of a format: what each word means, one after the other."""
    words: Words = {}
    for word in range(1 << (exponent + mantissa)):
        field, rest = word >> mantissa, Fraction(word & ((1 << mantissa) - 1), 1 << mantissa)
        top = field == (1 << exponent) - 1
        if (special == "ieee" and top) or (special == "fn" and top and word & ((1 << mantissa) - 1) == (1 << mantissa) - 1):
            continue
        if not hidden:
            value = Fraction(2) ** (field - bias) * rest
        elif field:
            value = Fraction(2) ** (field - bias) * (1 + rest)
        else:
            value = Fraction(2) ** (1 - bias) * rest if subnormals else Fraction(0)
        if hidden or value not in words or rest >= Fraction(1, 2):
            words[value] = 0 if value == 0 else word
    return words


def log_words(exponent: int, bias: int, *, zero: bool) -> Words:
    """Magnitudes of powers of two."""
    words = {Fraction(2) ** (field - bias): field for field in range(1 << exponent)}
    if zero:
        del words[Fraction(2) ** -bias]
        words[Fraction(0)] = 0
    return words


class Nearest:
    """Finds the member nearest to a value; a tie goes to the even word; beyond the greatest member it is that."""

    def __init__(self, words: Words, scale: Fraction = Fraction(1)) -> None:
        self.words, self.scale = words, scale
        self.magnitudes = sorted(words)

    def __call__(self, value: float | Fraction) -> Fraction:
        """The member, with the sign of ``value``."""
        exact = Fraction(value)
        size = abs(exact) / self.scale
        at = bisect_left(self.magnitudes, size)
        near = self.magnitudes[max(at - 1, 0) : at + 1]
        chosen = min(near, key=lambda m: (abs(m - size), self.words[m] % 2, m))
        return chosen * self.scale if exact >= 0 else -chosen * self.scale


def probes(magnitudes: Sequence[Fraction], seed: int, count: int = 400) -> np.ndarray:
    """Float32: members, the midpoints of neighbours, what lies next to both, zero, extremes, and random values.

    Members and midpoints that float32 does not hold exactly are left out.
    """
    ordered = sorted(magnitudes)
    exact = [*ordered, *((a + b) / 2 for a, b in pairwise(ordered)), ordered[-1] * 2]
    held = [float(v) for v in exact if Fraction(float(np.float32(float(v)))) == v]
    assert len(held) == len(exact), "float32 holds members and midpoints"
    centre = np.array(held, dtype=np.float32)
    near = np.concatenate([centre, np.nextafter(centre, np.float32(np.inf)), np.nextafter(centre, np.float32(-np.inf))])
    random = np.random.default_rng(seed)
    low, high = np.log2(float(ordered[1])) - 3, np.log2(float(ordered[-1])) + 2
    spread = np.exp2(random.uniform(low, high, count)).astype(np.float32)
    ends = np.array([0, 1e-45, 1e-38, 3e38], dtype=np.float32)
    every = np.concatenate([near, spread, ends])
    return np.concatenate([every, -every])
