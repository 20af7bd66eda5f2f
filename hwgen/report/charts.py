"""The drawings of the page.  Words and names stand beside them in HTML, so that they wrap and stay readable at any width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from markupsafe import Markup

from hwgen.dataflow.timeline import StageWork, Timeline
from hwgen.report.svg import element, percent, track
from hwgen.sim.distribution import CodesSeen

COLOURS: Final = 4
"""Classes ``c0`` … ``c3`` of the style sheet."""
_LEAST_WIDTH: Final = 0.25
_LABEL_WIDTH: Final = 3.0
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
    """lanes: in the order of the stages.  axis: the cycles under them.  span_cycles: their length."""

    lanes: tuple[Lane, ...]
    axis: Markup
    span_cycles: int


def _bar(start: int, end: int, span: int, colour: str, *, y: int, height: int) -> Markup:
    width = max(100.0 * (end - start) / span, _LEAST_WIDTH)
    return element(
        "rect", class_=colour, x=percent(start, span), y=y, width=f"{width:.3f}%", height=height, rx=1.5
    )


def _lane(work: StageWork, span: int, marks: Sequence[int], *, numbered: bool) -> Markup:
    grid = [element("line", class_="grid", x1=percent(m, span), x2=percent(m, span), y1=0, y2=24) for m in marks]
    bars: list[Markup] = []
    for k, (first, issued, done) in enumerate(zip(work.first, work.issued, work.done, strict=True)):
        colour = f"c{k % COLOURS}"
        bars.append(_bar(issued, done, span, f"{colour} tail", y=16, height=4))
        bars.append(_bar(first, max(issued, first + 1), span, colour, y=4, height=12))
        if numbered and 100 * (issued - first) / span >= _LABEL_WIDTH:
            middle = percent((first + issued) / 2, span)
            bars.append(element("text", str(k + 1), class_=f"{colour} on", x=middle, y=13.5, text_anchor="middle"))
    return track(*grid, *bars, height=24, class_="lane")


def timeline_chart(timeline: Timeline, paths: Sequence[str]) -> TimelineChart:
    """The work of each stage: a bar from the first beat taken to the last operation, a thin one until the last result has left."""
    span = max(work.done[-1] for work in timeline.stages) + 1
    marks = ticks(span)
    numbered = len(timeline.run.done) > 1
    lanes = tuple(
        Lane(k, path, _lane(work, span, marks, numbered=numbered))
        for k, (path, work) in enumerate(zip(paths, timeline.stages, strict=True), start=1)
    )
    return TimelineChart(lanes, _axis(marks, span), span)


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


def pair_bars(estimated: int | None, synthesized: int | None, most: int) -> Markup:
    """Two bars on one scale: the estimate as an outline over what synthesis said."""
    bars = [
        element("rect", class_=colour, x=0, y=y, width=percent(count, most), height=height, rx=1.5)
        for count, colour, y, height in ((synthesized, "c0", 4, 10), (estimated, "estimate", 2, 14))
        if count is not None
    ]
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
