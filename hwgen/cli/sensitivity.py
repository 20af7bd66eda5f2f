"""``hwgen sensitivity``: what each layer's bits alone cost in quality, and win in hardware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwgen.cli.options import Dsp, Json, ModelPath
from hwgen.cost.area import Target

if TYPE_CHECKING:
    from hwgen.cli.screen import Cell
    from hwgen.search.sensitivity import Sensitivity


def sensitivity(
    model: ModelPath,
    data: Annotated[Path, typer.Option("--data", metavar="FILE.npz", help="Inputs by name (or x) and targets (y) that judge.")],
    metric: Annotated[str, typer.Option("--metric", metavar="NAME", help="What is lost (accuracy).")] = "accuracy",
    cost: Annotated[str, typer.Option("--cost", metavar="NAME", help="What is won (luts).")] = "luts",
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML with [search], what may be chosen; options of builds."),
    ] = None,
    target: Annotated[
        Target | None, typer.Option("--target", help="Whose area is estimated (ice40: no multiplier blocks, LUTs for all)."),
    ] = None,
    dsp: Dsp = None,
    workers: Annotated[int | None, typer.Option("--workers", metavar="N", min=1, help="Processes (as many as cores).")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where heat maps and the table go (nowhere).")] = None,
    json: Json = False,
) -> None:
    """Show how sensitive a model is to the bits of each layer, alone.

    Every other layer has the most bits of the space; a table of losses, one of gains, and as heat maps where --out says.
    """
    from json import dumps

    from hwgen import flow
    from hwgen.cli.options import ModelOptions
    from hwgen.cli.screen import Screen
    from hwgen.config import read_config
    from hwgen.data import read_dataset
    from hwgen.rtl.atomic import write_text
    from hwgen.search.sensitivity import points_alone
    from hwgen.search.sensitivity import sensitivity as measured
    from hwgen.search.study import DEFAULT_TARGET, Request, pool_of, prepare
    from hwgen.search.workers import cores
    from hwgen.search_section import SearchSection

    screen = Screen(as_json=json)
    section = SearchSection() if config is None else read_config(config).search
    with ModelOptions(config=config).resolved(model) as resolved:
        graph = flow.import_model(model)
        request = Request(
            objectives=(metric, cost), workers=workers or cores(), target=target or section.target or DEFAULT_TARGET,
            options=resolved.options, section=section, file="" if config is None else config.name,
            dsps=dsp if dsp is not None else section.dsp is not False,
        )
        prepared = prepare(graph, read_dataset(data, graph), Path(), request)
        space, (quality, price) = prepared.searched.space, prepared.goals.objectives
        total = len(points_alone(space))
        with screen.counting("trying", total) as count, pool_of(prepared.design, request) as pool:
            found = measured(space, pool, quality, price, lambda done: count(done, f"{done} of {total} points"))
    record = found.record()
    if out is not None:
        _draw(found, out)
        write_text(out / "sensitivity.json", dumps(record, indent=2) + "\n")
    screen.result(record)
    columns = found.choices
    for title, of in ((f"{quality.name} lost", "lost"), (f"{price.name} won", "won")):
        screen.line(f"{title} (largest choices: {found.best[of == 'won']:.6g})")
        screen.table(["dimension", *columns], [_row(row, columns, of) for row in found.rows])
        screen.line()
    for alone in (a for row in found.rows for a in row if a.error is not None):
        screen.line(f"{alone.dimension} {alone.choice}: {alone.error}")


def _row(row: tuple[object, ...], columns: list[str], of: str) -> list[Cell]:
    from hwgen.search.sensitivity import Alone

    known = {a.choice: a for a in row if isinstance(a, Alone)}
    name = next(iter(known.values())).dimension
    values: list[float | None] = [(known[c].lost if of == "lost" else known[c].won) if c in known else None for c in columns]
    return [name, *(None if v is None else round(v, 9) for v in values)]


def _draw(found: Sensitivity, out: Path) -> None:
    from hwgen.search.plots import heat_map, save

    columns = found.choices
    names = [row[0].dimension for row in found.rows]
    for name, measure in (("lost", found.quality.name), ("won", found.cost.name)):
        table: list[list[float]] = []
        for row in found.rows:
            known = {a.choice: a.lost if name == "lost" else a.won for a in row}
            table.append([float("nan") if (value := known.get(c)) is None else value for c in columns])
        save(heat_map(table, columns, names, f"{measure} {name}, each choice alone", measure), out / f"{name}.svg")
