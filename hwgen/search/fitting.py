"""Formats that are fitted to numbers: of those of a kind the one with the least mean square error.

``4``: fixed point, four bits; unsigned where no number is negative.  ``4/tensor``, ``4/channel``: four bits and a scale for all, or
for each output channel of a weight.  ``ternary/tensor``, ``binary/channel`` and so on: likewise.  Scales have 8 significant bits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import frexp
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError
from hwgen.formats import Affine, Binary, Fixed, Quantized, Ternary
from hwgen.ops.weights import MAX_WEIGHT_BITS
from hwgen.search_section import Bits

Floats = npt.NDArray[np.float64]
_FITTED: Final = re.compile(r"\s*([0-9]{1,2}|ternary|binary)\s*/\s*(tensor|channel)\s*")
_SIGN_BITS: Final = {"ternary": 2, "binary": 1}
_MOST_NUMBERS: Final = 1 << 14
"""To fit to: evenly taken."""
_SCALE_BITS: Final = 8
_SHARES: Final = np.linspace(0.2, 1.0, 33)
"""Of the largest magnitude, that the greatest code may stand for."""
_FINER: Final = 8
"""Binary points that are tried below the one where nothing saturates."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What is to be fitted.  bits: of a code; per_channel: a scale each; scaled: by any number, not by a power of two."""

    kind: str
    bits: int
    scaled: bool
    per_channel: bool


def fit_of(choice: Bits | str, where: str) -> Fit | None:
    """What a choice of a search asks to be fitted; None where it is a format as it stands.

    Raises HwgenError for widths out of range.
    """
    if isinstance(choice, int):
        return Fit("bits", choice, scaled=False, per_channel=False)
    match = _FITTED.fullmatch(choice)
    if match is None:
        return None
    kind = "bits" if match[1].isdigit() else match[1]
    bits = int(match[1]) if kind == "bits" else _SIGN_BITS[kind]
    if not 1 <= bits <= MAX_WEIGHT_BITS:
        raise HwgenError("space", where, f"{bits} bits; hardware takes 1 to {MAX_WEIGHT_BITS}", "give a width in this range")
    return Fit(kind, bits, scaled=True, per_channel=match[2] == "channel")


def fitted(fit: Fit, numbers: npt.NDArray[np.floating], axis: int | None, where: str) -> Quantized:
    """The format for ``numbers``.  axis: of the channels, of a weight.

    Raises HwgenError where that kind of format does not suit them.
    """
    signed = bool((numbers < 0).any())
    if fit.kind == "bits" and fit.bits < 1 + signed:
        fix = "give 2 bits or more, or binary/tensor"
        raise HwgenError("space", where, "one bit holds no number and its negative", fix)
    if fit.per_channel and axis is None:
        raise HwgenError("space", where, "has no output channels to scale", "write /tensor")
    if not fit.scaled:
        return _fixed(_some(numbers.ravel()), fit.bits, signed=signed)
    rows, along = numbers.reshape(1, -1), None
    if fit.per_channel and axis is not None and numbers.shape[axis] > 1:
        rows, along = np.moveaxis(numbers, axis, 0).reshape(numbers.shape[axis], -1), axis
    scales = tuple(_scale(_some(row), fit, signed=signed) for row in rows.astype(np.float64))
    if fit.kind == "bits":
        return Affine(fit.bits, signed, signed and fit.bits > 1, scales, (0,), along)
    return (Ternary if fit.kind == "ternary" else Binary)(scales, along)


def _some(numbers: npt.NDArray[np.floating]) -> Floats:
    return numbers[:: -(-len(numbers) // _MOST_NUMBERS) or 1].astype(np.float64)


def _error(format_: Quantized, numbers: Floats) -> float:
    return float(((format_.decode(format_.quantize(numbers)) - numbers) ** 2).mean())


def _fixed(numbers: Floats, bits: int, *, signed: bool) -> Fixed:
    """Of the binary points the one of least error; of equals the one of the largest range."""
    largest = float(np.abs(numbers).max(initial=0))
    top = frexp(largest)[1] + signed if largest else signed
    tried = [Fixed(bits, top - finer, signed) for finer in range(-1, _FINER + 1)]
    return min(tried, key=lambda format_: _error(format_, numbers))


def _scale(numbers: Floats, fit: Fit, *, signed: bool) -> Fraction:
    """Of some shares of the largest magnitude the one of least error."""
    largest = float(np.abs(numbers).max(initial=0))
    if not largest:
        return Fraction(1)
    if fit.kind == "binary":
        return _rounded(float(np.abs(numbers).mean()))
    greatest = 1 if fit.kind == "ternary" else (1 << (fit.bits - signed)) - 1
    tried = [_rounded(share * largest / greatest) for share in _SHARES]
    low = -greatest if signed else 0
    steps = numbers / np.array([float(s) for s in tried])[:, None]
    errors = ((np.clip(np.rint(steps), low, greatest) - steps) ** 2).mean(axis=1) * np.array([float(s) ** 2 for s in tried])
    return tried[int(np.argmin(errors))]


def _rounded(number: float) -> Fraction:
    """To `_SCALE_BITS` significant bits: short to write, and cheap to multiply by."""
    mantissa, exponent = frexp(number)
    return Fraction(round(mantissa * (1 << _SCALE_BITS))) * Fraction(2) ** (exponent - _SCALE_BITS)
