"""Fixed point: ``fixed<8,4>``, ``ufixed<8,4>``, and ``ap_fixed<…>`` as hls4ml writes it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hwgen.formats.base import Quantized
from hwgen.numerics.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Fixed(Quantized):
    """Two's complement of ``width`` bits, ``integer_bits`` of them before the point (the sign counts).

    The least significant bit is worth ``2**(integer_bits - width)``; integer_bits may be negative or exceed width.
    """

    width: int
    integer_bits: int
    is_signed: bool = True
    mode: Rounding = Rounding.HALF_EVEN
    wrap: bool = False

    @property
    def low(self) -> int:
        return -(1 << (self.width - 1)) if self.is_signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.width - self.is_signed)) - 1

    @property
    def scales(self) -> tuple[Fraction, ...]:
        return (Fraction(2) ** (self.integer_bits - self.width),)

    @property
    def rounding(self) -> Rounding:
        return self.mode

    @property
    def wraps(self) -> bool:
        return self.wrap

    def __str__(self) -> str:
        options = "" if self.mode is Rounding.HALF_EVEN else f",{self.mode.value}"
        return f"{'' if self.is_signed else 'u'}fixed<{self.width},{self.integer_bits}{options}{',wrap' if self.wrap else ''}>"
