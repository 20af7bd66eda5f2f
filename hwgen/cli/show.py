"""``hwgen show``: a graph as text or as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwgen.cli.options import AnyPath, Json
from hwgen.errors import HwgenError

if TYPE_CHECKING:
    from hwgen.dataflow.stage import Dataflow


def show(
    model: AnyPath,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw the graph into this file instead.")] = None,
    stages: Annotated[
        bool, typer.Option("--stages", help="Of a build directory: its stages in hardware, and the streams between them.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Print arrays and long lists whole; the text can be read back.")] = False,
    json: Json = False,
) -> None:
    """Print a model's graph, or draw it.

    Of a build directory, the lowered graph, or its stages.
    """
    import sys

    from hwgen.cli.elide import elided
    from hwgen.cli.files import read_any
    from hwgen.cli.screen import Screen
    from hwgen.cli.stages import print_stages, stage_records
    from hwgen.errors import clean
    from hwgen.ir.text import print_graph

    screen = Screen(as_json=json)
    if stages:
        flow = _built(model)
        screen.result({"name": flow.name, "stages": stage_records(flow)})
        print_stages(screen, flow)
        return
    graph = read_any(model)
    if svg is not None:
        from hwgen.ir.drawing import draw_svg
        from hwgen.rtl.atomic import write_text

        write_text(svg, draw_svg(graph))
    nodes = [
        {
            "operator": n.op, "path": n.path, "inputs": [v.name for v in n.inputs],
            "outputs": [{"name": v.name, "shape": list(v.type.shape), "format": str(v.type.format)} for v in n.outputs],
        }
        for n in graph.nodes
    ]
    outputs = [v.name for v in graph.outputs]
    screen.result({"name": graph.name, "nodes": nodes, "outputs": outputs, "svg": None if svg is None else str(svg)})
    if svg is not None:
        screen.line(f"{clean(graph.name)}: {len(graph.nodes)} nodes, drawn in {clean(svg)}")
    elif not json:
        text = print_graph(graph)
        sys.stdout.write(text if full else elided(text))


def _built(path: Path) -> Dataflow:
    from hwgen.rtl.build_directory import Build

    if path.is_file():
        raise HwgenError("usage", "--stages", "is of a build directory, not of a model", "use `hwgen emit` first")
    return Build(path).flow
