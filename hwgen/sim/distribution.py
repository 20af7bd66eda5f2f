"""How the codes of a value lie in its format: a histogram over the whole range, quartiles, and how many stand at the ends."""

from __future__ import annotations

from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from hwgen.formats import IntArray, Integer, bits_for
from hwgen.ir.graph import Array, Value

MOST_BINS: Final = 64


class CodesSeen(BaseModel):
    """The codes of one value over all samples and elements.

    layer, value: their names in the model.  format: as in the text form, without scales (``int8``).  low, high: its range.
    quartiles: least, lower quartile, median, upper quartile, greatest; each a code that was seen.  at_low, at_high: how many codes
    stand at the ends of the range.  bins: counts of ``bin_codes`` codes each, from ``low`` on; the last may hold fewer codes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: str
    value: str
    operator: str
    format: str
    bits: int
    low: int
    high: int
    count: int
    quartiles: tuple[int, int, int, int, int]
    at_low: int
    at_high: int
    bin_codes: int
    bins: tuple[int, ...]

    @property
    def bits_used(self) -> int:
        """Bits of the narrowest format of the same kind that holds what was seen."""
        return 1 if self.bits == 1 else bits_for(self.quartiles[0], self.quartiles[-1])


def _quartiles(ordered: IntArray) -> tuple[int, int, int, int, int]:
    last = len(ordered) - 1
    least, lower, median, upper, greatest = (int(ordered[last * k // 4]) for k in range(5))
    return least, lower, median, upper, greatest


def codes_seen(value: Value, format_: Integer, codes: IntArray) -> CodesSeen:
    """The record of one value.  codes: any shape, at least one."""
    last = codes.size - 1
    quarters = sorted({last * k // 4 for k in range(5)})
    ordered = np.partition(codes, quarters, axis=None)
    span = format_.high - format_.low + 1
    bin_codes = -(-span // MOST_BINS)
    bins = np.bincount((codes.ravel() - format_.low) // bin_codes, minlength=-(-span // bin_codes))
    node = value.producer
    return CodesSeen(
        layer=node.path, value=value.name, operator=node.op, format=format_.short, bits=format_.bits,
        low=format_.low, high=format_.high, count=codes.size, quartiles=_quartiles(ordered),
        at_low=int(np.count_nonzero(codes == format_.low)), at_high=int(np.count_nonzero(codes == format_.high)),
        bin_codes=bin_codes, bins=tuple(bins.tolist()),
    )


def seen_of(value: Value, codes: Array) -> CodesSeen | None:
    """The record of a value of the graph; None where it is real, or a view or a permutation of another value (the same codes)."""
    format_ = value.type.format
    if not isinstance(format_, Integer) or value.producer.op in ("view", "permute"):
        return None
    return codes_seen(value, format_, np.asarray(codes, dtype=np.int64))
