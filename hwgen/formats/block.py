"""Block formats: elements that share a power-of-two scale, one a block of neighbours along an axis.

The shared exponent s of a block is that of its largest magnitude, less that of the largest member (the rule of the OCP
Microscaling specification 1.0, section 6.3); its members are the element format's, times ``2**s``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError
from hwgen.formats.affine import Affine
from hwgen.formats.base import FloatArray, Format, IntArray, Quantized
from hwgen.formats.float_format import FloatFormat
from hwgen.formats.logarithmic import Log
from hwgen.formats.minifloat import Minifloat

MAX_SHARED_BITS: Final = 8
MAX_BLOCK: Final = 1 << 20


@dataclass(frozen=True, eq=False, slots=True)
class BlockCodes:
    """exponents: s, (…, blocks).  elements: codes of the element format, (…, values along the axis)."""

    exponents: IntArray
    elements: IntArray


@dataclass(frozen=True)
class Block(Format):
    """``size`` elements along an axis share an exponent of ``exponent_bits``; the last block of an axis may be shorter.

    element: without a scale of its own, saturating.  along: the axis where none is given.
    reserves_nan: the greatest word of the exponent is NaN (E8M0), and not used.
    """

    element: Quantized
    exponent_bits: int
    size: int
    reserves_nan: bool = False
    along: int = -1

    def __post_init__(self) -> None:
        if not 1 <= self.exponent_bits <= MAX_SHARED_BITS or not 1 <= self.size <= MAX_BLOCK:
            ranges = f"the ranges are 1 to {MAX_SHARED_BITS} and 1 to {MAX_BLOCK}"
            why = f"{self.exponent_bits} bits shared by {self.size} elements; {ranges}"
            raise HwgenError("format", "block format", why, "see `hwgen formats` for what can be written")
        if isinstance(self.element, FloatFormat) and (self.element.overflow is not None or self.element.scale != (1,)):
            why = f"elements {self.element} overflow or have a scale of their own"
            raise HwgenError("format", "block format", why, "use elements that saturate, without a scale")

    @property
    def storage_bits(self) -> Fraction:
        """Bits that an element takes in memory, its share of the exponent included."""
        return self.element.storage_bits + Fraction(self.exponent_bits, self.size)

    @property
    def bias(self) -> int:
        """Of the shared exponent's word."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def exponents(self) -> tuple[int, int]:
        """Least and greatest shared exponent."""
        return -self.bias, (1 << self.exponent_bits) - 1 - self.reserves_nan - self.bias

    @property
    def element_exponent(self) -> int:
        """Exponent of the largest member of the element format."""
        greatest = self.element.high * self.element.scales[0]
        return greatest.numerator.bit_length() - greatest.denominator.bit_length()

    def size_on(self, length: int) -> int:
        """Elements that a block has on an axis of that length: not more than there are."""
        return max(1, min(self.size, length))

    def shared_exponents(self, blocks: npt.NDArray[np.float64]) -> IntArray:
        """Of blocks (…, elements): (…)."""
        largest = np.abs(blocks).max(axis=-1)
        exponents = np.frexp(largest)[1].astype(np.int64) - 1 - self.element_exponent
        low, high = self.exponents
        return np.where(largest > 0, np.clip(exponents, low, high), low)

    def _blocks(self, values: FloatArray, axis: int | None) -> npt.NDArray[np.float64]:
        """(…, blocks, elements), zeros after the end."""
        moved = np.moveaxis(np.asarray(values, np.float64), self.along if axis is None else axis, -1)
        length = moved.shape[-1]
        size = self.size_on(length)
        blocks = -(-length // size)
        padded = np.zeros((*moved.shape[:-1], blocks * size))
        padded[..., :length] = moved
        return padded.reshape(*moved.shape[:-1], blocks, size)

    def _joined(self, blocks: npt.NDArray[np.generic], like: FloatArray, axis: int | None) -> npt.NDArray[np.generic]:
        """Inverse of `_blocks`."""
        axis = self.along if axis is None else axis
        flat = blocks.reshape(*blocks.shape[:-2], -1)[..., : like.shape[axis]]
        return np.ascontiguousarray(np.moveaxis(flat, -1, axis))

    def quantize(self, values: FloatArray, axis: int | None = None) -> BlockCodes:
        """Shared exponents (the blocks on the last axis) and element codes (in the shape of ``values``)."""
        blocks = self._blocks(values, axis)
        exponents = self.shared_exponents(blocks)
        codes = self.element.quantize(np.ldexp(blocks, -exponents[..., None]))
        return BlockCodes(exponents, self._joined(codes, values, axis).astype(np.int64))

    def encode(self, codes: BlockCodes) -> tuple[IntArray, IntArray]:
        """Words of the exponents (biased, as E8M0 is) and of the elements."""
        return codes.exponents + self.bias, self.element.encode(codes.elements)

    def decode_words(self, exponents: IntArray, elements: IntArray) -> BlockCodes:
        """Inverse of `encode`.  Raises HwgenError for words that are no number."""
        shared, (low, high) = exponents - self.bias, self.exponents
        if ((shared < low) | (shared > high)).any():
            raise HwgenError("format", f"format {self}", f"shared exponents lie from {low} to {high}", "use other words")
        return BlockCodes(shared, self.element.decode_words(elements))

    def decode(self, codes: BlockCodes, axis: int | None = None) -> npt.NDArray[np.float64]:
        """The reals of what `quantize` made."""
        axis = self.along if axis is None else axis
        length = codes.elements.shape[axis]
        along = np.moveaxis(np.repeat(codes.exponents, self.size_on(length), axis=-1)[..., :length], -1, axis)
        return np.ldexp(self.element.decode(codes.elements), along)

    def quantize_real(self, values: FloatArray, axis: int | None = None) -> FloatArray:
        """The members nearest to ``values``, in their own floating type.  Exact."""
        blocks = self._blocks(values, axis)
        exponents = self.shared_exponents(blocks)[..., None]
        reals = np.ldexp(self.element.quantize_real(np.ldexp(blocks, -exponents)), exponents)
        return self._joined(reals, values, axis).astype(values.dtype)

    def __str__(self) -> str:
        tail = f"{self.exponent_bits},{self.size}"
        match self.element:
            case Affine():
                text = f"mxint<{self.element.width},{tail}>"
            case Minifloat():
                head = str(self.element).removeprefix("minifloat<").removesuffix(">")
                e, m, *options = head.split(",")
                text = f"bminifloat<{','.join((e, m, tail, *options))}>"
            case Log():
                head = str(self.element).removeprefix("log<").removesuffix(">")
                e, *options = head.split(",")
                text = f"blog<{','.join((e, tail, *options))}>"
            case _:
                raise TypeError(f"blocks of {self.element}")
        if self.reserves_nan:
            from hwgen.formats.mx import name_of

            text = name_of(self)
        return text if self.along == -1 else f"{text}[axis={self.along}]"
