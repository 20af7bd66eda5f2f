"""The scale of a format for the numbers that it is to hold: from their extremes, from quantiles, or for the least square error.

What may be chosen: the scale of affine, ternary, binary and floating formats (of each channel where they have one a channel), the
zero point of unsigned affine ones where numbers are negative, the position of the binary point of fixed-point ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError
from hwgen.formats import Affine, Binary, Fixed, Format, Ternary
from hwgen.formats.float_format import FloatFormat
from hwgen.formats.text import MAX_INTEGER_BITS

Method = Literal["min-max", "percentile", "mse"]
METHODS: Final[tuple[str, ...]] = get_args(Method)
DEFAULT_SHARE: Final = 0.9999
"""Of the numbers that ``percentile`` holds."""

_Floats = npt.NDArray[np.float64]
_Scaled = Affine | Binary | Ternary | FloatFormat
_STEPS_AN_OCTAVE: Final = 8
_OCTAVES: Final = 6
"""How far below the extremes the least error is looked for."""


@dataclass(frozen=True, slots=True)
class RangeOptions:
    """method: see `METHODS`.  share: of the numbers that ``percentile`` holds.  power_of_two: only such scales."""

    method: Method = "mse"
    share: float = DEFAULT_SHARE
    power_of_two: bool = False

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise HwgenError("usage", "--method", f"{self.method!r} is not known", f"use one of {', '.join(METHODS)}")
        if not 0 < self.share <= 1:
            raise HwgenError("usage", "--share", f"{self.share} is no share", "give more than 0, at most 1")


def fitted(format_: Format, values: npt.NDArray[np.floating], options: RangeOptions | None = None) -> Format:
    """``format_`` with the range that suits ``values``; as it is where it has none to choose, or where all of them are 0."""
    options = options or RangeOptions()
    if not isinstance(format_, Fixed | _Scaled) or not values.size:
        return format_
    axis, rows = None if isinstance(format_, Fixed) else format_.axis, values.astype(np.float64)
    per_channel = axis is not None and len(format_.scales) > 1
    rows = np.moveaxis(rows, axis, 0).reshape(rows.shape[axis], -1) if per_channel and axis is not None else rows.reshape(1, -1)
    if not rows.any():
        return format_
    return _fitted_point(format_, rows, options) if isinstance(format_, Fixed) else _fitted_scale(format_, rows, options)


def _limits(rows: _Floats, options: RangeOptions) -> tuple[_Floats, _Floats]:
    """Least and greatest number of each row, 0 among them; with ``percentile`` those between which the share lies."""
    low, high = rows.min(axis=1), rows.max(axis=1)
    if options.method == "percentile":
        size = np.quantile(np.abs(rows), options.share, axis=1)
        low, high = np.maximum(low, -size), np.minimum(high, size)
    return np.minimum(low, 0), np.maximum(high, 0)


def _errors(format_: Fixed | _Scaled, rows: _Floats) -> _Floats:
    """Mean square error of each row."""
    as_rows = format_ if isinstance(format_, Fixed) or format_.along is None else replace(format_, along=0)
    return ((as_rows.quantize_real(rows) - rows) ** 2).mean(axis=1)


# --- fixed point --------------------------------------------------------------------------------------------------------


def _fitted_point(format_: Fixed, rows: _Floats, options: RangeOptions) -> Fixed:
    (low,), (high,) = _limits(rows, options)
    bits = -MAX_INTEGER_BITS if high == low == 0 else int(np.ceil(np.log2(max(-low, high)))) - 1
    while not _holds(replace(format_, integer_bits=bits), low, high):
        bits += 1
    whole = replace(format_, integer_bits=bits)
    if options.method != "mse":
        return whole
    narrower = [replace(format_, integer_bits=bits - k) for k in range(_OCTAVES + 1)]
    return min(narrower, key=lambda candidate: (float(_errors(candidate, rows)[0]), -candidate.integer_bits))


def _holds(format_: Fixed, low: float, high: float) -> bool:
    """Whether both are within half a step of the range; an unsigned format holds no negative number, and is not asked to."""
    step = float(format_.scales[0])
    return (format_.high + 0.5) * step >= high and (not format_.is_signed or (format_.low - 0.5) * step <= low)


# --- scales -------------------------------------------------------------------------------------------------------------


def _fitted_scale(format_: _Scaled, rows: _Floats, options: RangeOptions) -> _Scaled:
    if isinstance(format_, Binary):
        return _with_scales(format_, np.abs(rows).mean(axis=1), options, up=False)  # the least mean square error
    low, high = _limits(rows, options)
    if options.method != "mse":
        return _at(format_, low, high, options)
    best: list[tuple[Fraction, int]] = []
    least = np.full(len(rows), np.inf)
    for candidate in _candidates(format_, low, high, options):
        pairs = _pairs(candidate, len(rows))
        errors = _errors(candidate, rows)
        best = [
            new if error < known else old
            for new, old, error, known in zip(pairs, best or pairs, errors, least, strict=True)
        ]
        least = np.minimum(least, errors)
    return _of_pairs(format_, best)


def _candidates(format_: _Scaled, low: _Floats, high: _Floats, options: RangeOptions) -> Iterator[_Scaled]:
    for step in range(_OCTAVES * _STEPS_AN_OCTAVE + 1):
        factor = 2.0 ** (-step / _STEPS_AN_OCTAVE)
        yield _at(format_, low * factor, high * factor, options)


def _at(format_: _Scaled, low: _Floats, high: _Floats, options: RangeOptions) -> _Scaled:
    """The format that spans ``low`` to ``high``, of each row."""
    plain = replace(format_, scale=(Fraction(1),))
    least, greatest = (float(Fraction(code) * plain.scales[0]) for code in (format_.low, format_.high))
    shifted = isinstance(format_, Affine) and not format_.is_signed and bool((low < 0).any())
    if shifted:
        made = _with_scales(format_, (high - low) / (greatest - least), options, up=True)
        scales = np.array([float(s) for s in made.scale])
        zeros = np.clip(np.rint(format_.low - low / scales), format_.low, format_.high)
        distinct = zeros if len(scales) > 1 else zeros[:1]
        return replace(made, zero=tuple(int(z) for z in distinct))
    below = low / least if least < 0 else np.zeros_like(low)
    above = high / greatest if greatest > 0 else np.zeros_like(high)  # one signed bit: 0 and -1
    made = _with_scales(format_, np.maximum(above, below), options, up=True)
    return replace(made, zero=(0,)) if isinstance(made, Affine) else made


def _with_scales(format_: _Scaled, scales: _Floats, options: RangeOptions, *, up: bool) -> _Scaled:
    """float32 scales; 1 where all numbers are 0.  up: a power of two is not smaller, else the nearest."""
    powers = options.power_of_two or isinstance(format_, FloatFormat)  # a shifted exponent
    plain = np.where(scales > 0, scales, 1.0)
    if powers:
        logs = np.log2(plain)
        plain = 2.0 ** (np.ceil(logs - 1e-9) if up else np.rint(logs))
    with np.errstate(under="ignore"):
        rounded = np.maximum(plain.astype(np.float32), np.finfo(np.float32).tiny)
    return replace(format_, scale=tuple(Fraction(float(s)) for s in rounded))


def _pairs(format_: _Scaled, count: int) -> list[tuple[Fraction, int]]:
    scales, zeros = format_.scale, format_.zeros
    return [(scales[k % len(scales)], zeros[k % len(zeros)]) for k in range(count)]


def _of_pairs(format_: _Scaled, pairs: list[tuple[Fraction, int]]) -> _Scaled:
    made = replace(format_, scale=tuple(s for s, _ in pairs))
    if not isinstance(made, Affine):
        return made
    zeros = tuple(z for _, z in pairs)
    return replace(made, zero=zeros if len(set(zeros)) > 1 else zeros[:1])
