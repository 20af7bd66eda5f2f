"""Pieces of the text form of formats: numbers, and options in brackets."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from hwgen.errors import HwgenError

MAX_BITS: Final = 62
"""Widest code that a format may have: int64 holds every code, and the sum of two."""
_NUMBER: Final = re.compile(r"-?\d{1,400}(/\d{1,400}|(\.\d{1,400})?([eE][-+]?\d{1,3})?)", re.ASCII)


def bad(text: str, why: str) -> HwgenError:
    """The refusal of ``text``."""
    return HwgenError("format", f"format {text!r}", why, "see `hwgen formats` for what can be written")


def width_of(text: str, digits: str) -> int:
    """A number of bits."""
    if len(digits) > 4 or not 1 <= int(digits) <= MAX_BITS:
        raise bad(text, f"{digits} bits; a code has 1 to {MAX_BITS} bits")
    return int(digits)


def fractions_of(text: str, values: str) -> tuple[Fraction, ...]:
    """One number or several, exact."""
    words = values.split()
    if not words:
        raise bad(text, "no number given")
    try:
        if not all(_NUMBER.fullmatch(word) for word in words):
            raise ValueError(values)
        result = tuple(Fraction(word) for word in words)
        floats = [float(v) for v in result]
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise bad(text, f"cannot read the numbers {values!r}; write 3/4, 0.75 or 7.5e-1, of a size that float64 holds") from error
    if any(f == 0 and v for f, v in zip(floats, result, strict=True)):
        raise bad(text, f"a number of {values!r} is too small for float64")
    return result


def options_of(text: str, body: str | None, known: frozenset[str]) -> dict[str, str]:
    """The options ``key=value`` of a body in brackets."""
    options: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in (body or "").split(","))):
        key, equals, value = part.partition("=")
        if not equals or key.strip() not in known:
            raise bad(text, f"unknown option {part!r}; known are {', '.join(sorted(known))}")
        options[key.strip()] = value.strip()
    return options


def scales_of(text: str, options: dict[str, str]) -> tuple[Fraction, ...]:
    """The scale option; positive numbers."""
    scales = fractions_of(text, options.get("scale", "1"))
    if any(s <= 0 for s in scales):
        raise bad(text, "a scale must be positive")
    return scales


def axis_of(text: str, options: dict[str, str], *lengths: int) -> int | None:
    """The axis option; lengths: of scale and zero, which are 1 or the number of channels."""
    if len({n for n in lengths if n > 1}) > 1:
        raise bad(text, f"{' and '.join(map(str, lengths))} numbers; give one, or one a channel")
    if "axis" not in options:
        if max(lengths) > 1:
            raise bad(text, "several numbers need axis=… to say along which axis they vary")
        return None
    if not re.fullmatch(r"-?\d{1,2}", options["axis"], re.ASCII):
        raise bad(text, f"axis {options['axis']!r} is not a small integer")
    return int(options["axis"])
