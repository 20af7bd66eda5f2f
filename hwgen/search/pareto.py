"""The Pareto front of points whose every coordinate is to be small, and the volume that it dominates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from operator import itemgetter

Vector = tuple[float, ...]


def dominates(one: Vector, other: Vector) -> bool:
    """Whether ``one`` is nowhere larger than ``other``, and somewhere smaller."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def front(points: Sequence[Vector]) -> list[int]:
    """Places of the points that none dominates, in order; of equal points the first."""
    order = sorted(range(len(points)), key=lambda k: (points[k], k))  # what dominates a point comes before it
    if points and len(points[0]) <= 2:
        least = [math.inf, *accumulate((points[k][-1] for k in order), min)]
        first = [not place or points[order[place - 1]] != points[k] for place, k in enumerate(order)]
        return sorted(k for place, k in enumerate(order) if first[place] and points[k][-1] < least[place])
    kept: list[int] = []
    for place in order:
        if not any(points[k] == points[place] or dominates(points[k], points[place]) for k in kept):
            kept.append(place)
    return sorted(kept)


def hypervolume(points: Sequence[Vector], reference: Vector) -> float:
    """Volume of what lies between ``reference`` and the points: dominated by one of them and dominating ``reference``.

    By slices along the last coordinate, as in Knowles' hypervolume by slicing objectives: exact up to rounding.
    """
    inside = [p for p in points if all(a < r for a, r in zip(p, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(p[0] for p in inside)
    slices = sorted((inside[k] for k in front(inside)), key=itemgetter(-1))
    ends = [p[-1] for p in slices[1:]] + [reference[-1]]
    below = reference[:-1]
    return sum(
        (end - p[-1]) * hypervolume([q[:-1] for q in slices[: k + 1]], below)
        for k, (p, end) in enumerate(zip(slices, ends, strict=True))
        if end > p[-1]
    )
