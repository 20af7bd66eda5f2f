"""Affine integer codes as in QONNX: ``int8[scale=1/64]``, ``uint4[scale=…,zero=…,axis=0]``, binary and ternary."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hwgen.formats.base import Quantized
from hwgen.numerics.rounding import Rounding


def _numbers(values: tuple[Fraction, ...] | tuple[int, ...]) -> str:
    return " ".join(map(str, values))


@dataclass(frozen=True, slots=True)
class Affine(Quantized):
    """Integer codes of ``width`` bits; ``narrow`` leaves out the lowest (signed) or the highest (unsigned) code."""

    width: int
    is_signed: bool
    narrow: bool = False
    scale: tuple[Fraction, ...] = (Fraction(1),)
    zero: tuple[int, ...] = (0,)
    along: int | None = None
    mode: Rounding = Rounding.HALF_EVEN

    @property
    def low(self) -> int:
        return -(1 << (self.width - 1)) + self.narrow if self.is_signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.width - 1)) - 1 if self.is_signed else (1 << self.width) - 1 - self.narrow

    @property
    def scales(self) -> tuple[Fraction, ...]:
        return self.scale

    @property
    def zeros(self) -> tuple[int, ...]:
        return self.zero

    @property
    def axis(self) -> int | None:
        return self.along

    @property
    def rounding(self) -> Rounding:
        return self.mode

    def __str__(self) -> str:
        options = [f"scale={_numbers(self.scale)}"]
        if self.zero != (0,):
            options.append(f"zero={_numbers(self.zero)}")
        if self.along is not None:
            options.append(f"axis={self.along}")
        if self.narrow:
            options.append("narrow=1")
        if self.mode is not Rounding.HALF_EVEN:
            options.append(f"rounding={self.mode.value}")
        return f"{'int' if self.is_signed else 'uint'}{self.width}[{','.join(options)}]"


@dataclass(frozen=True, slots=True)
class _Signs(Quantized):
    """Codes from -1 to +1 with a scale."""

    scale: tuple[Fraction, ...] = (Fraction(1),)
    along: int | None = None

    @property
    def low(self) -> int:
        return -1

    @property
    def high(self) -> int:
        return 1

    @property
    def scales(self) -> tuple[Fraction, ...]:
        return self.scale

    @property
    def axis(self) -> int | None:
        return self.along

    def __str__(self) -> str:
        axis = "" if self.along is None else f",axis={self.along}"
        return f"{type(self).__name__.lower()}[scale={_numbers(self.scale)}{axis}]"


@dataclass(frozen=True, slots=True)
class Binary(_Signs):
    """-scale and +scale, chosen by sign; zero counts as positive (QONNX ``BipolarQuant``)."""

    @property
    def bipolar(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Ternary(_Signs):
    """-scale, 0 and +scale: two-bit codes, nearest value, ties to even."""
