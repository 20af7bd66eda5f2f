"""A chain on a range of codes, cut where it turns and where it chooses: monotone parts, each with no choice left in it.

From the ends of the parts follow the extremes of any chain, monotone or not, on millions of codes; and a chain of affine
maps, clamps and choices becomes a few clamped affine maps, each on its own range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hwgen.errors import HwgenError
from hwgen.numerics.functions import FUNCTIONS, RealFunction
from hwgen.numerics.interval import Interval
from hwgen.numerics.scalar_map import Apply, Chain, Choose, ClampedAffine, Levels, Step
from hwgen.numerics.surd import ZERO, Surd

_MOST_AT_TURN: Final = 16
"""Codes that may lie where a function is known to turn to 50 digits, but not on which side of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """``chain`` (without choices) on the codes of ``domain``.  rising: 1, -1 for falling, 0 for constant."""

    domain: Interval
    chain: Chain
    rising: int


def monotone_parts(chain: Chain, domain: Interval, *, where: str) -> tuple[Part, ...]:
    """The parts of ``chain`` on ``domain``, ascending, without a gap.

    where: the node, for the error.  Raises HwgenError where a function has no value at a code of ``domain``.
    """
    rising = 1 if domain.low < domain.high else 0
    return tuple(sorted(_followed(Part(domain, Chain(), rising), chain.steps, where), key=lambda p: p.domain.low))


def _followed(part: Part, steps: tuple[Step, ...], where: str) -> Iterator[Part]:
    """The parts of ``part`` behind ``steps``."""
    if not steps:
        yield part
        return
    step, rest = steps[0], steps[1:]
    match step:
        case ClampedAffine():
            yield from _followed(replace(part, chain=part.chain.then(step), rising=part.rising * step.gain.sign()), rest, where)
        case Choose():
            below, above = _split(part, step.edge, edge_above=step.edge_above)
            for cut, branch in ((below, step.below), (above, step.above)):
                if cut is not None:
                    yield from _followed(cut, (*branch.steps, *rest), where)
        case Apply():
            function = FUNCTIONS[step.function]
            for cut, direction in _turned(part, function, where):
                applied = replace(cut, chain=cut.chain.then(step), rising=cut.rising * direction)
                yield from _followed(applied, rest, where)


def _split(part: Part, edge: Surd, *, edge_above: bool) -> tuple[Part | None, Part | None]:
    """The codes whose value lies below ``edge``, and those whose value lies above it."""

    def above(code: int) -> bool:
        order = part.chain.compare(code, edge)
        return order > 0 or (edge_above and order == 0)

    domain, starts_above = part.domain, above(part.domain.low)
    first, last = domain.low + 1, domain.high + 1
    if part.rising == 0:
        first = last
    while first < last:
        middle = (first + last) // 2
        if above(middle) == starts_above:
            first = middle + 1
        else:
            last = middle
    left, right = _cut(part, domain.low, first - 1), _cut(part, first, domain.high) if first <= domain.high else None
    return (right, left) if starts_above else (left, right)


def _cut(part: Part, first: int, last: int) -> Part:
    return replace(part, domain=Interval(first, last), rising=part.rising if first < last else 0)


def _turned(part: Part, function: RealFunction, where: str) -> Iterator[tuple[Part, int]]:
    """Cuts of ``part`` on which ``function`` is monotone, each with its direction."""
    for end in (part.domain.low, part.domain.high):
        if function.least is not None and part.chain.compare(end, function.least) < 0:
            raise _outside(function, "a negative number", where)
    rest: Part | None = part
    for turn, rising in zip(function.turns, function.rising[:-1], strict=True):
        below, rest = (None, None) if rest is None else _split(rest, turn.low, edge_above=False)
        if below is not None:
            if function.pole and any(below.chain.compare(end, ZERO) == 0 for end in (below.domain.low, below.domain.high)):
                raise _outside(function, "zero", where)
            yield below, rising
        if rest is not None and turn.low != turn.high:
            near, rest = _split(rest, turn.high, edge_above=True)
            yield from _single_codes(near, function, where)
    if rest is not None:
        yield rest, function.rising[-1]


def _single_codes(near: Part | None, function: RealFunction, where: str) -> Iterator[tuple[Part, int]]:
    """Each code by itself, where nothing else is known of them."""
    if near is None:
        return
    first, last = near.domain.low, near.domain.high
    if last - first >= _MOST_AT_TURN:
        raise HwgenError(
            "undecided-tie", where, f"{function.name} is taken of many numbers closer together than 50 digits tell",
            "use a scale that is not so small",
        )
    yield from ((_cut(near, code, code), 0) for code in range(first, last + 1))


def _outside(function: RealFunction, what: str, where: str) -> HwgenError:
    return HwgenError(
        "domain", where, f"{function.name} can be given {what}, where it has no value",
        "clip or quantize its input so that this cannot occur",
    )


def level_ends(parts: Sequence[Part], levels: Levels) -> tuple[tuple[int, int], ...]:
    """The levels at the first and at the last code of each part; all levels of a part lie between the two."""
    return tuple((levels.of(p.chain, p.domain.low), levels.of(p.chain, p.domain.high)) for p in parts)


def direction(parts: Sequence[Part], levels: Levels) -> int | None:
    """1 where the levels never fall from code to code, -1 where they never rise, None where they do both; 0 where all are one."""
    if len(parts) == 1:
        return parts[0].rising
    line = [level for pair in level_ends(parts, levels) for level in pair]
    if line == sorted(line):
        return 1
    return -1 if line == sorted(line, reverse=True) else None
