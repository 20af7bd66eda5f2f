"""What minifloats and powers of two have in common: members on a `FloatGrid`, a scale, and words of sign, exponent, mantissa."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError
from hwgen.formats.base import FloatArray, IntArray, Quantized
from hwgen.formats.float_grid import FloatGrid
from hwgen.numerics.rounding import Rounding

MAX_CODE_BITS: Final = 62
MAX_LISTED_BITS: Final = 16
"""Of an element whose members are listed."""


@dataclass(frozen=True)
class FloatFormat(Quantized):
    """Element formats whose members do not lie evenly.

    Their codes are the values in units of the format's least step, so real = scale * least step * code; not every code from
    low to high is a member.  Where codes would need more than 62 bits the format still rounds floats (`quantize_real`).
    """

    scale: tuple[Fraction, ...] = (Fraction(1),)
    along: int | None = None
    mode: Rounding = Rounding.HALF_EVEN

    @property
    @abc.abstractmethod
    def grid(self) -> FloatGrid:
        """How values / scale are rounded."""

    @property
    def overflow(self) -> float | None:
        """What a value beyond the greatest member becomes: infinity or NaN; None where it saturates."""
        return None

    @property
    def mode_text(self) -> str:
        """The rounding mode as an option of the text; empty for nearest, ties to even."""
        return "" if self.mode is Rounding.HALF_EVEN else self.mode.value

    @property
    def scale_text(self) -> str:
        """Scale and axis as the text writes them; empty for 1."""
        if self.scale == (1,) and self.along is None:
            return ""
        axis = "" if self.along is None else f",axis={self.along}"
        return f"[scale={' '.join(map(str, self.scale))}{axis}]"

    @property
    def uniform(self) -> bool:
        return False

    @property
    def low(self) -> int:
        return -self.grid.greatest

    @property
    def high(self) -> int:
        return self.grid.greatest

    @property
    def greatest(self) -> Fraction:
        """The greatest member, without the scale."""
        return self.grid.greatest * Fraction(2) ** self.grid.unit

    @property
    def scales(self) -> tuple[Fraction, ...]:
        step = Fraction(2) ** self.grid.unit
        return tuple(s * step for s in self.scale)

    @property
    def axis(self) -> int | None:
        return self.along

    @property
    def rounding(self) -> Rounding:
        return self.mode

    def check_codes(self) -> None:
        """Refuses where integer codes would be too wide; floats can be rounded all the same."""
        if self.bits > MAX_CODE_BITS:
            what = f"has members whose integer codes take {self.bits} bits (limit {MAX_CODE_BITS})"
            raise HwgenError("format", f"format {str(self)[:80]!r}", what, "use fewer exponent bits")

    def members(self) -> tuple[int, ...]:
        """All codes that are members, in order.  Raises HwgenError where there are too many to list."""
        if self.storage_bits > MAX_LISTED_BITS:
            raise HwgenError("format", f"format {self}", f"has up to 2**{self.storage_bits} members", "list a smaller format")
        up = self.grid.magnitudes()
        return (*(-c for c in reversed(up)), *((0,) if self.grid.has_zero else ()), *up)

    def rounded(self, values: FloatArray) -> tuple[npt.NDArray[np.float64], FloatArray]:
        """Members nearest to ``values / scale``, overflow as the format says, and the scale, both ready to be multiplied."""
        scale = self._broadcast(self.scale, values)
        with np.errstate(over="ignore"):  # what overflows is clipped
            steps = np.asarray(values / scale, dtype=np.float64)
        return self.grid.round(steps, overflow=self.overflow), scale

    def quantize(self, values: FloatArray) -> IntArray:
        """Codes nearest to ``values``.  Raises HwgenError where a value overflows to infinity, or codes are too wide."""
        self.check_codes()
        members, _ = self.rounded(values)
        if not np.isfinite(members).all():
            what = f"a value of magnitude {float(np.abs(values).max()):.6g} overflows to {self.overflow}"
            raise HwgenError("format", f"format {str(self)[:80]!r}", what, "use a format that saturates, or another scale")
        return self.grid.codes(members)

    def quantize_real(self, values: FloatArray) -> FloatArray:
        members, scale = self.rounded(values)
        self.check_holds(values.dtype)
        return np.asarray(members.astype(values.dtype) * scale)

    def check_holds(self, dtype: npt.DTypeLike) -> None:
        """Refuses where a value of ``dtype`` may round to a member that it cannot hold."""
        grid, info = self.grid, np.finfo(dtype)
        lost = not grid.has_zero and grid.first < info.minexp - info.nmant
        if lost or grid.last >= info.maxexp:
            what = f"has members that {dtype} cannot hold"
            raise HwgenError("format", f"format {str(self)[:80]!r}", what, "compute in float64, or use another format")
