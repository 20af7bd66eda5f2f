"""``hwgen prune``: a model with fewer weights, as .hwg."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwgen.cli.options import Explain, Json, ModelPath
from hwgen.errors import HwgenError
from hwgen.pruning.budget import Budget

if TYPE_CHECKING:
    from hwgen.flow import BuildOptions
    from hwgen.pipeline import Pass
    from hwgen.pruning.account import Change


class By(StrEnum):
    """What is pruned."""

    MAGNITUDE = "magnitude"
    N_M = "n:m"
    CHANNELS = "channels"
    BLOCKS = "blocks"


def prune(
    model: ModelPath,
    by: Annotated[By, typer.Option("--by", help="Single weights, N of M, output channels, or blocks of the multiplier array.")],
    share: Annotated[
        float, typer.Option("--share", metavar="S", help="Of the weights, the channels, or the cycles (blocks): 0 to below 1."),
    ] = 0.5,
    pattern: Annotated[str, typer.Option("--pattern", metavar="N:M", help="Weights kept of so many (n:m).")] = "2:4",
    layers: Annotated[str, typer.Option("--layers", metavar="PATHS", help="fc1,conv2: these layers only (all that can be).")] = "",
    budget: Annotated[Budget, typer.Option("--budget", help="Whether the share is each layer's or of all.")] = Budget.LAYER,
    parallelism: Annotated[
        str | None,
        typer.Option("--parallelism", metavar="TEXT", help="With which the design will be built: its blocks and cycles (4x4)."),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="FORMAT", help="Format of what the model leaves in float, for the cycles shown."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML with formats, as hwgen build takes it."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.hwg", help="Where to (build/<name of the model>.pruned.hwg)."),
    ] = None,
    explain: Explain = False,
    json: Json = False,
) -> None:
    """Prune the weights of a model.

    Blocks that are zeros take no cycle and no memory, built with the parallelism that they were pruned for; channels are removed.
    """
    from hwgen import flow
    from hwgen.cli.options import ModelOptions
    from hwgen.cli.passes import print_passes
    from hwgen.cli.screen import Screen
    from hwgen.errors import clean
    from hwgen.ir.text import print_graph
    from hwgen.pruning.account import changes
    from hwgen.rtl.atomic import write_text

    target = out or Path("build") / f"{model.stem}.pruned.hwg"
    if target.suffix != ".hwg":
        raise HwgenError("usage", f"--out {target.name!r}", "does not end in .hwg", "name the file something.hwg")
    screen = Screen(as_json=json)
    asked = ModelOptions(config=config, precision=precision, parallelism=parallelism)
    with asked.resolved(model) as request, screen.working() as progress:
        progress("import")
        graph = flow.import_model(model)
        progress("lower")
        pruned, infos = flow.run_passes(graph, [_pass(by, share, pattern, layers, budget, request.options)])
        rows = changes(graph, pruned, request.options)
    write_text(target, print_graph(pruned))
    screen.result(
        {
            "model": {"name": graph.name}, "file": str(target), "by": str(by), "layers": [_record(row) for row in rows],
            "left": [{"layer": note.where, "why": note.what} for info in infos for note in info.left],
        }
    )
    if explain:
        print_passes(screen, infos)
    _print(screen.table, rows)
    screen.line()
    for note in (note for info in infos for note in info.left):
        screen.line(f"left: {clean(note.where)}: {clean(note.what)}")
    screen.line(f"written to {clean(target)}")


def _pass(by: By, share: float, pattern: str, layers: str, budget: Budget, options: BuildOptions) -> Pass:
    from hwgen.pipeline import pass_of

    match by:
        case By.MAGNITUDE:
            return pass_of("prune-magnitude", share=share, layers=layers, budget=budget)
        case By.N_M:
            return pass_of("prune-n-m", pattern=pattern, layers=layers)
        case By.CHANNELS:
            return pass_of("prune-channels", share=share, layers=layers, budget=budget)
        case By.BLOCKS:
            return pass_of("prune-blocks", share=share, layers=layers, budget=budget, options=options)


def _record(row: Change) -> dict[str, Any]:
    from dataclasses import asdict

    return {"layer": row.path, "parallelism": row.parallelism, "before": asdict(row.before), "after": asdict(row.after)}


def _print(table: Any, rows: tuple[Change, ...]) -> None:
    columns = ["layer", "parallelism", "weights", "after", "zeros", "blocks", "after", "cycles", "after"]
    cells = [
        [
            r.path, r.parallelism, r.before.weights, r.after.weights, r.after.zeros, r.before.blocks, r.after.blocks,
            r.before.cycles, r.after.cycles,
        ]
        for r in rows
    ]
    table(columns, cells)
