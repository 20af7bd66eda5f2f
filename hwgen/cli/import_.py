"""``hwgen import``: a foreign file in our own form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen.cli.options import Json, ModelPath
from hwgen.errors import HwgenError


def import_(
    model: ModelPath,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.hwg", help="Where to (build/<name of the model>.hwg).")] = None,
    json: Json = False,
) -> None:
    """Write a model in our text form (.hwg)."""
    from hwgen import flow
    from hwgen.cli.screen import Screen
    from hwgen.errors import clean
    from hwgen.ir.text import print_graph
    from hwgen.rtl.atomic import write_text

    target = out or Path("build") / f"{model.stem}.hwg"
    if target.suffix != ".hwg":
        raise HwgenError("usage", f"--out {target.name!r}", "does not end in .hwg", "name the file something.hwg")
    screen = Screen(as_json=json)
    with screen.working() as progress:
        progress("import")
        graph = flow.import_model(model)
        text = print_graph(graph)
    write_text(target, text)
    screen.result({"model": {"name": graph.name, "nodes": len(graph.nodes)}, "file": str(target)})
    screen.line(f"{clean(graph.name)}: {len(graph.nodes)} nodes, written to {clean(target)}")
