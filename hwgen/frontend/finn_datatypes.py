"""FINN's names of number formats, as QONNX files annotate them on inputs."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from hwgen.errors import HwgenError
from hwgen.formats import Affine, Binary, Fixed, Quantized, Ternary

_INTEGER: Final = re.compile(r"(U?)INT(\d{1,2})")
_FIXED: Final = re.compile(r"FIXED<(\d{1,2}),(-?\d{1,2})>")


def quantized_of_annotation(text: str, where: str) -> Quantized | None:
    """The format that an annotation promises for an input; None where it promises nothing (floats)."""
    if text.startswith("FLOAT"):
        return None
    if text in ("BIPOLAR", "BINARY", "TERNARY"):
        return {"BIPOLAR": Binary(), "TERNARY": Ternary(), "BINARY": Affine(1, False)}[text]
    if match := _INTEGER.fullmatch(text):
        bits = int(match[2])
        if 1 <= bits <= 64:
            return Affine(bits, not match[1], False, (Fraction(1),))
    if match := _FIXED.fullmatch(text):
        return Fixed(int(match[1]), int(match[2]))
    raise HwgenError("annotation", where, f"datatype {text!r} is not understood", "remove the annotation")
