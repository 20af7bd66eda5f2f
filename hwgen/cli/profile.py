"""``hwgen profile``: how the numbers of a model lie, which types hold them, and what these types do."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwgen.cli.options import Json, ModelPath
from hwgen.errors import EXIT_FAILED, HwgenError

if TYPE_CHECKING:
    from hwgen.precision.rules import PrecisionConfig
    from hwgen.profile.report import Progress


def profile(
    model: ModelPath,
    data: Annotated[Path, typer.Option("--data", metavar="FILE.npz", help="Inputs by name (or x) and targets (y); or an .npy.")],
    metric: Annotated[
        str | None,
        typer.Option("--metric", metavar="NAME", help="What a proposal keeps (accuracy): a known one, or package.module:function."),
    ] = None,
    max_loss: Annotated[
        float | None, typer.Option("--max-loss", metavar="LOSS", help="By how much the metric may be worse than in float (0.005)."),
    ] = None,
    snr: Annotated[
        float | None, typer.Option("--snr", metavar="DB", help="Signal to noise that each value keeps, instead of a metric."),
    ] = None,
    overflow: Annotated[float, typer.Option("--overflow", metavar="SHARE", help="Of the numbers that may overflow.")] = 0.0,
    propose: Annotated[bool, typer.Option("--propose/--no-propose", help="Propose types where none are given.")] = True,
    compare: Annotated[bool, typer.Option("--compare", help="Also find the smallest single type with the same loss.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Types to look at, instead of a proposal."),
    ] = None,
    hls4ml_config: Annotated[
        Path | None, typer.Option("--hls4ml-config", metavar="FILE", help="The same in hls4ml's form (YAML or JSON)."),
    ] = None,
    write_config: Annotated[
        Path | None, typer.Option("--write-config", metavar="FILE.toml", help="Write the proposal, for hwgen build --config."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.html", help="Write a page that draws all of it.")] = None,
    samples: Annotated[int | None, typer.Option("--samples", metavar="N", min=1, help="The first N of the data.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Of the samples that confirm what others chose.")] = 0,
    json: Json = False,
) -> None:
    """Profile values, and propose types.

    Statistics of each value and weight; types with the fewest bits that keep a metric, or a signal-to-noise ratio; what clips and
    what vanishes in them; where the quantized run leaves the float one.  Exit 1 where no proposal keeps what was asked for.
    """
    from hwgen import flow
    from hwgen.cli.profile_tables import print_report, record_of
    from hwgen.cli.screen import Screen
    from hwgen.data import read_dataset
    from hwgen.metrics import metric_of
    from hwgen.precision.toml_text import to_toml
    from hwgen.profile.page import write_page
    from hwgen.profile.report import ProfileOptions, profile_model
    from hwgen.rtl.atomic import write_text

    screen = Screen(as_json=json)
    options = ProfileOptions(
        formats=_formats(config, hls4ml_config), propose=propose, metric=None if metric is None else metric_of(metric),
        most_loss=max_loss, snr_db=snr, overflow=overflow, compare=compare, seed=seed,
    )
    if write_config is not None and (options.formats is not None or not propose):
        raise HwgenError("usage", "--write-config", "given without a proposal to write", "leave out --config and --no-propose")
    graph = flow.import_model(model)
    given = read_dataset(data, graph)
    with _progress(quiet=json) as progress:
        report = profile_model(graph, given if samples is None else given.part(slice(samples)), options, progress)
    if write_config is not None:
        if report.proposal is None:
            raise HwgenError("usage", "--write-config", "the model quantizes everything itself", "leave it out")
        write_text(write_config, to_toml(report.proposal.config))
    if out is not None:
        write_page(report, out)
    screen.result(record_of(report))
    print_report(screen, report)
    for what, path in (("configuration", write_config), ("page", out)):
        if path is not None:
            screen.line(f"{what} written to {path}")
    if not report.ok:
        sys.stderr.write("hwgen: the proposal does not keep what was asked for on the samples that had no part in choosing it\n")
        raise typer.Exit(EXIT_FAILED)


def _formats(config: Path | None, hls4ml_config: Path | None) -> PrecisionConfig | None:
    from hwgen.config import read_config
    from hwgen.frontend.hls4ml_config import read_hls4ml_config

    if config is not None and hls4ml_config is not None:
        raise HwgenError("usage", "--config", "given together with --hls4ml-config", "look at one of the two")
    if hls4ml_config is not None:
        return read_hls4ml_config(hls4ml_config)
    if config is None:
        return None
    formats = read_config(config).layers
    if not formats.gives_formats:
        raise HwgenError("config", f"config {config.name!r}", "gives no formats", "write some, or leave out --config")
    return formats


@contextmanager
def _progress(*, quiet: bool) -> Generator[Progress]:
    """A bar on a terminal; elsewhere nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda phase, done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("profile", total=None)
        yield lambda phase, done, of: bar.update(task, description=phase, completed=done, total=of)
