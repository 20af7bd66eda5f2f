"""Which nodes of a file were read, refused, or not judged because they lie behind a refused one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwgen.errors import clean
from hwgen.frontend.limits import read_model
from hwgen.frontend.onnx_reader import ReadResult, node_path


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """status: ``supported``, ``unsupported`` or ``not judged``."""

    operator: str
    path: str
    status: str


def node_statuses(path: Path, read: ReadResult) -> tuple[NodeStatus, ...]:
    """One for each node of the file, in the file's order."""
    if path.suffix == ".hwg":
        nodes = read.graph.nodes if read.graph is not None else ()
        return tuple(NodeStatus(n.op, n.path, "supported") for n in nodes)
    places = [problem.where for problem in read.problems]
    graph = read_model(path).graph
    refused = [any(where == node_path(n) or where.endswith(f"{clean(node_path(n))!r}") for where in places) for n in graph.node]
    unknown = {name for n, bad in zip(graph.node, refused, strict=True) if bad for name in n.output}
    behind = [False] * len(graph.node)
    changed = bool(unknown)
    while changed:  # files need not be in order
        changed = False
        for index, node in enumerate(graph.node):
            if not refused[index] and not behind[index] and any(name in unknown for name in node.input):
                behind[index] = changed = True
                unknown.update(node.output)
    words = ["unsupported" if bad else "not judged" if b else "supported" for bad, b in zip(refused, behind, strict=True)]
    return tuple(NodeStatus(n.op_type, node_path(n), word) for n, word in zip(graph.node, words, strict=True))
