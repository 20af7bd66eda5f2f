"""From an integer, through a real function, to a small integer: the cheapest exact realisation.

Candidates are a scale and shift (a shift alone where the multiplier is 1), thresholds, and a table; each equals the
definition on every reachable input by construction, so the choice is by cost alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hwgen.errors import HwgenError
from hwgen.numerics.interval import Interval
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


Requantizer = ScaleShift | Thresholds | TableMap


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


def _table(chain: Chain, domain: Interval, levels: Levels) -> TableMap:
    """Every code's level.  Chains are monotone, so a stretch between two equal levels is filled at once."""
    values = [0] * (domain.high - domain.low + 1)
    stretches = [(domain.low, levels.of(chain, domain.low), domain.high, levels.of(chain, domain.high))]
    while stretches:
        first, level, last, last_level = stretches.pop()
        if level == last_level or last - first <= 1:
            values[first - domain.low : last - domain.low] = [level] * (last - first)
            values[last - domain.low] = last_level
            continue
        middle = (first + last) // 2
        middle_level = levels.of(chain, middle)
        stretches += [(first, level, middle, middle_level), (middle, middle_level, last, last_level)]
    return TableMap(domain.low, tuple(values))


def find_requantizer(
    chains: Sequence[Chain], domains: Sequence[Interval], levels: Levels, *, where: str
) -> Requantizer:
    """The cheapest realisation of ``levels`` of ``chains`` on ``domains`` (one of each a channel).

    where: the node, for the error.  Raises HwgenError where nothing exact fits the hardware's forms.
    """
    width_bits = _width(domains)
    # channels with one function and one domain are solved once
    distinct = list(dict.fromkeys(zip(chains, domains, strict=True)))
    one_function = len({chain for chain, _ in distinct}) == 1
    costs: list[tuple[float, Requantizer]] = []
    affine = [chain.affine for chain, _ in distinct]
    maps = [a for a in affine if a is not None]
    if len(maps) == len(affine):
        found = find_scale_shift(maps, [domain for _, domain in distinct], levels)
        if found is not None:
            costs.append((scale_shift_cost(found, width_bits), found))
    if not levels.wrap:
        if levels.count <= MAX_THRESHOLDS:
            cost = thresholds_cost(levels, width_bits)
            if not costs or cost < costs[0][0]:
                rows = find_thresholds([chain for chain, _ in distinct], [domain for _, domain in distinct], levels)
                costs.append((cost, rows))
        hull = Interval(min(d.low for d in domains), max(d.high for d in domains))
        table_bits = (hull.high - hull.low).bit_length()
        # the code is the table's address: codes far from zero would need a large one for few of them
        if one_function and table_bits <= MAX_TABLE_BITS and width_bits <= MAX_TABLE_BITS + 1:
            cost = table_cost(table_bits, levels)
            if not costs or cost < min(c for c, _ in costs):
                return _table(chains[0], hull, levels)
    if not costs:
        raise HwgenError(
            "requantize", where,
            f"{levels.count + 1} output levels of a function with no exact scale and shift, from {width_bits} bits",
            f"quantize to at most 8 bits here, or quantize the input of the function to at most {MAX_TABLE_BITS} bits",
        )
    best = min(costs, key=lambda pair: pair[0])[1]
    position = {pair: index for index, pair in enumerate(distinct)}
    return _spread(best, [position[pair] for pair in zip(chains, domains, strict=True)])


def _spread(found: Requantizer, index: list[int]) -> Requantizer:
    """The solution of the distinct channels, given to all channels."""
    if isinstance(found, ScaleShift):
        return ScaleShift(
            tuple(found.multipliers[i] for i in index), tuple(found.offsets[i] for i in index),
            found.shift, found.low, found.high, found.wrap,
        )
    if isinstance(found, Thresholds):
        return Thresholds(
            tuple(found.rows[i] for i in index), tuple(found.invert[i] for i in index), found.offset
        )
    return found
