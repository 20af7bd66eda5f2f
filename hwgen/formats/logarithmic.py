"""Powers of two: ``log<4>``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats.base import IntArray
from hwgen.formats.float_format import FloatFormat
from hwgen.formats.float_grid import MAX_EXPONENT, FloatGrid
from hwgen.formats.minifloat import MAX_EXPONENT_BITS


@dataclass(frozen=True)
class Log(FloatFormat):
    """Sign and ``exponent_bits``: ``2**(field - bias)``.  zero: field 0 means 0; otherwise 0 is no member.

    A real goes to the nearest member, a tie to that of even field; 0 where it is no member becomes the least positive one.
    """

    exponent_bits: int = 4
    bias: int | None = None
    zero: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.exponent_bits <= MAX_EXPONENT_BITS:
            raise self._bad(f"{self.exponent_bits} exponent bits; the range is 1 to {MAX_EXPONENT_BITS}")
        if self.bias == self._default_bias:
            object.__setattr__(self, "bias", None)  # one text, one format
        bias = self.exponent_bias
        if max(abs(bias), abs((1 << self.exponent_bits) - 1 - bias)) > MAX_EXPONENT:
            raise self._bad(f"bias {bias}: exponents up to {MAX_EXPONENT} can be computed with")

    def _bad(self, why: str) -> HwgenError:
        return HwgenError("format", f"format log<{self.exponent_bits}>", why, "see `hwgen formats` for what can be written")

    @property
    def _default_bias(self) -> int:
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def exponent_bias(self) -> int:
        """The bias, given or the usual one: ``2**(exponent_bits - 1) - 1``."""
        return self._default_bias if self.bias is None else self.bias

    @property
    def grid(self) -> FloatGrid:
        bias = self.exponent_bias
        greatest = 1 << ((1 << self.exponent_bits) - 1 - self.zero)
        return FloatGrid(1, self.zero - bias, greatest, True, self.zero, bias % 2, self.mode)

    @property
    def storage_bits(self) -> int:
        return 1 + self.exponent_bits

    def encode(self, codes: IntArray) -> IntArray:
        self.check_codes()
        leading = np.frexp(np.abs(codes).astype(np.float64))[1].astype(np.int64) - 1
        field = np.where(codes == 0, 0, leading + self.zero)
        return ((codes < 0).astype(np.int64) << self.exponent_bits) | field

    def decode_words(self, words: IntArray) -> IntArray:
        self.check_codes()
        if ((words < 0) | (words >> self.storage_bits != 0)).any():
            raise HwgenError("format", f"format {self}", f"words of {self.storage_bits} bits are not negative", "use other words")
        field = words & ((1 << self.exponent_bits) - 1)
        size = np.where((field == 0) & self.zero, 0, np.int64(1) << np.maximum(field - self.zero, 0))
        return np.where(words >> self.exponent_bits == 1, -size, size)

    def __str__(self) -> str:
        bias = "" if self.bias is None else f"bias={self.bias}"
        options = filter(None, (str(self.exponent_bits), "zero" if self.zero else "", bias, self.mode_text))
        return f"log<{','.join(options)}>{self.scale_text}"
