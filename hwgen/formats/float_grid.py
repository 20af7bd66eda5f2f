"""Grids whose steps grow with the magnitude: how minifloats and powers of two round.

Within a binade ``2**k <= |x| < 2**(k + 1)`` the members are the multiples of ``2**(k - precision + 1)``.  Below the first
binade, ``2**first``, they are the multiples of one step more: that of the first binade (subnormals) or the binade itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.numerics.rounding import Rounding, round_float

Float64 = npt.NDArray[np.float64]

MAX_EXPONENT: Final = 900
"""Of a member, up or down: float64 holds every member, and every tie between two, exactly."""
MAX_PRECISION: Final = 50
"""Significant bits of a member, for the same reason."""


@dataclass(frozen=True, slots=True)
class FloatGrid:
    """precision: significant bits.  first: exponent of the first binade.

    greatest: largest member, in units of ``2**unit``.  subnormals: whether the first binade's step goes on below it.
    has_zero: whether 0 is a member.  even_field: parity of the exponents whose field in the word is even; decides ties where
    precision is 1.
    """

    precision: int
    first: int
    greatest: int
    subnormals: bool
    has_zero: bool
    even_field: int
    mode: Rounding

    @property
    def unit(self) -> int:
        """Exponent of the least step between members; what grid codes count."""
        return self.first - self.precision + 1

    @property
    def last(self) -> int:
        """Exponent of the greatest member."""
        return self.unit + self.greatest.bit_length() - 1

    def round(self, values: Float64, *, overflow: float | None = None) -> Float64:
        """The members that ``values`` round to: nearest, a tie to the even word, or in another mode of `Rounding`.

        What lies beyond the greatest member becomes that, or ``overflow`` (with the sign) where given.  Exact.
        """
        exponents = np.frexp(values)[1].astype(np.int64) - 1
        steps = np.where(exponents < self.first, self.unit if self.subnormals else self.first, exponents - (self.precision - 1))
        scaled = np.ldexp(values, -steps)
        rounded = round_float(scaled, self.mode)
        if self.precision == 1 and self.mode is Rounding.HALF_EVEN:
            stays = (np.abs(scaled) == 1.5) & ((exponents - self.even_field) % 2 == 0)
            rounded = np.where(stays, np.sign(scaled), rounded)
        members = np.ldexp(rounded, steps)
        top = np.ldexp(float(self.greatest), self.unit)
        if not self.has_zero:
            least = 2.0**self.first
            members = np.where(np.abs(members) < least, np.where(values < 0, -least, least), members)
        beyond = np.abs(members) > top
        return np.where(beyond, np.copysign(top if overflow is None else overflow, members), members)

    def codes(self, members: Float64) -> npt.NDArray[np.int64]:
        """Finite members in units of the least step; these must fit into 62 bits."""
        return np.ldexp(members, -self.unit).astype(np.int64)

    def magnitudes(self) -> list[int]:
        """The positive members in units of the least step, from small to large."""
        start, step = 1 << (self.precision - 1), 1
        result = list(range(1, start)) if self.subnormals else []
        while start <= self.greatest:
            result += range(start, min(2 * start, self.greatest + 1), step)
            start, step = 2 * start, 2 * step
        return result
