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

MAX_BITS: Final = 64
"""Widest code that a format may have."""

_FIXED: Final = re.compile(r"(ap_)?(u?)fixed<\s*(\d+)\s*,\s*(-?\d+)\s*((?:,\s*\w+\s*)*)>")
_AFFINE: Final = re.compile(r"(u?)int(\d+)(?:\[(.*)\])?")
_SIGN: Final = re.compile(r"(binary|ternary)(?:\[(.*)\])?")
_INTEGER: Final = re.compile(r"int<(-?\d+),(-?\d+)(,bipolar)?>\[scale=([^,\]]*),offset=([^\]]*)\]")
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
    try:
        result = tuple(Fraction(v) for v in values.split())
    except (ValueError, ZeroDivisionError) as error:
        raise _bad(text, f"cannot read the numbers {values!r}") from error
    if not result:
        raise _bad(text, "no number given")
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


def _axis(text: str, options: dict[str, str]) -> int | None:
    if "axis" not in options:
        return None
    if not re.fullmatch(r"-?\d{1,2}", options["axis"]):
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
    if abs(int(integer_bits)) > 1024:
        raise _bad(text, f"{integer_bits} integer bits; the range is -1024 to 1024")
    return Fixed(_width(text, width), int(integer_bits), not unsigned, rounding, wrap)


def _affine(text: str, match: re.Match[str]) -> Affine:
    unsigned, width, body = match.groups()
    options = _options(text, body, frozenset({"scale", "zero", "axis", "narrow", "rounding"}))
    zeros = _fractions(text, options.get("zero", "0"))
    if any(z.denominator != 1 for z in zeros):
        raise _bad(text, "a zero point is an integer")
    if options.get("narrow", "0") not in ("0", "1") or options.get("rounding", "rne") not in _ROUNDING:
        raise _bad(text, f"narrow is 0 or 1, rounding one of {', '.join(_ROUNDING)}")
    return Affine(
        _width(text, width), not unsigned, options.get("narrow") == "1", _scales(text, options),
        tuple(int(z) for z in zeros), _axis(text, options), _ROUNDING[options.get("rounding", "rne")],
    )


def parse(text: str) -> Format:
    """The format that ``text`` describes.  Raises HwgenError with the reason."""
    text = text.strip()
    if text == "real":
        return REAL
    if match := _FIXED.fullmatch(text):
        return _fixed(text, match)
    if match := _INTEGER.fullmatch(text):
        low, high, bipolar, scale, offset = match.groups()
        scales, offsets = (tuple(Surd.parse(s) for s in v.split()) for v in (scale, offset))
        return Integer(int(low), int(high), scales, offsets, bool(bipolar))
    if match := _SIGN.fullmatch(text):
        options = _options(text, match[2], frozenset({"scale", "axis"}))
        return (Binary if match[1] == "binary" else Ternary)(_scales(text, options), _axis(text, options))
    if match := _AFFINE.fullmatch(text):
        return _affine(text, match)
    raise _bad(text, "is not a known format")


def parse_quantized(text: str) -> Quantized:
    """Like `parse`, for a place where only a quantized format makes sense."""
    result = parse(text)
    if not isinstance(result, Quantized):
        raise _bad(text, "is not a quantized format")
    return result
