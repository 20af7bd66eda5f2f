"""Intervals of integers, and the bounds of a matrix product that accumulator widths follow from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError

IntArray = npt.NDArray[np.int64]
SAFE_BITS = 62
"""Integers of so many bits are computed in int64 with no risk of overflow."""


@dataclass(frozen=True, slots=True)
class Interval:
    """All integers from ``low`` to ``high``, both included."""

    low: int
    high: int


class OverflowRisk(HwgenError):
    """Bounds that int64 cannot hold for certain."""

    def __init__(self, what: str) -> None:
        super().__init__("overflow", "integer bounds", what, f"use narrower weights or activations (limit {SAFE_BITS} bits)")


def accumulator_bounds(weight: IntArray, x: Interval, bias: IntArray | None = None) -> tuple[IntArray, IntArray]:
    """Least and greatest value that each row of ``weight @ x + bias`` can take; both are reached.

    weight: (out, in) integer codes.  x: codes of the input, one interval for all elements.  bias: (out,).
    Returns (low, high), each (out,), int64.  Raises OverflowRisk where 62 bits do not suffice.
    """
    widest = max(-int(weight.min(initial=0)), int(weight.max(initial=0)))
    if (widest * weight.shape[1]).bit_length() > SAFE_BITS:
        raise OverflowRisk(f"a row of weights can sum up to {widest * weight.shape[1]}")
    positive = np.maximum(weight, 0).sum(axis=1)
    negative = np.minimum(weight, 0).sum(axis=1)
    largest = int(np.abs(weight).sum(axis=1).max(initial=0)) * max(abs(x.low), abs(x.high), 1)
    if bias is not None:
        largest += int(np.abs(bias).max(initial=0))
    if largest.bit_length() > SAFE_BITS:
        raise OverflowRisk(f"an accumulator can reach {largest}")
    low, high = positive * x.low + negative * x.high, positive * x.high + negative * x.low
    return (low, high) if bias is None else (low + bias, high + bias)
