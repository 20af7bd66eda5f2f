"""The text form of formats: `parse` reads what ``str(format)`` prints, and what hls4ml users paste."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hwgen.errors import HwgenError
from hwgen.formats.affine import Affine, Binary, Ternary
from hwgen.formats.base import REAL, Format, Integer, Quantized
from hwgen.formats.fixed import Fixed
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import Surd

MAX_BITS: Final = 62
"""Widest code that a format may have: int64 holds every code, and the sum of two."""
MAX_INTEGER_BITS: Final = 900
"""Largest position of the binary point; with 62 bits below it float64 still holds every step."""

_FIXED: Final = re.compile(r"(ap_)?(u?)fixed<\s*(\d+)\s*,\s*(-?\d+)\s*((?:,\s*\w+\s*)*)>", re.ASCII)
_AFFINE: Final = re.compile(r"(u?)int(\d+)(?:\[(.*)\])?", re.ASCII)
_SIGN: Final = re.compile(r"(binary|ternary)(?:\[(.*)\])?", re.ASCII)
_INTEGER: Final = re.compile(r"int<(-?\d+),(-?\d+)(,bipolar)?>\[scale=([^,\]]*),offset=([^\]]*)\]", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,400}(/\d{1,400}|(\.\d{1,400})?([eE][-+]?\d{1,3})?)", re.ASCII)
_INTEGER_LIMIT: Final = 1 << 256
"""Bounds of an integer format: far beyond what hardware is made for, and small enough to compute with."""
_HLS_ROUNDING: Final = {
    "AP_RND": Rounding.HALF_CEIL, "AP_TRN": Rounding.FLOOR, "AP_RND_CONV": Rounding.HALF_EVEN,
    "AP_TRN_ZERO": Rounding.DOWN, "AP_RND_ZERO": Rounding.HALF_DOWN, "AP_RND_INF": Rounding.HALF_UP,
}
_ROUNDING: Final = {mode.value: mode for mode in Rounding}


@dataclass(frozen=True, slots=True)
class FormatExample:
    """A row of ``hwgen formats``."""

    text: str
    meaning: str


EXAMPLES: Final = (
    FormatExample("fixed<8,4>", "signed fixed point, 8 bits, 4 of them integer bits; ties to even, saturating"),
    FormatExample("ufixed<8,4,trn,wrap>", "unsigned fixed point, truncating and wrapping"),
    FormatExample("ap_fixed<18,10,AP_RND,AP_SAT>", "the same as hls4ml writes it (default AP_TRN, AP_WRAP)"),
    FormatExample("int8[scale=1/64]", "affine codes: scale a rational or a decimal, optional zero, axis, narrow, rounding"),
    FormatExample("uint4[scale=0.1,zero=3]", "unsigned affine codes with a zero point"),
    FormatExample("binary[scale=1]", "-1 and +1, one bit"),
    FormatExample("ternary[scale=1/2]", "-1, 0 and +1, two bits"),
)


def _bad(text: str, why: str) -> HwgenError:
    return HwgenError("format", f"format {text!r}", why, "see `hwgen formats` for what can be written")


def _width(text: str, digits: str) -> int:
    if len(digits) > 4 or not 1 <= int(digits) <= MAX_BITS:
        raise _bad(text, f"{digits} bits; a code has 1 to {MAX_BITS} bits")
    return int(digits)


def _fractions(text: str, values: str) -> tuple[Fraction, ...]:
    words = values.split()
    if not words:
        raise _bad(text, "no number given")
    try:
        if not all(_NUMBER.fullmatch(word) for word in words):
            raise ValueError(values)
        result = tuple(Fraction(word) for word in words)
        floats = [float(v) for v in result]
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise _bad(text, f"cannot read the numbers {values!r}; write 3/4, 0.75 or 7.5e-1, of a size that float64 holds") from error
    if any(f == 0 and v for f, v in zip(floats, result, strict=True)):
        raise _bad(text, f"a number of {values!r} is too small for float64")
    return result


def _options(text: str, body: str | None, known: frozenset[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in (body or "").split(","))):
        key, equals, value = part.partition("=")
        if not equals or key.strip() not in known:
            raise _bad(text, f"unknown option {part!r}; known are {', '.join(sorted(known))}")
        options[key.strip()] = value.strip()
    return options


def _scales(text: str, options: dict[str, str]) -> tuple[Fraction, ...]:
    scales = _fractions(text, options.get("scale", "1"))
    if any(s <= 0 for s in scales):
        raise _bad(text, "a scale must be positive")
    return scales


def _axis(text: str, options: dict[str, str], *lengths: int) -> int | None:
    """The axis option; lengths: of scale and zero, which are 1 or the number of channels."""
    if len({n for n in lengths if n > 1}) > 1:
        raise _bad(text, f"{' and '.join(map(str, lengths))} numbers; give one, or one a channel")
    if "axis" not in options:
        if max(lengths) > 1:
            raise _bad(text, "several numbers need axis=… to say along which axis they vary")
        return None
    if not re.fullmatch(r"-?\d{1,2}", options["axis"], re.ASCII):
        raise _bad(text, f"axis {options['axis']!r} is not a small integer")
    return int(options["axis"])


def _fixed(text: str, match: re.Match[str]) -> Fixed:
    hls, unsigned, width, integer_bits, rest = match.groups()
    rounding, wrap = (Rounding.FLOOR, True) if hls else (Rounding.HALF_EVEN, False)
    for option in filter(None, (o.strip() for o in rest.split(","))):
        if option in _ROUNDING or option in _HLS_ROUNDING:
            rounding = _ROUNDING.get(option) or _HLS_ROUNDING[option]
        elif option in ("sat", "AP_SAT", "wrap", "AP_WRAP"):
            wrap = option in ("wrap", "AP_WRAP")
        else:
            raise _bad(text, f"unknown option {option!r}; rounding is {', '.join(_ROUNDING)}, overflow sat or wrap")
    if len(integer_bits) > 5 or abs(int(integer_bits)) > MAX_INTEGER_BITS:
        raise _bad(text, f"{integer_bits} integer bits; the range is -{MAX_INTEGER_BITS} to {MAX_INTEGER_BITS}")
    return Fixed(_width(text, width), int(integer_bits), not unsigned, rounding, wrap)


def _affine(text: str, match: re.Match[str]) -> Affine:
    unsigned, width, body = match.groups()
    options = _options(text, body, frozenset({"scale", "zero", "axis", "narrow", "rounding"}))
    zeros = _fractions(text, options.get("zero", "0"))
    if any(z.denominator != 1 for z in zeros):
        raise _bad(text, "a zero point is an integer")
    if options.get("narrow", "0") not in ("0", "1") or options.get("rounding", "rne") not in _ROUNDING:
        raise _bad(text, f"narrow is 0 or 1, rounding one of {', '.join(_ROUNDING)}")
    scales = _scales(text, options)
    return Affine(
        _width(text, width), not unsigned, options.get("narrow") == "1", scales, tuple(int(z) for z in zeros),
        _axis(text, options, len(scales), len(zeros)), _ROUNDING[options.get("rounding", "rne")],
    )


def _integer(text: str, match: re.Match[str]) -> Integer:
    low, high, bipolar, scale, offset = match.groups()
    if max(len(low), len(high)) > 80 or not -_INTEGER_LIMIT <= int(low) <= int(high) <= _INTEGER_LIMIT:
        raise _bad(text, f"bounds {low} and {high} are no interval of at most 256 bits")
    if bipolar and (low, high) != ("-1", "1"):
        raise _bad(text, "bipolar codes are -1 and 1")
    scales, offsets = (tuple(Surd.parse(s) for s in v.split()) for v in (scale, offset))
    if not scales or not offsets or len({n for n in (len(scales), len(offsets)) if n > 1}) > 1:
        raise _bad(text, f"{len(scales)} scales and {len(offsets)} offsets; give one, or one a channel")
    return Integer(int(low), int(high), scales, offsets, bool(bipolar))


def parse(text: str) -> Format:
    """The format that ``text`` describes.  Raises HwgenError with the reason."""
    text = text.strip()
    if text == "real":
        return REAL
    if match := _FIXED.fullmatch(text):
        return _fixed(text, match)
    if match := _INTEGER.fullmatch(text):
        return _integer(text, match)
    if match := _SIGN.fullmatch(text):
        options = _options(text, match[2], frozenset({"scale", "axis"}))
        scales = _scales(text, options)
        return (Binary if match[1] == "binary" else Ternary)(scales, _axis(text, options, len(scales)))
    if match := _AFFINE.fullmatch(text):
        return _affine(text, match)
    raise _bad(text, "is not a known format")


def parse_quantized(text: str) -> Quantized:
    """Like `parse`, for a place where only a quantized format makes sense."""
    result = parse(text)
    if not isinstance(result, Quantized):
        raise _bad(text, "is not a quantized format")
    return result
