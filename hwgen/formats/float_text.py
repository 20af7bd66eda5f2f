"""The text form of minifloats, powers of two and block formats."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from hwgen.formats import mx
from hwgen.formats.base import Format
from hwgen.formats.block import Block
from hwgen.formats.float_format import FloatFormat
from hwgen.formats.logarithmic import Log
from hwgen.formats.minifloat import Minifloat, Specials
from hwgen.formats.text_parts import axis_of, bad, fractions_of, options_of, scales_of
from hwgen.numerics.rounding import Rounding

_FORM: Final = re.compile(r"(minifloat|log|mxint|bminifloat|blog)<([^<>\[\]]*)>(?:\[(.*)\])?", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d{1,9}", re.ASCII)
_ROUNDING: Final = {mode.value: mode for mode in Rounding}
_SPECIALS: Final = {s.value: s for s in Specials if s.value}


def _split(text: str, body: str, numbers: int, names: str) -> tuple[tuple[int, ...], list[str]]:
    """The leading whole numbers of a body, and the options after them."""
    words = [w.strip() for w in body.split(",")]
    if len(words) < numbers or not all(_WHOLE.fullmatch(w) for w in words[:numbers]):
        raise bad(text, f"needs {numbers} whole numbers, {names}")
    return tuple(int(w) for w in words[:numbers]), words[numbers:]


def _whole(text: str, key: str, value: str) -> int:
    if not _WHOLE.fullmatch(value):
        raise bad(text, f"{key}={value}; give a whole number")
    return int(value)


def _minifloat(text: str, numbers: tuple[int, ...], words: list[str]) -> Minifloat:
    made = Minifloat(exponent_bits=numbers[0], mantissa_bits=numbers[1])
    changes: dict[str, object] = {}
    for word in words:
        key, _, value = (part.strip() for part in word.partition("="))
        if word in _SPECIALS:
            changes["specials"] = _SPECIALS[word]
        elif word in _ROUNDING:
            changes["mode"] = _ROUNDING[word]
        elif word in ("nosub", "denormed", "inf"):
            field, state = {"nosub": ("subnormals", False), "denormed": ("hidden", False), "inf": ("overflows", True)}[word]
            changes[field] = state
        elif key == "bias":
            changes["bias"] = _whole(text, key, value)
        elif key == "max":
            changes["limit"] = fractions_of(text, value)[0]
        else:
            known = ", ".join((*_SPECIALS, "bias=…", "nosub", "denormed", "inf", "max=…", *_ROUNDING))
            raise bad(text, f"unknown option {word!r}; known are {known}")
    return replace(made, **changes)  # pyright: ignore[reportArgumentType]


def _log(text: str, numbers: tuple[int, ...], words: list[str]) -> Log:
    changes: dict[str, object] = {}
    for word in words:
        key, _, value = (part.strip() for part in word.partition("="))
        if word == "zero":
            changes["zero"] = True
        elif word in _ROUNDING:
            changes["mode"] = _ROUNDING[word]
        elif key == "bias":
            changes["bias"] = _whole(text, key, value)
        else:
            raise bad(text, f"unknown option {word!r}; known are zero, bias=…, {', '.join(_ROUNDING)}")
    return replace(Log(exponent_bits=numbers[0]), **changes)  # pyright: ignore[reportArgumentType]


def _scaled(text: str, made: FloatFormat, body: str | None) -> FloatFormat:
    options = options_of(text, body, frozenset({"scale", "axis"}))
    scales = scales_of(text, options)
    return replace(made, scale=scales, along=axis_of(text, options, len(scales)))


def _along(text: str, body: str | None) -> int:
    axis = axis_of(text, options_of(text, body, frozenset({"axis"})), 1)
    return -1 if axis is None else axis


def _block(text: str, kind: str, inner: str, body: str | None) -> Block:
    count, names = {
        "mxint": (3, "bits, bits of the exponent, block size"),
        "bminifloat": (4, "exponent and mantissa bits, bits of the shared exponent, block size"),
        "blog": (3, "exponent bits, bits of the shared exponent, block size"),
    }[kind]
    numbers, words = _split(text, inner, count, names)
    *own, shared, size = numbers
    if kind == "mxint":
        if words:
            raise bad(text, f"unknown option {words[0]!r}")
        if not 2 <= own[0] <= 32:
            raise bad(text, f"{own[0]} bits; the range is 2 to 32")
        element = mx.integers(own[0])
    else:
        element = _minifloat(text, tuple(own), words) if kind == "bminifloat" else _log(text, tuple(own), words)
    return Block(element, shared, size, along=_along(text, body))


def parse_float(text: str) -> Format | None:
    """The format of ``text`` where that begins like one of these; else None.  Raises HwgenError with the reason."""
    if text in mx.NAMES:
        return mx.NAMES[text]
    if match := _FORM.fullmatch(text):
        kind, inner, body = match.groups()
        if kind == "minifloat":
            return _scaled(text, _minifloat(text, *_split(text, inner, 2, "exponent and mantissa bits")), body)
        if kind == "log":
            return _scaled(text, _log(text, *_split(text, inner, 1, "exponent bits")), body)
        return _block(text, kind, inner, body)
    if match := re.fullmatch(r"(mxfp\d)<\s*(\w+)\s*(?:,\s*(\d{1,7})\s*)?>(?:\[(.*)\])?", text, re.ASCII):
        name, size, body = f"{match[1]}<{match[2]}>", match[3], match[4]
    elif match := re.fullmatch(r"mxint8(?:<\s*(\d{1,7})\s*>)?(?:\[(.*)\])?", text, re.ASCII):
        name, size, body = "mxint8", match[1], match[2]
    else:
        return None
    if name not in mx.ELEMENTS:
        raise bad(text, f"no format of that name; there are {', '.join(mx.ELEMENTS)}")
    return mx.block(name, mx.BLOCK if size is None else int(size), _along(text, body))
