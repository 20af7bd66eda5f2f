"""The drawing of a graph: every use of a value is one line, and no line runs through a box."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from random import Random

import pytest

from hwgen.dataflow.stage import Dataflow
from hwgen.ir.drawing import draw_svg
from hwgen.ir.graph import Graph, topological
from hwgen.ir.lanes import lanes_of
from tests.flows import residual, u_net

SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]


def drawn(graph: Graph) -> tuple[ElementTree.Element, list[Box], list[list[tuple[float, float]]]]:
    """The drawing, its boxes (left, top, right, bottom), and the corners of its lines."""
    root = ElementTree.fromstring(draw_svg(graph))
    boxes: list[Box] = []
    for rect in root.findall(f"{SVG}rect")[1:]:  # the first is the paper
        x, y, width, height = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
        boxes.append((x, y, x + width, y + height))
    return root, boxes, [corners(path.attrib["d"]) for path in root.findall(f"{SVG}path")]


def corners(path: str) -> list[tuple[float, float]]:
    """The points that a path of moves, lines and curves passes."""
    points: list[tuple[float, float]] = []
    for kind, text in re.findall(r"([MHVQC])([-\d. ]+)", path):
        numbers = [float(n) for n in text.split()]
        x, y = points[-1] if points else (0.0, 0.0)
        points.append({"H": (numbers[0], y), "V": (x, numbers[0])}.get(kind) or (numbers[-2], numbers[-1]))
    return points


def crosses(a: tuple[float, float], b: tuple[float, float], box: Box) -> bool:
    """Whether the line from a to b, upright or level, enters a box."""
    left, top, right, bottom = box
    return (
        max(min(a[0], b[0]), left) < min(max(a[0], b[0]), right) or left < a[0] == b[0] < right
    ) and (max(min(a[1], b[1]), top) < min(max(a[1], b[1]), bottom) or top < a[1] == b[1] < bottom)


@pytest.mark.parametrize("flow", [u_net(4, 4, 64), residual(4)], ids=["u_net", "residual"])
def test_every_use_is_a_line_and_none_runs_through_a_box(flow: Dataflow) -> None:
    outputs = tuple(s.value for s in flow.outputs)
    graph = Graph(flow.name, topological(outputs), outputs)
    root, boxes, lines = drawn(graph)
    assert len(boxes) == len(graph.nodes)
    assert len(lines) == sum(len(node.inputs) for node in graph.nodes)
    width = float(root.attrib["width"])
    for line in lines:
        assert all(0 <= x <= width for x, _ in line)
        for a, b in pairwise(line):
            if a[0] == b[0] or a[1] == b[1]:
                assert not [box for box in boxes if crosses(a, b, box)], (a, b)


def test_lines_of_a_lane_pass_no_row_together(random: Random) -> None:
    for _ in range(100):
        spans = [(first, first + random.randint(1, 9)) for first in random.choices(range(20), k=random.randint(0, 25))]
        lanes = lanes_of(spans)
        for k, (first, last) in enumerate(spans):
            for j, (other_first, other_last) in enumerate(spans[:k]):
                assert lanes[k] != lanes[j] or last <= other_first or other_last <= first
        most = max((sum(first <= row < last for first, last in spans) for row in range(30)), default=0)
        assert len(set(lanes)) >= most
