"""Draws a graph as SVG: boxes in layers from the top down, constants as lines in the box that uses them.

Names come from the model and are only ever text: cleaned, cut and escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from hwgen.errors import clean
from hwgen.formats import Integer
from hwgen.ir.graph import Graph, Node, Value

_CHAR: Final = 7.3
"""Width of a character of 12 px monospace."""
_LINE, _PAD, _GAP, _MARGIN = 16, 8, 34, 16
_LONGEST: Final = 56
_ARROW: Final = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
)
_FILLS: Final = {"input": "#e3f0e3", "matvec": "#dde8f7", "linear": "#dde8f7"}


def _cut(text: object) -> str:
    shown = clean(text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _type_text(value: Value) -> str:
    format_ = value.type.format
    kind = format_.short if isinstance(format_, Integer) else str(format_).partition("[")[0]
    return f"{'x'.join(map(str, value.type.shape))} {kind}"


@dataclass(slots=True)
class _Box:
    node: Node
    lines: list[str]
    layer: int
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * _CHAR + 2 * _PAD

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 2 * _PAD

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def _boxes(graph: Graph) -> list[_Box]:
    """One for each node that is no constant; its layer is the longest way to it."""
    layers: dict[Node, int] = {}
    boxes: list[_Box] = []
    for node in graph.nodes:
        if node.op == "constant":
            continue
        layers[node] = 1 + max((layers[v.producer] for v in node.inputs if v.producer in layers), default=-1)
        constants = [f"{v.name}: {_type_text(v)}" for v in node.inputs if v.producer.op == "constant"]
        made = [f"{_type_text(v)}{' → out' if v in graph.outputs else ''}" for v in node.outputs]
        boxes.append(_Box(node, [_cut(t) for t in (node.op, node.path, *constants, *made)], layers[node]))
    return boxes


def _place(boxes: list[_Box]) -> tuple[float, float]:
    """Puts each layer in a row, centred; returns the size of the whole."""
    rows: dict[int, list[_Box]] = {}
    for box in boxes:
        rows.setdefault(box.layer, []).append(box)
    widths = {k: sum(b.width for b in row) + _GAP * (len(row) - 1) for k, row in rows.items()}
    whole = max(widths.values(), default=0)
    y: float = _MARGIN
    for layer, row in sorted(rows.items()):
        x = _MARGIN + (whole - widths[layer]) / 2
        for box in row:
            box.x, box.y = x, y
            x += box.width + _GAP
        y += max(b.height for b in row) + _GAP
    return whole + 2 * _MARGIN, y - _GAP + _MARGIN if rows else 2 * _MARGIN


def _edge(start: _Box, end: _Box) -> str:
    x0, y0, x1, y1 = start.middle, start.y + start.height, end.middle, end.y
    bend = 0.0 if end.layer == start.layer + 1 else start.width  # around the boxes of the rows between
    middle = (y0 + y1) / 2
    path = f"M{x0:.1f} {y0:.1f}C{x0 + bend:.1f} {middle:.1f} {x1 + bend:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    return f'<path d="{path}" fill="none" stroke="#555" marker-end="url(#arrow)"/>'


def _box_svg(box: _Box) -> str:
    fill = _FILLS.get(box.node.op, "#f5f2e8")
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    parts = [f'<rect {place} rx="5" fill="{fill}" stroke="#555"/>']
    for index, line in enumerate(box.lines):
        weight = ' font-weight="bold"' if index == 0 else ""
        y = box.y + _PAD + _LINE * index + 12
        parts.append(f'<text x="{box.middle:.1f}" y="{y:.1f}"{weight}>{escape(line)}</text>')
    return "".join(parts)


def draw_svg(graph: Graph) -> str:
    """The drawing as an SVG document; the same graph gives the same bytes."""
    boxes = _boxes(graph)
    width, height = _place(boxes)
    by_node = {box.node: box for box in boxes}
    joined = [(by_node[v.producer], box) for box in boxes for v in box.node.inputs if v.producer in by_node]
    room = max((start.width for start, end in joined if end.layer > start.layer + 1), default=0)
    size = f'width="{width + room:.0f}" height="{height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="12" text-anchor="middle">',
        f"<title>{escape(clean(graph.name))}</title>",
        _ARROW,
        '<rect width="100%" height="100%" fill="white"/>',
        *(_edge(start, end) for start, end in joined),
        *map(_box_svg, boxes),
        "</svg>",
        "",
    ]
    return "\n".join(lines)
