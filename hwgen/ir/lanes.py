"""Lanes beside the rows of a drawing, for lines that pass some of them."""

from __future__ import annotations

from collections.abc import Sequence


def lanes_of(spans: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """A lane for each line from row to row, so that those in one lane pass no row together; the shorter, the nearer to the rows.

    A line may begin in the row in which another of its lane ends.
    """
    chosen: dict[int, int] = {}
    for index in sorted(range(len(spans)), key=lambda k: (spans[k][1] - spans[k][0], spans[k])):
        first, last = spans[index]
        taken = {lane for other, lane in chosen.items() if spans[other][0] < last and first < spans[other][1]}
        chosen[index] = next(lane for lane in range(len(spans)) if lane not in taken)
    return tuple(chosen[k] for k in range(len(spans)))
