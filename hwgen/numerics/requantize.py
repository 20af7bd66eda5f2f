"""From an integer, through a real function, to a small integer: the cheapest exact realisation.

Candidates are a scale and shift (a shift alone where the multiplier is 1), several of them on ranges of codes, thresholds, and
a table; each equals the definition on every reachable input by construction, so the choice is by cost alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hwgen.errors import HwgenError
from hwgen.numerics.interval import Interval
from hwgen.numerics.parts import level_ends, monotone_parts
from hwgen.numerics.pieces import Pieces, find_pieces
from hwgen.numerics.scalar_map import Chain, Levels
from hwgen.numerics.scale_shift import ScaleShift, find_scale_shift
from hwgen.numerics.thresholds import Thresholds, find_thresholds

MAX_THRESHOLDS: Final = 255
MAX_TABLE_BITS: Final = 16


@dataclass(frozen=True, slots=True)
class TableMap:
    """``values[a - low]``: the result for every input code from ``low`` on; one table for all channels."""

    low: int
    values: tuple[int, ...]


Requantizer = ScaleShift | Pieces | Thresholds | TableMap


def _width(domains: Sequence[Interval]) -> int:
    return max(max(abs(d.low), abs(d.high)).bit_length() + 1 for d in domains)


def scale_shift_cost(found: ScaleShift, width_bits: int) -> float:
    """Size in LUTs of one lane, roughly: the partial products, one adder a sum, the clip."""
    if all(m == 1 for m in found.multipliers):
        multiply, product_bits = 0, width_bits
    else:
        multiplier_bits = max(abs(m).bit_length() for m in found.multipliers) + 1
        multiply, product_bits = width_bits * multiplier_bits, width_bits + multiplier_bits
    return multiply + product_bits * len(found.offsets[0]) + (found.high - found.low).bit_length() * 2


def thresholds_cost(levels: Levels, width_bits: int) -> float:
    """Size in LUTs of one lane, roughly: a comparator a threshold, and counting."""
    return levels.count * (width_bits / 2 + 1)


def table_cost(width_bits: int, levels: Levels) -> float:
    """Size in LUTs of one lane, roughly: 64 entries of one bit each."""
    return (1 << width_bits) * levels.count.bit_length() / 64


def pieces_cost(found: Pieces, width_bits: int) -> float:
    """Size in LUTs of one lane, roughly: a scale and shift, and for each further line a comparator and a choice."""
    flat = [line for lines in found.lines for line in lines]
    alone = ScaleShift(tuple(m for m, _ in flat), tuple(b for _, b in flat), found.shift, found.low, found.high)
    field_bits = max(abs(m).bit_length() + sum(abs(b).bit_length() for b in offsets) for m, offsets in flat)
    return scale_shift_cost(alone, width_bits) + len(found.bounds[0]) * (width_bits / 2 + 1 + field_bits / 2)


def _table(chain: Chain, domain: Interval, levels: Levels, where: str) -> TableMap:
    """Every code's level.  A part of the chain is monotone, so a stretch between two equal levels is filled at once."""
    values = [0] * (domain.high - domain.low + 1)
    parts = monotone_parts(chain, domain, where=where)
    for part, (low, high) in zip(parts, level_ends(parts, levels), strict=True):
        stretches = [(part.domain.low, low, part.domain.high, high)]
        while stretches:
            first, level, last, last_level = stretches.pop()
            if level == last_level or last - first <= 1:
                values[first - domain.low : last - domain.low] = [level] * (last - first)
                values[last - domain.low] = last_level
                continue
            middle = (first + last) // 2
            middle_level = levels.of(part.chain, middle)
            stretches += [(first, level, middle, middle_level), (middle, middle_level, last, last_level)]
    return TableMap(domain.low, tuple(values))


def find_requantizer(
    chains: Sequence[Chain], domains: Sequence[Interval], levels: Levels, *, where: str
) -> Requantizer:
    """The cheapest realisation of ``levels`` of ``chains`` on ``domains`` (one of each a channel).

    where: the node, for the error.  Raises HwgenError where nothing exact fits the hardware's forms, or where a function has
    no value.
    """
    width_bits = _width(domains)
    # channels with one function and one domain are solved once
    distinct = list(dict.fromkeys(zip(chains, domains, strict=True)))
    own_chains, own_domains = [chain for chain, _ in distinct], [domain for _, domain in distinct]
    costs: list[tuple[float, Requantizer]] = []
    maps = [a for a in (chain.affine for chain in own_chains) if a is not None]
    scaled = find_scale_shift(maps, own_domains, levels) if len(maps) == len(distinct) else None
    if scaled is not None:
        costs.append((scale_shift_cost(scaled, width_bits), scaled))
    else:
        pieces = find_pieces([monotone_parts(*pair, where=where) for pair in distinct], levels)
        if pieces is not None:
            costs.append((pieces_cost(pieces, width_bits), pieces))
    if not levels.wrap:
        cost = thresholds_cost(levels, width_bits)
        if levels.count <= MAX_THRESHOLDS and (not costs or cost < costs[0][0]):
            rows = find_thresholds(own_chains, own_domains, levels, where=where)
            if rows is not None:
                costs.append((cost, rows))
        hull = Interval(min(d.low for d in domains), max(d.high for d in domains))
        table_bits = (hull.high - hull.low).bit_length()
        # the code is the table's address: codes far from zero would need a large one for few of them
        if len(set(own_chains)) == 1 and table_bits <= MAX_TABLE_BITS and width_bits <= MAX_TABLE_BITS + 1:
            cost = table_cost(table_bits, levels)
            if not costs or cost < min(c for c, _ in costs):
                return _table(chains[0], hull, levels, where)
    if not costs:
        raise _no_form(levels, width_bits, channels=len(set(own_chains)), where=where)
    best = min(costs, key=lambda pair: pair[0])[1]
    position = {pair: index for index, pair in enumerate(distinct)}
    return _spread(best, [position[pair] for pair in zip(chains, domains, strict=True)])


def _no_form(levels: Levels, width_bits: int, *, channels: int, where: str) -> HwgenError:
    """The refusal of a function.  channels: how many functions there are."""
    narrow, few = width_bits <= MAX_TABLE_BITS + 1, levels.count <= MAX_THRESHOLDS
    kind = "a function that rises and falls" if few else "a function"
    if narrow and channels > 1:
        fix = "quantize its input with one scale for all channels: then it is a table"
    elif few:
        fix = f"quantize its input to at most {MAX_TABLE_BITS} bits: then it is a table"
    else:
        fix = f"quantize to at most 8 bits here, or quantize the input of the function to at most {MAX_TABLE_BITS} bits"
    what = f"{levels.count + 1} output levels of {kind} with no exact scale and shift, from {width_bits} bits"
    return HwgenError("requantize", where, what, fix)


def _spread(found: Requantizer, index: list[int]) -> Requantizer:
    """The solution of the distinct channels, given to all channels."""
    if isinstance(found, ScaleShift):
        return ScaleShift(
            tuple(found.multipliers[i] for i in index), tuple(found.offsets[i] for i in index),
            found.shift, found.low, found.high, found.wrap,
        )
    if isinstance(found, Pieces):
        return replace(found, bounds=tuple(found.bounds[i] for i in index), lines=tuple(found.lines[i] for i in index))
    if isinstance(found, Thresholds):
        return Thresholds(
            tuple(found.rows[i] for i in index), tuple(found.invert[i] for i in index), found.offset
        )
    return found
