"""What is known of the members of formats: whether one format holds all of another's."""

from __future__ import annotations

from typing import TypeGuard

from hwgen.formats import Affine, Binary, Fixed, Format, Quantized, Ternary


def per_tensor(format_: Format) -> TypeGuard[Quantized]:
    """Whether elements are rounded alike, wherever in the tensor they lie."""
    return isinstance(format_, Quantized) and format_.axis is None


def holds(format_: Format, other: Format) -> bool:
    """Whether each member of ``other`` is known to be one of ``format_``, wherever it may have been moved to."""
    if format_ == other:
        return per_tensor(format_)
    if not isinstance(format_, Fixed) or not isinstance(other, Fixed | Affine | Binary | Ternary):
        return False
    (step,) = format_.scales
    channels = max(len(other.scales), len(other.zeros))
    for k in range(channels):
        scale, zero = other.scales[k % len(other.scales)], other.zeros[k % len(other.zeros)]
        ends = [scale * (code - zero) / step for code in (other.low, other.high)]
        if (scale / step).denominator != 1 or not all(format_.low <= e <= format_.high for e in ends):
            return False
    return True
