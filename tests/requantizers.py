"""What each form of a requantizer computes, in Python integers."""

from __future__ import annotations

from hwgen.numerics.pieces import Pieces
from hwgen.numerics.requantize import Requantizer, TableMap
from hwgen.numerics.scale_shift import ScaleShift
from hwgen.numerics.thresholds import Thresholds


def _cut(total: int, found: ScaleShift | Pieces) -> int:
    if found.wrap:
        return (total - found.low) % (found.high - found.low + 1) + found.low
    return min(max(total, found.low), found.high)


def run(found: Requantizer, channel: int, code: int) -> int:
    """The result of ``code`` in ``channel``."""
    match found:
        case ScaleShift():
            return _cut(sum((code * found.multipliers[channel] + b) >> found.shift for b in found.offsets[channel]), found)
        case Pieces():
            bounds = found.bounds[channel]
            assert list(bounds) == sorted(bounds), "bounds ascend"
            multiplier, offsets = found.lines[channel][sum(code >= bound for bound in bounds)]
            return _cut(sum((code * multiplier + b) >> found.shift for b in offsets), found)
        case Thresholds():
            seen = -code - 1 if found.invert[channel] else code
            row = found.rows[channel]
            assert list(row) == sorted(row), "thresholds ascend"
            return found.offset + sum(seen >= t for t in row)
        case TableMap():
            return found.values[code - found.low]
