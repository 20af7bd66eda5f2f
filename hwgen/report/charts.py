"""The drawings of the page.  Words and names stand beside them in HTML, so that they wrap and stay readable at any width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final

from markupsafe import Markup

from hwgen.dataflow.timeline import StageWork, Timeline
from hwgen.dataflow.use import MultiplierUse
from hwgen.report.svg import element, percent, track
from hwgen.sim.distribution import CodesSeen

COLOURS: Final = 4
"""Classes ``c0`` … ``c3`` of the style sheet."""
_LEAST_WIDTH: Final = 0.25
_LABEL_WIDTH: Final = 3.0
_SPACIOUS: Final = 20
"""Lanes up to here are drawn spaciously; more are drawn so that some sixty fit on a page."""
_GLYPH: Final = 40
_GLYPH_CELLS: Final = 16


def ticks(span: float, about: int = 6) -> tuple[int, ...]:
    """Round numbers from 0 to ``span``, about as many as asked for, at steps of 1, 2 or 5 times a power of ten."""
    step = 1
    while span / step > about:
        first = int(str(step)[0])
        step = step * 5 // 2 if first == 2 else step * 2
    return tuple(range(0, int(span) + 1, step))


@dataclass(frozen=True, slots=True)
class Lane:
    """One stage of a timeline.  number: from 1.  drawing: its work; the axis is that of the whole chart."""

    number: int
    path: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class TimelineChart:
    """lanes: in the order of the stages.  measures: latency or intervals, in cycles.  axis: the cycles under them."""

    lanes: tuple[Lane, ...]
    measures: Markup
    axis: Markup

    @property
    def dense(self) -> bool:
        """Whether the lanes stand close."""
        return len(self.lanes) > _SPACIOUS


def _bar(start: int, end: int, span: int, colour: str, *, y: int, height: int) -> Markup:
    width = max(100.0 * (end - start) / span, _LEAST_WIDTH)
    left = min(100.0 * start / span, 100.0 - width)
    return element("rect", class_=colour, x=f"{left:.3f}%", y=y, width=f"{width:.3f}%", height=height, rx=1.5)


def _lane(work: StageWork, span: int, marks: Sequence[int], *, numbered: bool, dense: bool) -> Markup:
    height, bar, tail = (15, 9, 2) if dense else (24, 12, 4)
    top = (height - bar - tail) // 2
    grid = [element("line", class_="grid", x1=percent(m, span), x2=percent(m, span), y1=0, y2=height) for m in marks]
    bars: list[Markup] = []
    for k, (first, issued, done) in enumerate(zip(work.first, work.issued, work.done, strict=True)):
        colour = f"c{k % COLOURS}"
        bars.append(_bar(issued, done, span, f"{colour} tail", y=top + bar, height=tail))
        bars.append(_bar(first, max(issued, first + 1), span, colour, y=top, height=bar))
        if numbered and not dense and 100 * (issued - first) / span >= _LABEL_WIDTH:
            middle = percent((first + issued) / 2, span)
            bars.append(element("text", str(k + 1), class_=f"{colour} on", x=middle, y=13.5, text_anchor="middle"))
    return track(*grid, *bars, height=height, class_="lane")


def timeline_chart(timeline: Timeline, paths: Sequence[str]) -> TimelineChart:
    """The work of each stage: a bar from the first beat taken to the last operation, a thin one until the last result has left."""
    run = timeline.run
    span = run.done[-1] + 1
    marks = ticks(span)
    numbered = len(run.done) > 1
    lanes = tuple(
        Lane(k, path, _lane(work, span, marks, numbered=numbered, dense=len(paths) > _SPACIOUS))
        for k, (path, work) in enumerate(zip(paths, timeline.stages, strict=True), start=1)
    )
    measures = _measures(tuple(pairwise(run.done)) if numbered else ((run.first[0], run.done[0]),), span)
    return TimelineChart(lanes, measures, _axis(marks, span))


def _measures(spans: Sequence[tuple[int, int]], whole: int) -> Markup:
    """Each span with its length, as in a technical drawing."""
    parts: list[Markup] = []
    for start, end in spans:
        x1, x2 = percent(start, whole), percent(end, whole)
        parts.append(element("line", class_="dimension", x1=x1, x2=x2, y1=5, y2=5))
        parts += [element("line", class_="dimension", x1=x, x2=x, y1=1, y2=9) for x in (x1, x2)]
        if 100 * (end - start) / whole >= _LABEL_WIDTH:
            middle = percent((start + end) / 2, whole)
            parts.append(element("text", f"{end - start:,}".replace(",", " "), x=middle, y=18, text_anchor="middle"))
    return track(*parts, height=24, class_="lane")


def _axis(marks: Sequence[int], span: int) -> Markup:
    labels: list[Markup] = []
    for mark in marks:
        at = percent(mark, span)
        anchor = "start" if mark == 0 else "end" if mark > 0.97 * span else "middle"
        labels.append(element("line", class_="grid", x1=at, x2=at, y1=0, y2=5))
        labels.append(element("text", f"{mark:,}".replace(",", " "), x=at, y=17, text_anchor=anchor))
    return track(*labels, height=22, class_="axis")


def share_bar(share: float, colour: str = "c0") -> Markup:
    """A bar that fills ``share`` (0 to 1) of its place."""
    return track(
        element("rect", class_="groove", x=0, y=3, width="100%", height=8, rx=2.0),
        element("rect", class_=colour, x=0, y=3, width=percent(min(share, 1.0), 1.0), height=8, rx=2.0),
        height=14, class_="share",
    )


def use_bar(use: MultiplierUse) -> Markup:
    """Where the multipliers' time goes: products, padding, filling, and what is left is waiting."""
    bars = [element("rect", class_="groove", x=0, y=3, width="100%", height=8, rx=2.0)]
    at = 0.0
    for share, colour in ((use.products, "c0"), (use.padding, "c1"), (use.filling, "c3")):
        if share > 0:
            bars.append(element("rect", class_=colour, x=percent(at, 1.0), y=3, width=percent(share, 1.0), height=8))
        at += share
    return track(*bars, height=14, class_="share")


def pair_bars(estimated: int, synthesized: int | None, most: int) -> Markup:
    """Two bars on one scale: the estimate as an outline over what synthesis said."""
    bars = [element("rect", class_="estimate", x=0, y=2, width=percent(estimated, most), height=14, rx=1.5)]
    if synthesized is not None:
        bars.insert(0, element("rect", class_="c0", x=0, y=4, width=percent(synthesized, most), height=10, rx=1.5))
    return track(*bars, height=18, class_="pair")


def multiplier_grid(inputs: int, outputs: int) -> Markup:
    """The multiplier array: a cell for each multiplier, inputs across and outputs down; a plain field where it is too large."""
    most = max(inputs, outputs)
    if most > _GLYPH_CELLS:
        long = float(_GLYPH)
        width, height = (max(4.0, long * n / most) for n in (inputs, outputs))
        cells = [element("rect", class_="cell", x=0, y=0, width=width, height=height, rx=1.5)]
    else:
        pitch = _GLYPH / max(most, 4)
        size = pitch * 0.8
        cells = [
            element("rect", class_="cell", x=column * pitch, y=row * pitch, width=size, height=size)
            for row in range(outputs) for column in range(inputs)
        ]
    box = f"0 0 {_GLYPH} {_GLYPH}"
    return element("svg", *cells, class_="glyph", width=_GLYPH, height=_GLYPH, view_box=box, aria_hidden="true")


def histogram(seen: CodesSeen) -> Markup:
    """The codes over the format's whole range, heights by square root; under it least, quartiles and greatest."""
    most, span, codes = sqrt(max(seen.bins)), seen.high - seen.low + 1, seen.bin_codes
    ends = (0, len(seen.bins) - 1) if codes == 1 and seen.bits > 1 else ()
    bars = [
        element(
            "rect", class_="end" if k in ends else "bin", x=percent(k * codes, span), y=30 - 28 * sqrt(count) / most,
            width=percent(min(codes, span - k * codes), span), height=28 * sqrt(count) / most,
        )
        for k, count in enumerate(seen.bins) if count
    ]
    least, lower, median, upper, greatest = (percent(c - seen.low + 0.5, span) for c in seen.quartiles)
    box = [
        element("line", class_="whisker", x1=least, x2=greatest, y1=36, y2=36),
        element("line", class_="quartiles", x1=lower, x2=upper, y1=36, y2=36),
        element("circle", class_="median", cx=median, cy=36, r=2.2),
    ]
    base = element("line", class_="base", x1=0, x2="100%", y1=30.5, y2=30.5)
    return track(*bars, base, *box, height=40, class_="histogram")


@dataclass(frozen=True, slots=True)
class PathPart:
    """Consecutive hops of a critical path within one stage."""

    stage: str
    delay_ns: float
    hops: int


def path_bar(parts: Sequence[PathPart]) -> Markup:
    """The parts end to end, as long as their delays."""
    whole = sum(p.delay_ns for p in parts)
    bars: list[Markup] = []
    at = 0.0
    for k, part in enumerate(parts):
        width = 100.0 * part.delay_ns / whole if whole else 0.0
        bars.append(element("rect", class_=f"c{k % COLOURS}", x=f"{at:.3f}%", y=2, width=f"{width:.3f}%", height=16))
        if width >= _LABEL_WIDTH:
            middle = f"{at + width / 2:.3f}%"
            bars.append(element("text", str(k + 1), class_=f"c{k % COLOURS} on", x=middle, y=14, text_anchor="middle"))
        at += width
    return track(*bars, height=20, class_="path")
