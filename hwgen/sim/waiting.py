"""Who waits for whom in a design in which nothing moves any more, in words of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Element, Fork, Stage, Stream

_OUTSIDE: Final = "outside"
State = tuple[bool, bool]
"""Valid and ready of a stream."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One end of a stream waits for the other.  layer: of the stage that waits; empty where it is no stage.  net: the stream's."""

    layer: str
    net: str
    says: str


@dataclass(frozen=True, slots=True)
class _Edge:
    """waits, on: names of elements.  stream: between them."""

    waits: str
    on: str
    stream: Stream


class _Design:
    def __init__(self, flow: Dataflow, states: Mapping[Stream, State]) -> None:
        self.elements: dict[str, Element] = {e.name: e for e in flow.elements}
        self.givers = {s: e.name for e in flow.elements for s in e.gives}
        self.takers = {s: e.name for e in flow.elements for s in e.takes}
        self.states, self.flow = states, flow

    def waits_of(self, name: str) -> list[_Edge]:
        """What an element waits for: beats that do not come, and room for those that it offers."""
        element, found = self.elements[name], list[_Edge]()
        for stream in element.gives:
            valid, ready = self.states[stream]
            if valid and not ready:
                found.append(_Edge(name, self.takers.get(stream, _OUTSIDE), stream))
        for stream in element.takes:
            if not self.states[stream][0]:
                found.append(_Edge(name, self.givers.get(stream, _OUTSIDE), stream))
        return found

    def chain(self) -> list[_Edge]:
        """From an output that nothing comes out of: the first circle of waits, or the way to what waits for nothing."""
        for output in self.flow.outputs:
            if self.states[output][0] or output not in self.givers:
                continue
            path = [_Edge(_OUTSIDE, self.givers[output], output)]
            seen = {self.givers[output]: 1}
            circle = self._follow(path, seen)
            if circle:
                return circle
        return []

    def _follow(self, path: list[_Edge], seen: dict[str, int]) -> list[_Edge]:
        """seen: place in ``path`` of the first wait of each element on it."""
        longest = list(path)
        trail = [iter(self.waits_of(path[-1].on))]
        done: set[str] = set()
        while trail:
            edge = next(trail[-1], None)
            if edge is None:
                trail.pop()
                done.add(path[-1].on)
                seen.pop(path[-1].on, None)
                path.pop()
                continue
            if edge.on in seen:
                return [*path[seen[edge.on] :], edge]
            if edge.on in done:
                continue
            path.append(edge)
            if len(path) > len(longest):
                longest = list(path)
            if edge.on == _OUTSIDE:
                path.pop()
                continue
            seen[edge.on] = len(path)
            trail.append(iter(self.waits_of(edge.on)))
        return longest


def _words(element: Element | None) -> str:
    match element:
        case None:
            return "the outside"
        case Stage():
            return f"layer {element.path!r}"
        case Fork():
            return f"the fork of {element.takes[0].value.name!r}"
        case Buffer():
            return f"the FIFO of {element.depth} behind the fork of {element.takes[0].value.name!r}"
        case Converter():
            return f"the width converter of {element.takes[0].value.name!r}"


def _layer(element: Element | None) -> str:
    return element.path if isinstance(element, Stage) else ""


def waits(flow: Dataflow, nets: Mapping[Stream, str], states: Mapping[Stream, State]) -> tuple[Wait, ...]:
    """The streams that hold each other up, in a circle where there is one; else the way to the element that should move.

    states: of each stream, at an edge at which nothing moves.
    """
    design = _Design(flow, states)
    found: list[Wait] = []
    chain = design.chain()
    for edge in chain:
        me, other = (_words(design.elements.get(name)) for name in (edge.waits, edge.on))
        offers = states[edge.stream][0]
        does = "offers" if offers else "waits for"
        end = f"to {other}, which does not take it" if offers else f"from {other}"
        net = nets[edge.stream]
        found.append(Wait(_layer(design.elements.get(edge.waits)), net, f"{me} {does} {edge.stream.value.name!r} {end} ({net})"))
    if chain and chain[-1].on in design.elements and not design.waits_of(chain[-1].on):
        element = design.elements[chain[-1].on]
        found.append(Wait(_layer(element), nets[chain[-1].stream], f"{_words(element)} has what it needs and does nothing"))
    return tuple(found)
