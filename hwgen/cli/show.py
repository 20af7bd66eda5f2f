"""``hwgen show``: a graph as text or as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen.cli.options import AnyPath, Json


def show(
    model: AnyPath,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw the graph into this file instead.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print arrays and long lists whole; the text can be read back.")] = False,
    json: Json = False,
) -> None:
    """Print a model's graph, or draw it.

    Of a build directory, the lowered graph.
    """
    import sys

    from hwgen.cli.elide import elided
    from hwgen.cli.files import read_any
    from hwgen.cli.screen import Screen
    from hwgen.errors import clean
    from hwgen.ir.text import print_graph

    screen = Screen(as_json=json)
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
