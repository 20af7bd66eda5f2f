"""``hwgen report``: the page of a build directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen.cli.options import Json


def report(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="A build directory.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The page (BUILD/report.html).")] = None,
    json: Json = False,
) -> None:
    """Write one HTML page that shows a build.

    Network, cycles, timeline, area, clock, values, verification, ports, versions: one file, no network, no script.
    """
    from hwgen.cli.screen import Screen
    from hwgen.errors import clean
    from hwgen.report.page import write_page
    from hwgen.rtl.build_directory import Build

    screen = Screen(as_json=json)
    path = write_page(Build(build), out)
    screen.result({"report": str(path)})
    screen.line(f"{clean(path)}: open it in a browser")
