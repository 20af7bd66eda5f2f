"""How the codes of a value lie in its format: a histogram over the whole range, quartiles, and how many stand at the ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from hwgen.formats import IntArray, Integer, bits_for
from hwgen.ir.graph import Array, Graph, Value

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
    ordered = np.sort(codes, axis=None)
    span = format_.high - format_.low + 1
    bin_codes = -(-span // MOST_BINS)
    bins = np.bincount((ordered - format_.low) // bin_codes, minlength=-(-span // bin_codes))
    node = value.producer
    return CodesSeen(
        layer=node.path, value=value.name, operator=node.op, format=format_.short, bits=format_.bits,
        low=format_.low, high=format_.high, count=len(ordered), quartiles=_quartiles(ordered),
        at_low=int(np.count_nonzero(ordered == format_.low)), at_high=int(np.count_nonzero(ordered == format_.high)),
        bin_codes=bin_codes, bins=tuple(bins.tolist()),
    )


def all_codes_seen(graph: Graph, values: Mapping[Value, Array]) -> tuple[CodesSeen, ...]:
    """A record for each integer value of ``graph``, in order; a view of another value (the same codes) is left out."""
    records: list[CodesSeen] = []
    for value in graph.values():
        format_ = value.type.format
        if isinstance(format_, Integer) and value.producer.op != "view":
            records.append(codes_seen(value, format_, np.asarray(values[value], dtype=np.int64)))
    return tuple(records)
