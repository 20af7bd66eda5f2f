"""Functions that are tabulated: their certified values, in ball arithmetic (python-flint), and their float form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.numerics.surd import Surd

if TYPE_CHECKING:
    from flint import arb

    from hwgen.formats.base import FloatArray

_PRECISIONS: Final = (64, 256, 1024, 4096)


@dataclass(frozen=True, slots=True)
class RealFunction:
    """An increasing function of one real variable.  ball: enclosure of the value for a ball; array: in float64."""

    name: str
    ball: Callable[[arb], arb]
    array: Callable[[FloatArray], FloatArray]


def _sigmoid(x: FloatArray) -> FloatArray:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), 1 - 1 / (1 + np.exp(-np.abs(x))))


FUNCTIONS: Final = {
    f.name: f
    for f in (
        RealFunction("sigmoid", lambda x: 1 / (1 + (-x).exp()), _sigmoid),
        RealFunction("tanh", lambda x: x.tanh(), np.tanh),
    )
}


def _ball(value: Surd, precision_bits: int) -> arb:
    from flint import arb, fmpq

    def exact(fraction: Fraction) -> arb:
        return arb(fmpq(fraction.numerator, fraction.denominator))

    low, high = value.bounds(precision_bits)
    return exact(low) if low == high else exact(low).union(exact(high))


def certified_compare(steps: Callable[[Callable[[Surd], arb]], arb], target: Fraction) -> int:
    """-1, 0 or 1 as the value that ``steps`` computes is below, equal to or above ``target``.

    ``steps`` is given a function that turns exact numbers into balls, and computes with balls; it is called with
    growing precision until the answer is certain.  Raises HwgenError where it stays uncertain at 4096 bits.
    """
    from flint import ctx, fmpq

    wanted = fmpq(target.numerator, target.denominator)
    saved = ctx.prec
    try:
        for precision in _PRECISIONS:
            ctx.prec = precision
            difference = steps(lambda value, p=precision: _ball(value, p)) - wanted
            if difference > 0:
                return 1
            if difference < 0:
                return -1
            if difference == 0:
                return 0
    finally:
        ctx.prec = saved
    raise HwgenError(
        "undecided-tie", "table", f"a value is not told apart from {target} with {_PRECISIONS[-1]} bits",
        "change the scale before or after the function a little",
    )
