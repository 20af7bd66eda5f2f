"""Constants of any format as codes of an even grid: exact, on the coarsest grid of powers of two that holds them all."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError
from hwgen.formats.affine import Affine
from hwgen.formats.base import FloatArray, IntArray, Quantized, bits_for
from hwgen.formats.block import Block
from hwgen.formats.float_format import MAX_CODE_BITS, FloatFormat


def even_codes(values: FloatArray, format_: Quantized | Block, where: str) -> tuple[IntArray, Quantized]:
    """Codes of what ``format_`` makes of ``values``, and the even format whose codes they are.

    Formats whose members lie evenly keep their codes.  The others get affine codes: their members in units of the greatest
    power of two of which all are multiples.  where: named by the HwgenError for values that overflow, or are too far apart.
    """
    match format_:
        case Block():
            members, scale, along = format_.quantize_real(values).astype(np.float64), (Fraction(1),), None
        case FloatFormat():
            members, scale, along = format_.rounded(values)[0], format_.scale, format_.along
        case _:
            return format_.quantize(values), format_
    if not np.isfinite(members).all():
        what = f"a value of magnitude {float(np.abs(values).max()):.6g} overflows {str(format_)[:80]}"
        raise HwgenError("format", where, what, "use a format that saturates, or another scale")
    codes, unit = _in_units(members, str(format_)[:80], where)
    low, high = int(codes.min(initial=0)), int(codes.max(initial=0))
    step = Fraction(2) ** unit
    return codes, Affine(bits_for(low, high), low < 0, scale=tuple(s * step for s in scale), along=along)


def _in_units(members: npt.NDArray[np.float64], text: str, where: str) -> tuple[IntArray, int]:
    """Multiples of ``2**unit``, the greatest possible, and unit."""
    fractions, exponents = np.frexp(members)
    whole = np.ldexp(fractions, 53).astype(np.int64)
    used = whole != 0
    if not used.any():
        return np.zeros(members.shape, dtype=np.int64), 0
    odd = np.frexp((whole & -whole).astype(np.float64))[1].astype(np.int64) - 1  # position of the last bit that is set
    units = exponents.astype(np.int64) - 53 + odd
    unit, last = int(units[used].min()), int(exponents[used].max())
    if last - unit >= MAX_CODE_BITS:
        what = f"values of {text} from 2**{unit} up to 2**{last} have no common grid of {MAX_CODE_BITS} bits"
        raise HwgenError("format", where, what, "use fewer exponent bits")
    return np.ldexp(members, -unit).astype(np.int64), unit
