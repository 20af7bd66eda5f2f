"""Requantization by counting thresholds: ``offset + #{k : a >= t[c][k]}``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.numerics.interval import Interval
from hwgen.numerics.parts import direction, monotone_parts
from hwgen.numerics.rounding import level_boundary
from hwgen.numerics.scalar_map import Chain, ClampedAffine, Levels
from hwgen.numerics.surd import Surd


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``offset + #{k : a' >= rows[c][k]}`` with ``a' = ~a = -a-1`` where ``invert[c]``, else ``a' = a``.

    rows: ascending thresholds, one tuple a channel, all of one length.  A decreasing function (a negative batch-norm
    gain) is an increasing one of ``~a``.
    """

    rows: tuple[tuple[int, ...], ...]
    invert: tuple[bool, ...]
    offset: int


def _affine_first(affine: ClampedAffine, level: int, levels: Levels, falling: bool) -> int:
    """Least a (or ~a if falling) at which the unclamped map reaches ``level``; its gain is not zero."""
    boundary, inclusive = level_boundary(level, levels.rounding)
    gain, bias = affine.gain.rational, affine.bias.rational
    if gain is not None and bias is not None:
        exact = (boundary - bias) / gain
        floor = exact.numerator // exact.denominator
        whole = exact.denominator == 1
    else:
        root = (Surd.of(boundary) - affine.bias) * affine.gain.inverse()
        floor = root.floor()
        whole = (root - Surd.of(floor)).sign() == 0
    if falling:  # reached for a <= root (or a < root): ~a >= ~floor
        return ~(floor if inclusive or not whole else floor - 1)
    return floor if inclusive and whole else floor + 1


def _affine_row(affine: ClampedAffine, levels: Levels, domain: Interval, falling: bool) -> tuple[int, ...]:
    always, never = (~domain.high, ~domain.low + 1) if falling else (domain.low, domain.high + 1)
    least = levels.of_limit(affine.low, levels.low)
    most = levels.of_limit(affine.high, levels.high)
    row = []
    for level in range(levels.low + 1, levels.high + 1):
        if level <= least:
            row.append(always)
        elif level > most:
            row.append(never)
        else:
            row.append(min(max(_affine_first(affine, level, levels, falling), always), never))
    return tuple(row)


def _searched_row(chain: Chain, levels: Levels, domain: Interval, falling: bool) -> tuple[int, ...]:
    """Thresholds of any monotone chain, by bisection on the domain."""
    low, high = (~domain.high, ~domain.low) if falling else (domain.low, domain.high)
    row = []
    for level in range(levels.low + 1, levels.high + 1):
        first, last = low, high + 1
        while first < last:
            middle = (first + last) // 2
            if levels.reaches(chain, ~middle if falling else middle, level):
                last = middle
            else:
                first = middle + 1
        low = first
        row.append(first)
    return tuple(row)


def find_thresholds(
    chains: Sequence[Chain], domains: Sequence[Interval], levels: Levels, *, where: str = "thresholds"
) -> Thresholds | None:
    """Thresholds equal to ``levels`` of ``chains`` (one a channel) on ``domains``, exactly; None where one is not monotone.

    where: the node, for the error.
    """
    rows, invert = [], []
    for chain, domain in zip(chains, domains, strict=True):
        affine, rising = chain.affine, direction(monotone_parts(chain, domain, where=where), levels)
        if rising is None:
            return None
        if affine is not None and affine.gain.sign() != 0:
            rising = affine.gain.sign()
            rows.append(_affine_row(affine, levels, domain, rising < 0))
        else:
            rows.append(_searched_row(chain, levels, domain, rising < 0))
        invert.append(rising < 0)
    return Thresholds(tuple(rows), tuple(invert), levels.low)
