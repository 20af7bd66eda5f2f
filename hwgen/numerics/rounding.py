"""Rounding a real number to an integer: the only place where hwgen decides which way a tie goes."""

from __future__ import annotations

import enum
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt


class Rounding(enum.Enum):
    """Rounding modes, by the names that QONNX uses; the values are the texts that hwgen prints."""

    HALF_EVEN = "rne"
    """To nearest, ties to even (QONNX ``ROUND``, IEEE 754 default)."""
    FLOOR = "trn"
    """Toward minus infinity (``AP_TRN``)."""
    CEIL = "ceil"
    """Toward plus infinity."""
    DOWN = "trn_zero"
    """Toward zero (``AP_TRN_ZERO``)."""
    UP = "up"
    """Away from zero."""
    HALF_UP = "rnd_inf"
    """To nearest, ties away from zero (QONNX ``HALF_UP``, ``AP_RND_INF``)."""
    HALF_DOWN = "rnd_zero"
    """To nearest, ties toward zero (QONNX ``HALF_DOWN``, ``AP_RND_ZERO``)."""
    HALF_CEIL = "rnd"
    """To nearest, ties toward plus infinity (``AP_RND``)."""


def round_fraction(value: Fraction, mode: Rounding) -> int:
    """The integer that ``value`` rounds to."""
    down = floor(value)
    if value == down:
        return down
    twice_rest = 2 * (value - down)
    match mode:
        case Rounding.FLOOR:
            return down
        case Rounding.CEIL:
            return down + 1
        case Rounding.DOWN:
            return down if value > 0 else down + 1
        case Rounding.UP:
            return down + 1 if value > 0 else down
        case _:
            if twice_rest != 1:
                return down + (twice_rest > 1)
            return down + _tie_goes_up(down, mode)


def _tie_goes_up(down: int, mode: Rounding) -> bool:
    """Whether ``down + 1/2`` rounds to ``down + 1``."""
    match mode:
        case Rounding.HALF_EVEN:
            return down % 2 == 1
        case Rounding.HALF_UP:
            return down >= 0
        case Rounding.HALF_DOWN:
            return down < 0
        case _:
            return True


def level_boundary(level: int, mode: Rounding) -> tuple[Fraction, bool]:
    """Where rounding first reaches ``level``: ``(t, inclusive)``.

    A real v rounds to ``level`` or more exactly if ``v >= t`` (inclusive) or ``v > t`` (exclusive).
    """
    match mode:
        case Rounding.FLOOR:
            return Fraction(level), True
        case Rounding.CEIL:
            return Fraction(level - 1), False
        case Rounding.DOWN:
            return (Fraction(level), True) if level > 0 else (Fraction(level - 1), False)
        case Rounding.UP:
            return (Fraction(level - 1), False) if level > 0 else (Fraction(level), True)
        case _:
            return Fraction(2 * level - 1, 2), _tie_goes_up(level - 1, mode)


def round_float(value: npt.NDArray[np.floating], mode: Rounding) -> npt.NDArray[np.floating]:
    """``value`` rounded element by element, in its own floating type.

    The two ``HALF`` modes away from or toward zero add or subtract 1/2 first, as QONNX does.
    """
    match mode:
        case Rounding.HALF_EVEN:
            return np.rint(value)
        case Rounding.FLOOR:
            return np.floor(value)
        case Rounding.CEIL:
            return np.ceil(value)
        case Rounding.DOWN:
            return np.trunc(value)
        case Rounding.UP:
            return np.sign(value) * np.ceil(np.abs(value))
        case Rounding.HALF_UP:
            return np.sign(value) * np.floor(np.abs(value) + value.dtype.type(0.5))
        case Rounding.HALF_DOWN:
            return np.sign(value) * np.ceil(np.abs(value) - value.dtype.type(0.5))
        case Rounding.HALF_CEIL:
            return np.floor(value + value.dtype.type(0.5))


