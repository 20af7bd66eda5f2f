"""The names of the OCP Microscaling specification 1.0: blocks of 32 with a shared E8M0 scale.

``mxfp8<e4m3>``, ``mxfp8<e5m2>``, ``mxfp6<e3m2>``, ``mxfp6<e2m3>``, ``mxfp4<e2m1>``, ``mxint8``; another block size may follow,
as in ``mxfp4<e2m1,16>`` and ``mxint8<16>``.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Final

from hwgen.errors import HwgenError
from hwgen.formats.affine import Affine
from hwgen.formats.base import Quantized
from hwgen.formats.block import Block
from hwgen.formats.minifloat import Minifloat, Specials

SCALE_BITS: Final = 8
BLOCK: Final = 32


def integers(bits: int) -> Affine:
    """The elements of block floating point: symmetric fractions of ``bits`` bits below 2 in magnitude."""
    return Affine(bits, True, True, (Fraction(2) ** (2 - bits),))


ELEMENTS: Final[dict[str, Quantized]] = {
    "mxfp8<e4m3>": Minifloat(exponent_bits=4, mantissa_bits=3, specials=Specials.FN),
    "mxfp8<e5m2>": Minifloat(exponent_bits=5, mantissa_bits=2, specials=Specials.IEEE),
    "mxfp6<e3m2>": Minifloat(exponent_bits=3, mantissa_bits=2),
    "mxfp6<e2m3>": Minifloat(exponent_bits=2, mantissa_bits=3),
    "mxfp4<e2m1>": Minifloat(exponent_bits=2, mantissa_bits=1),
    "mxint8": integers(8),
}

NAMES: Final[dict[str, Minifloat]] = {
    "float8_e4m3fn": Minifloat(exponent_bits=4, mantissa_bits=3, specials=Specials.FN),
    "float8_e4m3": Minifloat(exponent_bits=4, mantissa_bits=3, specials=Specials.IEEE),
    "float8_e4m3fnuz": Minifloat(exponent_bits=4, mantissa_bits=3, specials=Specials.FNUZ),
    "float8_e4m3b11fnuz": Minifloat(exponent_bits=4, mantissa_bits=3, specials=Specials.FNUZ, bias=11),
    "float8_e5m2": Minifloat(exponent_bits=5, mantissa_bits=2, specials=Specials.IEEE),
    "float8_e5m2fnuz": Minifloat(exponent_bits=5, mantissa_bits=2, specials=Specials.FNUZ),
    "float8_e3m4": Minifloat(exponent_bits=3, mantissa_bits=4, specials=Specials.IEEE),
    "float6_e3m2fn": Minifloat(exponent_bits=3, mantissa_bits=2),
    "float6_e2m3fn": Minifloat(exponent_bits=2, mantissa_bits=3),
    "float4_e2m1fn": Minifloat(exponent_bits=2, mantissa_bits=1),
    "bfloat16": Minifloat(exponent_bits=8, mantissa_bits=7, specials=Specials.IEEE),
    "float16": Minifloat(exponent_bits=5, mantissa_bits=10, specials=Specials.IEEE),
}
"""What frameworks call them (ml_dtypes, torch), saturating here."""


def block(name: str, size: int = BLOCK, along: int = -1) -> Block:
    """The format of an OCP name."""
    return Block(ELEMENTS[name], SCALE_BITS, size, reserves_nan=True, along=along)


def name_of(format_: Block) -> str:
    """The OCP name of a block format, its block size where that is not 32.  Raises HwgenError for what has none."""
    plain = replace(format_, size=BLOCK, along=-1)
    for name in ELEMENTS:
        if block(name) == plain:
            if format_.size == BLOCK:
                return name
            return f"{name[:-1]},{format_.size}>" if name.endswith(">") else f"{name}<{format_.size}>"
    raise HwgenError("format", "block format", f"{format_.element} with a reserved NaN has no name", "leave reserves_nan out")
