"""Requantization by a few scale-and-shifts, each on its own range of codes: leaky ReLU, PReLU, |v|, clamps that differ.

A code is compared with the places where the function changes its line; the multiplier and the offset of its line go into one
multiplication and shift.  Every line has to be right on its own range only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hwgen.numerics.interval import Interval
from hwgen.numerics.parts import Part
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.scalar_map import Chain, ClampedAffine, Levels
from hwgen.numerics.scale_shift import ScaleShift, find_scale_shift
from hwgen.numerics.surd import ZERO, Surd

MAX_PIECES: Final = 8
_BY_MAGNITUDE: Final = (Rounding.UP, Rounding.DOWN, Rounding.HALF_UP, Rounding.HALF_DOWN)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Line p of channel c, as a `ScaleShift`, where ``p = #{k : a >= bounds[c][k]}``.

    bounds: ascending, one tuple a channel, all of one length.  lines: a channel, one multiplier and one tuple of one or two
    offsets for each of its ``len(bounds[c]) + 1`` lines.  shift, low, high, wrap: as in `ScaleShift`, for all of them.
    """

    bounds: tuple[tuple[int, ...], ...]
    lines: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]
    shift: int
    low: int
    high: int
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    domain: Interval
    affine: ClampedAffine

    def split(self, edge: Surd) -> tuple[_Piece, ...]:
        """The codes at which the unclamped line lies below ``edge``, and the others; one piece where one of them is none."""
        line = Chain((replace(self.affine, low=None, high=None),))
        first, last = self.domain.low + 1, self.domain.high + 1
        below = line.compare(self.domain.low, edge) < 0
        while first < last:
            middle = (first + last) // 2
            if (line.compare(middle, edge) < 0) == below:
                first = middle + 1
            else:
                last = middle
        if first > self.domain.high:
            return (self,)
        return (replace(self, domain=Interval(self.domain.low, first - 1)), replace(self, domain=Interval(first, self.domain.high)))

    def unclamped(self) -> Iterator[_Piece]:
        """The same without clamps: constants beside a line."""
        low, high, pieces = self.affine.low, self.affine.high, (self,)
        for limit in (low, high):
            if limit is not None:
                pieces = tuple(cut for piece in pieces for cut in piece.split(limit))
        for piece in pieces:
            value = replace(self.affine, low=None, high=None).of(Surd.of(piece.domain.low))
            line = ClampedAffine(self.affine.gain, self.affine.bias)
            if low is not None and value < low:
                line = ClampedAffine(ZERO, low)
            elif high is not None and not value < high:
                line = ClampedAffine(ZERO, high)
            yield replace(piece, affine=line)


def _merged(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Neighbours on one line as one piece."""
    result: list[_Piece] = []
    for piece in pieces:
        if result and result[-1].affine == piece.affine:
            result[-1] = replace(piece, domain=Interval(result[-1].domain.low, piece.domain.high))
        else:
            result.append(piece)
    return result


def find_pieces(channels: Sequence[Sequence[Part]], levels: Levels) -> Pieces | None:
    """Pieces equal to ``levels`` of the parts of each channel; None where there are none, or more than `MAX_PIECES`."""
    maps = [[(part.domain, part.chain.affine) for part in parts] for parts in channels]
    channel_pieces = [[_Piece(domain, affine) for domain, affine in own if affine is not None] for own in maps]
    if any(len(pieces) != len(own) for pieces, own in zip(channel_pieces, maps, strict=True)):
        return None
    clamps = {(p.affine.low, p.affine.high) for pieces in channel_pieces for p in pieces}
    limits = {(levels.of_limit(low, levels.low), levels.of_limit(high, levels.high)) for low, high in clamps}
    if len(limits) > 1 or (levels.wrap and clamps != {(None, None)}):
        channel_pieces = [[cut for p in pieces for cut in p.unclamped()] for pieces in channel_pieces]
    channel_pieces = [_merged(pieces) for pieces in channel_pieces]
    if levels.rounding in _BY_MAGNITUDE:  # one line for the numbers of each sign
        channel_pieces = [[cut for p in pieces for cut in p.split(ZERO)] for pieces in channel_pieces]
    count = max(len(pieces) for pieces in channel_pieces)
    if not 1 < count <= MAX_PIECES:
        return None
    padded = [[pieces[0]] * (count - len(pieces)) + pieces for pieces in channel_pieces]
    flat = [piece for pieces in padded for piece in pieces]
    found = find_scale_shift([p.affine for p in flat], [p.domain for p in flat], levels)
    return None if found is None else _grouped(found, padded)


def _grouped(found: ScaleShift, channels: Sequence[Sequence[_Piece]]) -> Pieces:
    lines = iter(zip(found.multipliers, found.offsets, strict=True))
    return Pieces(
        tuple(tuple(p.domain.low for p in pieces[1:]) for pieces in channels),
        tuple(tuple(next(lines) for _ in pieces) for pieces in channels),
        found.shift, found.low, found.high, found.wrap,
    )
