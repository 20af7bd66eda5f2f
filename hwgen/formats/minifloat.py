"""Small floating point: ``minifloat<4,3>``, with the special words that the formats in use have."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats.base import IntArray
from hwgen.formats.float_format import FloatFormat
from hwgen.formats.float_grid import MAX_EXPONENT, MAX_PRECISION, FloatGrid

MAX_EXPONENT_BITS: Final = 10


class Specials(enum.Enum):
    """Words that are no finite number; the values are the texts."""

    NONE = ""
    """None: every word is a number (OCP's fp6 and fp4)."""
    IEEE = "ieee"
    """The greatest exponent means infinity and NaN (e5m2)."""
    FN = "fn"
    """The greatest exponent with the greatest mantissa is NaN, no infinities (e4m3fn)."""
    FNUZ = "fnuz"
    """Negative zero is NaN, no infinities (e4m3fnuz)."""


@dataclass(frozen=True)
class Minifloat(FloatFormat):
    """Sign, ``exponent_bits``, ``mantissa_bits``: ``2**(field - bias) * 1.mantissa``.

    subnormals: field 0 means ``2**(1 - bias) * 0.mantissa``; without them it means 0 whatever the mantissa.
    hidden: whether the mantissa has a leading one that is not stored; without it every field means
    ``2**(field - bias) * 0.mantissa`` ("denormed").  overflows: to infinity, or NaN where there is none, instead of saturating.
    limit: the greatest member where that is less than what the words hold.
    """

    exponent_bits: int = 4
    mantissa_bits: int = 3
    bias: int | None = None
    specials: Specials = Specials.NONE
    subnormals: bool = True
    hidden: bool = True
    overflows: bool = False
    limit: Fraction | None = None

    def __post_init__(self) -> None:
        e, m = self.exponent_bits, self.mantissa_bits
        if not 1 <= e <= MAX_EXPONENT_BITS or not 0 <= m <= MAX_PRECISION - 1:
            ranges = f"1 to {MAX_EXPONENT_BITS} and 0 to {MAX_PRECISION - 1}"
            raise self._bad(f"{e} exponent and {m} mantissa bits; the ranges are {ranges}")
        if not self.hidden and (m < 2 or self.specials is not Specials.NONE or not self.subnormals):
            raise self._bad("without a hidden bit there are two mantissa bits or more, no special words, and no `nosub`")
        if e == 1 and (self.specials is Specials.IEEE or (self.specials is Specials.FN and m == 0)):
            raise self._bad("one exponent bit, and the greatest exponent is no number")
        if self.overflows and self.specials is Specials.NONE:
            raise self._bad("overflows, but has no infinity and no NaN")
        if self.bias == self._default_bias:
            object.__setattr__(self, "bias", None)  # one text, one format
        if max(abs(self._exponent(0)), abs(self._exponent((1 << e) - 1))) + m > MAX_EXPONENT:
            raise self._bad(f"bias {self.bias}: exponents up to {MAX_EXPONENT} can be computed with")
        self._check_limit()

    def _check_limit(self) -> None:
        if self.limit is None:
            return
        code = self.limit / Fraction(2) ** self._unit
        greatest, precision = self._greatest_of_words, self.mantissa_bits + self.hidden
        rest = (1 << max(0, code.numerator.bit_length() - precision)) - 1
        if code.denominator != 1 or not 1 << (precision - 1) <= code <= greatest or code.numerator & rest:
            raise self._bad(f"max={self.limit} is no normal member")
        if code == greatest:
            object.__setattr__(self, "limit", None)

    def _bad(self, why: str) -> HwgenError:
        where = f"format minifloat<{self.exponent_bits},{self.mantissa_bits}>"
        return HwgenError("format", where, why, "see `hwgen formats` for what can be written")

    @property
    def _default_bias(self) -> int:
        return (1 << (self.exponent_bits - 1)) - (self.specials is not Specials.FNUZ)

    @property
    def exponent_bias(self) -> int:
        """The bias, given or the usual one: ``2**(exponent_bits - 1) - 1``, one more for ``fnuz``."""
        return self._default_bias if self.bias is None else self.bias

    def _exponent(self, field: int) -> int:
        """Of the leading bit of a normalised member with that field."""
        return field - self.exponent_bias - (not self.hidden)

    @property
    def _first(self) -> int:
        return self._exponent(1 if self.hidden else 0)

    @property
    def _unit(self) -> int:
        return self._first - (self.mantissa_bits + self.hidden) + 1

    @property
    def _greatest_of_words(self) -> int:
        """In units of the least step."""
        precision = self.mantissa_bits + self.hidden
        field, mantissa = (1 << self.exponent_bits) - 1, (1 << precision) - 1
        if self.specials is Specials.IEEE or (self.specials is Specials.FN and self.mantissa_bits == 0):
            field -= 1
        elif self.specials is Specials.FN:
            mantissa -= 1
        return mantissa << (self._exponent(field) - self._first)

    @property
    def grid(self) -> FloatGrid:
        greatest = self._greatest_of_words if self.limit is None else int(self.limit / Fraction(2) ** self._unit)
        even_field = (self.exponent_bias + (not self.hidden)) % 2
        return FloatGrid(
            self.mantissa_bits + self.hidden, self._first, greatest, self.subnormals, True, even_field, self.mode
        )

    @property
    def storage_bits(self) -> int:
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def overflow(self) -> float | None:
        if not self.overflows:
            return None
        return float("inf") if self.specials is Specials.IEEE else float("nan")

    def encode(self, codes: IntArray) -> IntArray:
        self.check_codes()
        size = np.abs(codes)
        leading = np.frexp(size.astype(np.float64))[1].astype(np.int64) - 1  # of at most `precision` significant bits: exact
        precision = self.mantissa_bits + self.hidden
        shift = np.maximum(leading - (precision - 1), 0)  # field above the first binade's
        normal = leading >= precision - 1
        field = np.where(normal, shift + self.hidden, 0)
        mantissa = (size >> shift) & ((1 << self.mantissa_bits) - 1)
        sign = (codes < 0).astype(np.int64)
        return (((sign << self.exponent_bits) | field) << self.mantissa_bits) | mantissa

    def decode_words(self, words: IntArray) -> IntArray:
        self.check_codes()
        e, m = self.exponent_bits, self.mantissa_bits
        negative, field, mantissa = words >> (e + m), (words >> m) & ((1 << e) - 1), words & ((1 << m) - 1)
        leading = np.where((field > 0) & self.hidden, 1 << m, 0) if self.subnormals else np.where(field > 0, 1 << m, 0)
        mantissa = mantissa if self.subnormals else np.where(field > 0, mantissa, 0)
        size = (leading + mantissa) << np.maximum(field - self.hidden, 0)
        bad = (words < 0) | (words >> self.storage_bits != 0) | (size > self.high)
        if self.specials is Specials.FNUZ:
            bad |= (negative == 1) & (field == 0) & (mantissa == 0)
        if bad.any():
            what = f"word {int(words[bad].ravel()[0]):#x} is no finite number"
            raise HwgenError("format", f"format {self}", what, "use other words")
        return np.where(negative == 1, -size, size)

    def __str__(self) -> str:
        options = [
            str(self.exponent_bits), str(self.mantissa_bits), self.specials.value, "" if self.bias is None else f"bias={self.bias}",
            "" if self.subnormals else "nosub", "" if self.hidden else "denormed", "inf" if self.overflows else "",
            "" if self.limit is None else f"max={self.limit}", self.mode_text,
        ]
        return f"minifloat<{','.join(filter(None, options))}>{self.scale_text}"
