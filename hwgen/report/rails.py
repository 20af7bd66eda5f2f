"""The network as rows, one for each port and stage in the order of the data, with the streams between them as lines at the side.

A stream to the next row is a straight line; one that goes further runs in a lane of its own beside the rows that it passes, the
shorter the nearer.  So the drawing breaks between any two rows, on paper as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from hwgen.dataflow.links import Link, Links
from hwgen.ir.lanes import lanes_of
from hwgen.report.svg import element

COLOURS: Final = 4
_SPACIOUS: Final = 20
"""Rows up to here are drawn spaciously."""
_LABELLED: Final = 6
"""Lanes up to here are wide enough for a number."""
_NODE: Final = 30
"""Width of a node."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A stream that passes rows.  first, last: rows from which and to which it goes.  number: from 0, the nearest to the rows."""

    link: Link
    first: int
    last: int
    number: int


@dataclass(frozen=True, slots=True)
class Layout:
    """order: places from the top down.  straight: rows from which a stream goes to the next row.  lanes: all other streams."""

    order: tuple[int, ...]
    straight: frozenset[int]
    lanes: tuple[Lane, ...]

    @property
    def width(self) -> int:
        """Lanes side by side."""
        return max((lane.number for lane in self.lanes), default=-1) + 1


def lay_out(links: Links) -> Layout:
    """Inputs stand before the first stage that takes them, outputs behind the stage that gives them."""

    def position(place: int) -> tuple[int, int, int]:
        if place < links.inputs:
            return min(link.target for link in links.links if link.source == place), 0, place
        if links.is_stage(place):
            return place, 1, place
        (source,) = (link.source for link in links.links if link.target == place)
        return source if links.is_stage(source) else place, 2, place

    order = tuple(sorted(range(links.places), key=position))
    row = {place: k for k, place in enumerate(order)}
    straight: set[int] = set()
    long: list[tuple[int, int, Link]] = []
    for link in links.links:
        first, last = row[link.source], row[link.target]
        if last == first + 1 and first not in straight:
            straight.add(first)
        else:
            long.append((first, last, link))
    numbers = lanes_of([(first, last) for first, last, _ in long])
    lanes = (Lane(link, first, last, number) for (first, last, link), number in zip(long, numbers, strict=True))
    return Layout(order, frozenset(straight), tuple(lanes))


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Of one row, in pixels from its top: where the node begins and ends, streams arrive and leave; radius of a bend."""

    top: int
    bottom: int
    arrives: int
    leaves: int
    bend: int


_WIDE, _DENSE = _Sizes(9, 33, 16, 26, 8), _Sizes(3, 21, 8, 16, 4)


class Rails:
    """Draws the lines and the node of each row of a layout."""

    def __init__(self, layout: Layout) -> None:
        """A layout of many rows is drawn densely."""
        self.layout = layout
        self.dense = len(layout.order) > _SPACIOUS
        self._sizes = _DENSE if self.dense else _WIDE
        self._pitch = 12 if layout.width > _LABELLED else 38
        labelled = layout.width <= _LABELLED
        self.width = _NODE + 4 + (layout.width * self._pitch + (4 if labelled else 8) if layout.width else 0)
        self._labelled = labelled

    def _x(self, lane: Lane) -> float:
        return _NODE + 4 + self._pitch * (lane.number + 0.5)

    def row(self, index: int, label: str, kind: str) -> Markup:
        """label: in the node.  kind: class of the node.  Lines are as long as the row is high, the node stands at its top."""
        lanes, sizes, middle = self.layout.lanes, self._sizes, _NODE / 2
        lines: list[Markup] = []
        if index - 1 in self.layout.straight:
            lines.append(element("line", class_="link", x1=middle, x2=middle, y1=0, y2=sizes.top))
        if index in self.layout.straight:
            lines.append(element("line", class_="link", x1=middle, x2=middle, y1=sizes.bottom, y2="100%"))
        for lane in lanes:
            if lane.first <= index <= lane.last:
                lines += self._lane(lane, index)
        labels = [self._label(lane) for lane in lanes if self._labelled and lane.last == index + 1 and lane.first < index]
        height, below = sizes.bottom - sizes.top, sizes.top + sizes.bottom
        node = element("rect", class_=f"node {kind}", x=0.5, y=sizes.top + 0.5, width=_NODE - 1.0, height=height - 1.0, rx=4)
        text = element("text", label, class_="node", x=middle, y=below / 2 + 4, text_anchor="middle")
        behind = element("svg", *lines, *labels, class_="lines", width=self.width, height="100%", aria_hidden="true")
        return behind + element("svg", node, text, width=self.width, height=below, aria_hidden="true")

    def _lane(self, lane: Lane, index: int) -> Sequence[Markup]:
        sizes, x, kind = self._sizes, self._x(lane), f"link k{lane.number % COLOURS}"
        if index == lane.first:
            bend = f"M{_NODE} {sizes.leaves}H{x - sizes.bend}Q{x} {sizes.leaves} {x} {sizes.leaves + sizes.bend}"
            down = element("line", class_=kind, x1=x, x2=x, y1=sizes.leaves + sizes.bend, y2="100%")
            return element("path", class_=kind, d=bend), down
        if index == lane.last:
            bend = f"M{x} 0V{sizes.arrives - sizes.bend}Q{x} {sizes.arrives} {x - sizes.bend} {sizes.arrives}H{_NODE + 5}"
            head = f"M{_NODE + 7} {sizes.arrives - 4}L{_NODE} {sizes.arrives}L{_NODE + 7} {sizes.arrives + 4}z"
            return element("path", class_=kind, d=bend), element("path", class_=f"head k{lane.number % COLOURS}", d=head)
        return (element("line", class_=kind, x1=x, x2=x, y1=0, y2="100%"),)

    def _label(self, lane: Lane) -> Markup:
        """The depth of the FIFOs on a lane, where it passes the last row before its end."""
        text = f"{lane.link.fifo_depth:,}".replace(",", "\u202f") if lane.link.fifo_depth else ""
        return element("text", text, class_="depth", x=self._x(lane), y="50%", dy=4, text_anchor="middle")
