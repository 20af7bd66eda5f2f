"""``hwgen search``: the formats and the parallelism of each layer, chosen for accuracy against what the hardware takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwgen.cli.options import Dsp, Json, ModelPath
from hwgen.cost.area import Target

if TYPE_CHECKING:
    from hwgen.cli.screen import Cell, Screen
    from hwgen.search.confirm import Confirmed
    from hwgen.search.goals import Measures
    from hwgen.search.results import Found
    from hwgen.search.study import Request

_INTERRUPTED = 130
_COUNTED = ("synthesized: luts", "ffs", "dsps", "brams", "error of luts")
"""Columns of what Yosys counted."""


def search(
    model: ModelPath,
    data: Annotated[Path, typer.Option("--data", metavar="FILE.npz", help="Inputs by name (or x) and targets (y) that judge.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The study's folder (build/<model>.search).")] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="NAME", help="greedy, tpe, nsga2, nsga3, random, qmc, exhaustive (greedy)."),
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", metavar="N", min=1, help="Designs to try (100).")] = None,
    objectives: Annotated[
        str | None,
        typer.Option(
            "--objectives", metavar="A,B", help="Measures, the first counts most (accuracy,luts); package.module:function is run.",
        ),
    ] = None,
    constraint: Annotated[
        list[str] | None, typer.Option("--constraint", metavar="TEXT", help="luts<=4000 or accuracy>=0.95; may be given again."),
    ] = None,
    target: Annotated[
        Target | None, typer.Option("--target", help="Whose area is estimated (ice40: no multiplier blocks, LUTs for all)."),
    ] = None,
    dsp: Dsp = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="Into which designs must fit, such as xc7a35t; sets --target."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", min=0, help="Of the strategy, and of training (0).")] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="N", min=1, help="Trials asked for together; decides which are asked (8)."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Processes (as many as cores); never changes the result."),
    ] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Workers on a Ray cluster begun here.")] = False,
    ray_address: Annotated[str | None, typer.Option("--ray-address", metavar="ADDRESS", help="Of a Ray cluster to use.")] = None,
    retrain_epochs: Annotated[int, typer.Option("--retrain-epochs", metavar="N", min=0, help="Of training in each trial.")] = 0,
    retrain_data: Annotated[
        Path | None, typer.Option("--retrain-data", metavar="FILE.npz", help="To train with; not the data that judge."),
    ] = None,
    learning_rate: Annotated[float, typer.Option("--lr", metavar="RATE", help="Of this training, at the beginning.")] = 1e-3,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML with [search], what may be chosen; options of builds."),
    ] = None,
    parallelism: Annotated[
        str | None, typer.Option("--parallelism", metavar="TEXT", help="Of what is not searched: 4x8, full, or fc1=4x8,fc2=2x2."),
    ] = None,
    argmax: Annotated[bool | None, typer.Option("--argmax/--no-argmax", help="Decide on chip.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the study in --out, if it is there.")] = False,
    compare: Annotated[
        list[Path] | None, typer.Option("--compare", metavar="DIR", help="A study to show beside this one in plots/best.svg."),
    ] = None,
    confirm: Annotated[
        bool | None, typer.Option("--confirm/--no-confirm", help="Synthesize the ends of the front with Yosys (no)."),
    ] = None,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw what was found, as SVG.")] = True,
    json: Json = False,
) -> None:
    """Search for the formats of layers: the front of accuracy against hardware.

    Ctrl-C keeps all trials that are done; --resume goes on.  Each point of the front gets a file that hwgen build --config takes.
    """
    from hwgen import flow
    from hwgen.cli.options import ModelOptions
    from hwgen.cli.screen import Screen
    from hwgen.config import read_config
    from hwgen.cost.devices import device_of
    from hwgen.data import read_dataset
    from hwgen.errors import HwgenError
    from hwgen.search.study import DEFAULT_BATCH, DEFAULT_OBJECTIVES, DEFAULT_STRATEGY, DEFAULT_TARGET, DEFAULT_TRIALS, Request
    from hwgen.search.study import search as searched
    from hwgen.search.workers import cores
    from hwgen.search_section import SearchSection

    screen, folder = Screen(as_json=json), out or Path("build") / f"{model.stem}.search"
    section = SearchSection() if config is None else read_config(config).search
    fits = device or section.device
    held = None if fits is None else device_of(fits)
    limits = () if held is None else tuple(f"{name}<={limit}" for name, limit in held.limits.items())
    family = target or (section.target if device is None else None) or (held and held.target) or DEFAULT_TARGET
    if held is not None and family != held.target:
        raise HwgenError("usage", f"--target {family}", f"is not the family of {held.name}, {held.target}", "give one of the two")
    if (retrain_data is None) != (retrain_epochs == 0):
        raise HwgenError("usage", "--retrain-epochs", "and --retrain-data go together", "give both, or none")
    with ModelOptions(config=config, parallelism=parallelism, argmax=argmax).resolved(model) as resolved:
        graph = flow.import_model(model)
        judging = read_dataset(data, graph)
        training = None if retrain_data is None else (read_dataset(retrain_data, graph), retrain_epochs, learning_rate)
        request = Request(
            strategy=strategy or section.strategy or DEFAULT_STRATEGY, trials=trials or section.trials or DEFAULT_TRIALS,
            batch=batch or section.batch or DEFAULT_BATCH, seed=seed if seed is not None else section.seed or 0,
            objectives=_named(objectives, section.objectives, DEFAULT_OBJECTIVES),
            constraints=(*(constraint if constraint is not None else _no_code(section.constraints)), *limits),
            workers=workers or cores(), ray=ray_address or ("" if ray else None), resume=resume,
            target=family, options=resolved.options, section=section,
            file="" if config is None else config.name, retraining=training,
            dsps=dsp if dsp is not None else section.dsp is not False,
            confirm=confirm if confirm is not None else section.confirm is True,
        )
        with screen.counting("searching", request.trials) as count:
            found = searched(
                graph, judging, folder, request, lambda done, best: count(done, _best(best, request)),
                lambda trial: count(request.trials, f"synthesizing trial {trial}"),
            )
    pictures = _plots(folder, found, request, compare or []) if plots else []
    _show(screen, folder, found, pictures)
    if found.interrupted:
        screen.line(f"interrupted after {len(found.trials)} of {request.trials} trials; --resume goes on")
        raise typer.Exit(_INTERRUPTED)


def _named(given: str | None, from_file: list[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Objectives: code may stand on the command line, and nowhere else."""
    if given is not None:
        return tuple(part.strip() for part in given.split(",") if part.strip())
    return default if from_file is None else tuple(_no_code(from_file))


def _no_code(texts: list[str]) -> list[str]:
    from hwgen.errors import HwgenError

    for text in texts:
        if ":" in text:
            raise HwgenError("objective", f"objective {text!r}", "is code, named in a file", "give it on the command line")
    return texts


def _best(measures: Measures | None, request: Request) -> str:
    if measures is None:
        return "nothing yet"
    return "best " + ", ".join(f"{name} {measures[name]:.5g}" for name in request.objectives if name in measures)


def _plots(folder: Path, found: Found, request: Request, compare: list[Path]) -> list[Path]:
    from hwgen.search.plots import write_plots
    from hwgen.search.results import of_journal

    others = [(other.name, of_journal(other, found)) for other in compare]
    return write_plots(folder, found, others, request.strategy)


def _show(screen: Screen, folder: Path, found: Found, pictures: list[Path]) -> None:
    from hwgen.cost.accuracy import accuracy_of
    from hwgen.errors import clean
    from hwgen.search.results import BEST, record

    made: dict[str, Any] = record(found)
    screen.result({**made, "study": str(folder), "plots": [str(p) for p in pictures]})
    names = [o.name for o in found.goals.objectives]
    extra = [n for n in ("accuracy", "luts", "average_bits", "latency") if n not in names and any(n in m for _, m in found.judged)]
    rows: list[list[Any]] = [
        [f"trial {t.number}", *(m.get(n) for n in (*names, *extra)), *_counted(found.confirmed.get(t.number), m)]
        for t, m in found.front
    ]
    rows += [
        [f"all {u.bits} bits", *(u.outcome.measures.get(n) for n in (*names, *extra)), *[None] * len(_COUNTED)]
        for u in found.uniform if u.outcome.measures is not None
    ]
    columns = ["design", *names, *extra, *(_COUNTED if found.confirmed else ())]
    screen.table(columns, [row[: len(columns)] for row in rows])
    screen.line()
    error = accuracy_of(found.target, dsps=found.dsps)
    without = "" if found.dsps else " without multiplier blocks"
    factors = f"within a factor {error.typical:g} of Yosys's as a rule, {error.largest:g} at most"
    screen.facts(
        [
            ("space", f"{found.space.size} points in {len(found.space.dimensions)} dimensions"),
            ("trials", f"{len(found.trials)}, of {len({t.key for t in found.trials})} points; {len(found.failed)} failed"),
            ("front", f"{len(found.front)} designs" + (f"; the best {names[0]}: {clean(folder / BEST)}" if found.front else "")),
            ("expected error", f"luts of {found.target}{without} {factors}"),
        ]
    )


def _counted(seen: Confirmed | None, measures: Measures) -> list[Cell]:
    if seen is None:
        return [None] * len(_COUNTED)
    area = seen.area
    return [area.luts, area.ffs, area.dsps, area.brams, f"{seen.errors_percent(measures)['luts']:+.1f} %"]
