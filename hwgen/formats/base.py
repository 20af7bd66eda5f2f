"""What a number format answers, and the three families that a value of a graph can have.

- `Real`: not quantized yet; the exact real number that the model's floats describe.
- `Quantized`: a finite set of reals ``scale * (code - zero)``; what a quantizer makes.
- `Integer`: a value of the integer graph; codes within a proven interval, with the reals they stand for.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError
from hwgen.numerics.rounding import Rounding, round_float
from hwgen.numerics.surd import UNIT, ZERO, Surd

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.floating]


class Format(abc.ABC):
    """A set of values and how they are written in bits."""

    __slots__ = ()

    @abc.abstractmethod
    def __str__(self) -> str:
        """The text that `hwgen.formats.parse` reads back."""


@dataclass(frozen=True, slots=True)
class Real(Format):
    """The real numbers: no quantizer has been met yet."""

    def __str__(self) -> str:
        return "real"


REAL: Final = Real()


def bits_for(low: int, high: int) -> int:
    """Bits of the narrowest two's complement (``low < 0``) or unsigned word that holds ``low..high``; at least 1."""
    if low < 0:
        return max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1
    return max(1, high.bit_length())


@dataclass(frozen=True, slots=True)
class Integer(Format):
    """Integers in ``low..high``; the real value of a code c is ``scale[k]*c + offset[k]``, k the channel (last axis).

    scale and offset have one element (per tensor) or one a channel.  ``bipolar``: only -1 and +1 occur and a
    single bit (0 for -1) carries them.
    """

    low: int
    high: int
    scale: tuple[Surd, ...] = (UNIT,)
    offset: tuple[Surd, ...] = (ZERO,)
    bipolar: bool = False

    @property
    def signed(self) -> bool:
        """Whether the code is sign extended."""
        return self.low < 0 and not self.bipolar

    @property
    def bits(self) -> int:
        """Width of the code in bits."""
        return 1 if self.bipolar else bits_for(self.low, self.high)

    @property
    def short(self) -> str:
        """``int8``, ``uint4`` or ``bipolar``: how codes are written, without what they stand for."""
        return "bipolar" if self.bipolar else f"{'' if self.signed else 'u'}int{self.bits}"

    def decode(self, codes: IntArray) -> npt.NDArray[np.float64]:
        """The reals that ``codes`` (…, channels) stand for, rounded to float64."""
        scale = np.array([float(s) for s in self.scale])
        offset = np.array([float(o) for o in self.offset])
        return codes.astype(np.float64) * scale + offset

    def to_bits(self, codes: IntArray) -> npt.NDArray[np.object_] | IntArray:
        """Raw words (not negative) that carry ``codes`` in hardware."""
        if self.bipolar:
            return (codes + 1) // 2
        return codes & ((1 << self.bits) - 1)

    def from_bits(self, words: IntArray) -> IntArray:
        """Inverse of `to_bits`."""
        if self.bipolar:
            return 2 * words - 1
        if not self.signed:
            return words
        half = 1 << (self.bits - 1)
        return (words ^ half) - half

    def __str__(self) -> str:
        scale, offset = (" ".join(map(str, v)) for v in (self.scale, self.offset))
        return f"int<{self.low},{self.high}{',bipolar' if self.bipolar else ''}>[scale={scale},offset={offset}]"


@dataclass(frozen=True, slots=True)
class Quantized(Format):
    """Common ground of fixed, affine, binary and ternary: integer codes with a scale and a zero point.

    real = scale[k] * (code - zero[k]); k the index along ``axis``, or 0 for a scale per tensor.
    """

    @property
    @abc.abstractmethod
    def low(self) -> int:
        """Least code."""

    @property
    @abc.abstractmethod
    def high(self) -> int:
        """Greatest code."""

    @property
    @abc.abstractmethod
    def scales(self) -> tuple[Fraction, ...]:
        """Scale, one or one a channel; positive."""

    @property
    def zeros(self) -> tuple[int, ...]:
        """Zero point in codes, one or one a channel."""
        return (0,)

    @property
    def axis(self) -> int | None:
        """Axis of the tensor along which scale and zero point vary; None per tensor."""
        return None

    @property
    def rounding(self) -> Rounding:
        """How a real between two members is rounded."""
        return Rounding.HALF_EVEN

    @property
    def wraps(self) -> bool:
        """Whether codes beyond the range wrap around (else they saturate)."""
        return False

    @property
    def bipolar(self) -> bool:
        """Whether the codes are -1 and +1 only, chosen by sign (0 counts as +)."""
        return False

    @property
    def bits(self) -> int:
        """Bits of a code."""
        return 1 if self.bipolar else bits_for(self.low, self.high)

    def _broadcast(self, values: tuple[Fraction, ...] | tuple[int, ...], like: npt.NDArray[Any]) -> FloatArray:
        with np.errstate(over="ignore"):
            array = np.array([float(v) for v in values], dtype=like.dtype if like.dtype.kind == "f" else np.float64)
        if not np.isfinite(array).all() or any(v and not a for v, a in zip(values, array, strict=True)):
            what = f"has a number that {array.dtype} cannot hold"
            raise HwgenError("format", f"format {str(self)[:80]!r}", what, "use another scale")
        if len(values) == 1 or self.axis is None:
            return array.reshape(())
        shape = [1] * like.ndim
        shape[self.axis] = len(values)
        return array.reshape(shape)

    def quantize(self, values: FloatArray) -> IntArray:
        """Codes nearest to ``values``, in the arithmetic of their own floating type, as the frameworks do it.

        ``round(clip(x / scale + zero))``; NaN is refused by the readers and does not come here.
        """
        with np.errstate(over="ignore"):  # what overflows is clipped
            steps = values / self._broadcast(self.scales, values) + self._broadcast(self.zeros, values)
        if self.bipolar:
            return np.where(steps >= 0, 1, -1).astype(np.int64)
        if self.wraps:
            span = self.high - self.low + 1
            return np.asarray((round_float(steps, self.rounding).astype(np.int64) - self.low) % span + self.low)
        codes = round_float(np.clip(steps, self.low, self.high), self.rounding).astype(np.int64)
        # a float may not hold the greatest code and clip to the one above
        return np.asarray(np.clip(codes, self.low, self.high))

    def decode(self, codes: IntArray) -> npt.NDArray[np.float64]:
        """The reals of ``codes``, rounded to float64."""
        as_float = codes.astype(np.float64)
        return (as_float - self._broadcast(self.zeros, as_float)) * self._broadcast(self.scales, as_float)

    def integer(self) -> Integer:
        """The format of these codes in the integer graph (per-channel values vary along the last axis there)."""
        scales, zeros = self.scales, self.zeros
        channels = max(len(scales), len(zeros))
        pairs = [(scales[i % len(scales)], zeros[i % len(zeros)]) for i in range(channels)]
        return Integer(
            self.low, self.high,
            scale=tuple(Surd.of(s) for s, _ in (pairs if len(scales) > 1 else pairs[:1])),
            offset=tuple(Surd.of(-s * z) for s, z in (pairs if len(set(pairs)) > 1 else pairs[:1])),
            bipolar=self.bipolar,
        )
