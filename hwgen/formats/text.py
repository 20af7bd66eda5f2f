"""The text form of formats: `parse` reads what ``str(format)`` prints, and what hls4ml users paste."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hwgen.formats.affine import Affine, Binary, Ternary
from hwgen.formats.base import REAL, Format, Integer, Quantized
from hwgen.formats.block import Block
from hwgen.formats.fixed import Fixed
from hwgen.formats.float_text import parse_float
from hwgen.formats.text_parts import axis_of, bad, fractions_of, options_of, scales_of, width_of
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import Surd

MAX_INTEGER_BITS: Final = 900
"""Largest position of the binary point; with 62 bits below it float64 still holds every step."""

_FIXED: Final = re.compile(r"(ap_)?(u?)fixed<\s*(\d+)\s*,\s*(-?\d+)\s*((?:,\s*\w+\s*)*)>", re.ASCII)
_AFFINE: Final = re.compile(r"(u?)int(\d+)(?:\[(.*)\])?", re.ASCII)
_SIGN: Final = re.compile(r"(binary|ternary)(?:\[(.*)\])?", re.ASCII)
_INTEGER: Final = re.compile(r"int<(-?\d+),(-?\d+)(,bipolar)?>\[scale=([^,\]]*),offset=([^\]]*)\]", re.ASCII)
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
    FormatExample("minifloat<4,3>", "sign, 4 exponent bits, 3 mantissa bits; every word a number, subnormals, saturating"),
    FormatExample("minifloat<5,2,ieee>", "the greatest exponent kept for infinity and NaN; `inf` overflows instead of saturating"),
    FormatExample("minifloat<4,3,fn>", "one word kept for NaN (float8_e4m3fn); other options: bias=, max=, nosub, denormed, fnuz"),
    FormatExample("log<4>", "sign and a power of two, 4 exponent bits, no zero; options zero, bias="),
    FormatExample("mxint<8,8,16>", "16 integers of 8 bits share an exponent of 8 bits (block floating point); axis=… or the last"),
    FormatExample("bminifloat<3,2,8,16>", "16 minifloats share an exponent of 8 bits; options of minifloat"),
    FormatExample("blog<3,8,16>", "16 powers of two share an exponent of 8 bits; options of log"),
    FormatExample("mxfp8<e4m3>", "OCP microscaling, blocks of 32 with an E8M0 scale"),
    FormatExample("mxfp8<e5m2>", "the same, more range"),
    FormatExample("mxfp6<e3m2>", "OCP microscaling, 6 bits"),
    FormatExample("mxfp6<e2m3>", "the same, more precision"),
    FormatExample("mxfp4<e2m1>", "OCP microscaling, 4 bits; another block size may follow: mxfp4<e2m1,16>"),
    FormatExample("mxint8", "OCP microscaling, integers of 8 bits"),
)


def _fixed(text: str, match: re.Match[str]) -> Fixed:
    hls, unsigned, width, integer_bits, rest = match.groups()
    rounding, wrap = (Rounding.FLOOR, True) if hls else (Rounding.HALF_EVEN, False)
    for option in filter(None, (o.strip() for o in rest.split(","))):
        if option in _ROUNDING or option in _HLS_ROUNDING:
            rounding = _ROUNDING.get(option) or _HLS_ROUNDING[option]
        elif option in ("sat", "AP_SAT", "wrap", "AP_WRAP"):
            wrap = option in ("wrap", "AP_WRAP")
        else:
            raise bad(text, f"unknown option {option!r}; rounding is {', '.join(_ROUNDING)}, overflow sat or wrap")
    if len(integer_bits) > 5 or abs(int(integer_bits)) > MAX_INTEGER_BITS:
        raise bad(text, f"{integer_bits} integer bits; the range is -{MAX_INTEGER_BITS} to {MAX_INTEGER_BITS}")
    return Fixed(width_of(text, width), int(integer_bits), not unsigned, rounding, wrap)


def _affine(text: str, match: re.Match[str]) -> Affine:
    unsigned, width, body = match.groups()
    options = options_of(text, body, frozenset({"scale", "zero", "axis", "narrow", "rounding"}))
    zeros = fractions_of(text, options.get("zero", "0"))
    if any(z.denominator != 1 for z in zeros):
        raise bad(text, "a zero point is an integer")
    if options.get("narrow", "0") not in ("0", "1") or options.get("rounding", "rne") not in _ROUNDING:
        raise bad(text, f"narrow is 0 or 1, rounding one of {', '.join(_ROUNDING)}")
    scales = scales_of(text, options)
    return Affine(
        width_of(text, width), not unsigned, options.get("narrow") == "1", scales, tuple(int(z) for z in zeros),
        axis_of(text, options, len(scales), len(zeros)), _ROUNDING[options.get("rounding", "rne")],
    )


def _integer(text: str, match: re.Match[str]) -> Integer:
    low, high, bipolar, scale, offset = match.groups()
    if max(len(low), len(high)) > 80 or not -_INTEGER_LIMIT <= int(low) <= int(high) <= _INTEGER_LIMIT:
        raise bad(text, f"bounds {low} and {high} are no interval of at most 256 bits")
    if bipolar and (low, high) != ("-1", "1"):
        raise bad(text, "bipolar codes are -1 and 1")
    scales, offsets = (tuple(Surd.parse(s) for s in v.split()) for v in (scale, offset))
    if not scales or not offsets or len({n for n in (len(scales), len(offsets)) if n > 1}) > 1:
        raise bad(text, f"{len(scales)} scales and {len(offsets)} offsets; give one, or one a channel")
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
        options = options_of(text, match[2], frozenset({"scale", "axis"}))
        scales = scales_of(text, options)
        return (Binary if match[1] == "binary" else Ternary)(scales, axis_of(text, options, len(scales)))
    if match := _AFFINE.fullmatch(text):
        return _affine(text, match)
    if (found := parse_float(text)) is not None:
        return found
    raise bad(text, "is not a known format")


def parse_quantized(text: str) -> Quantized:
    """Like `parse`, for a place where only a quantized format makes sense."""
    result = parse(text)
    if isinstance(result, Block):
        raise bad(text, "is a format of blocks; here goes one of single elements")
    if not isinstance(result, Quantized):
        raise bad(text, "is not a quantized format")
    return result


def parse_quantizer(text: str) -> Quantized | Block:
    """Like `parse`, for a place where any format will do that a quantizer can make: of single elements, or of blocks."""
    result = parse(text)
    if not isinstance(result, Quantized | Block):
        raise bad(text, "is not a quantized format")
    return result
