"""Integers of any size as Verilog constants, and back.

A plain constant has 32 bits. Templates take what may be wider (tables packed in one number, 64-bit factors) by parameters without a
type, which have the width and the sign of what they are given, and cast it to their own width.
"""

from __future__ import annotations

import re
from typing import Final

_SIZED: Final = re.compile(r"(\d+)'(s?)h([0-9a-f]+)")


def integer_literal(value: int) -> str:
    """``5``, ``-5``, and past 32 bits ``34'h300000001`` or, in two's complement, ``34'shfffffffff``."""
    if -(1 << 31) <= value < 1 << 31:
        return str(value)
    if value >= 0:
        return f"{value.bit_length()}'h{value:x}"
    bits = value.bit_length() + 1
    return f"{bits}'sh{value & ((1 << bits) - 1):x}"


def read_integer_literal(text: str) -> int:
    """The value of what `integer_literal` wrote."""
    sized = _SIZED.fullmatch(text)
    if sized is None:
        return int(text)
    bits, value = int(sized[1]), int(sized[3], 16)
    return value - (1 << bits) if sized[2] and value >> (bits - 1) else value
