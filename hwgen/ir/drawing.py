"""Draws a graph as SVG: boxes in layers from the top down, constants as lines in the box that uses them.

What goes to the next layer goes straight; what passes layers goes around all boxes, in a lane at the right.  Names come from the
model and are only ever text: cleaned, cut and escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from hwgen.errors import clean
from hwgen.formats import Integer
from hwgen.ir.graph import Graph, Node, Value
from hwgen.ir.lanes import lanes_of

_CHAR: Final = 7.3
"""Width of a character of 12 px monospace."""
_LINE, _PAD, _GAP, _MARGIN = 16, 8, 34, 16
_LANE, _BEND, _APART = 14, 5, 3
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
    shown = [node for node in graph.nodes if node.op != "constant"]
    for node in shown:
        layers[node] = 1 + max((layers[v.producer] for v in node.inputs if v.producer in layers), default=-1)
    for node in shown:  # an input stands right above its first user
        if node.op == "input":
            layers[node] = max(0, min((layers[n] for n in graph.uses.get(node.output, ())), default=1) - 1)
    boxes: list[_Box] = []
    for node in shown:
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


def _straight(start: _Box, end: _Box) -> str:
    x0, y0, x1, y1 = start.middle, start.y + start.height, end.middle, end.y
    middle = (y0 + y1) / 2
    return f"M{x0:.1f} {y0:.1f}C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"


def _around(start: _Box, end: _Box, lane: int, right: float, bottom: float) -> str:
    """right: of all boxes.  bottom: of the row that it comes from."""
    x0, x1, x, r = start.middle, end.middle, right + _LANE * (lane + 1), _BEND
    apart = _APART * (lane % 4)
    out, back = bottom + 2 * r + apart, end.y - 3 * r - apart
    return (
        f"M{x0:.1f} {start.y + start.height:.1f}V{out - r:.1f}Q{x0:.1f} {out:.1f} {x0 + r:.1f} {out:.1f}"
        f"H{x - r:.1f}Q{x:.1f} {out:.1f} {x:.1f} {out + r:.1f}V{back - r:.1f}Q{x:.1f} {back:.1f} {x - r:.1f} {back:.1f}"
        f"H{x1 + r:.1f}Q{x1:.1f} {back:.1f} {x1:.1f} {back + r:.1f}V{end.y:.1f}"
    )


def _edges(boxes: list[_Box], right: float) -> tuple[list[str], float]:
    """The lines between boxes, and the room that those at the right take."""
    by_node = {box.node: box for box in boxes}
    bottoms: dict[int, float] = {}
    for box in boxes:
        bottoms[box.layer] = max(bottoms.get(box.layer, 0), box.y + box.height)
    joined = [(by_node[v.producer], box) for box in boxes for v in dict.fromkeys(box.node.inputs) if v.producer in by_node]
    long = [(start, end) for start, end in joined if end.layer > start.layer + 1]
    lanes = lanes_of([(start.layer, end.layer) for start, end in long])
    paths = [_straight(start, end) for start, end in joined if end.layer == start.layer + 1]
    paths += [_around(*ends, lane, right, bottoms[ends[0].layer]) for ends, lane in zip(long, lanes, strict=True)]
    lines = [f'<path d="{path}" fill="none" stroke="#555" marker-end="url(#arrow)"/>' for path in paths]
    return lines, _LANE * (max(lanes) + 1) if lanes else 0


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
    edges, room = _edges(boxes, width - _MARGIN)
    size = f'width="{width + room:.0f}" height="{height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="12" text-anchor="middle">',
        f"<title>{escape(clean(graph.name))}</title>",
        _ARROW,
        '<rect width="100%" height="100%" fill="white"/>',
        *edges,
        *map(_box_svg, boxes),
        "</svg>",
        "",
    ]
    return "\n".join(lines)
