"""``hwgen train``: quantization-aware training of a model, whose weights come back with their formats."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwgen.cli.options import Json, ModelPath
from hwgen.errors import HwgenError

if TYPE_CHECKING:
    from hwgen.cli.screen import Screen
    from hwgen.training.checkpoint import EpochRecord
    from hwgen.training.train import Progress

_INTERRUPTED = 130


def train(
    model: ModelPath,
    data: Annotated[Path, typer.Option("--data", metavar="FILE.npz", help="Inputs by name (or x) and targets (y).")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.hwg", help="Where to (build/<name of the model>.trained.hwg)."),
    ] = None,
    validation: Annotated[
        Path | None, typer.Option("--validation", metavar="FILE.npz", help="Data that judge (a fifth of --data, held back)."),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Passes over the data.")] = 20,
    learning_rate: Annotated[float, typer.Option("--lr", metavar="RATE", help="Of Adam, at the beginning.")] = 1e-3,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Samples a step.")] = 64,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Of the order of the samples.")] = 0,
    loss: Annotated[str, typer.Option("--loss", metavar="NAME", help="auto, cross-entropy or mse.")] = "auto",
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="NAME", help="What judges: a known metric, or package.module:function."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML with formats, as hwgen build takes it."),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="FORMAT", help="Format of what the model leaves in float, e.g. fixed<8,3>."),
    ] = None,
    input_format: Annotated[
        str | None, typer.Option("--input-format", metavar="FORMAT", help="Format of the input (the model's own, or fixed<16,6>)."),
    ] = None,
    fold_batch_norm: Annotated[
        bool, typer.Option("--fold-batch-norm", help="Into the weights before, which then are trained in its place."),
    ] = False,
    learn_scales: Annotated[
        bool, typer.Option("--learn-scales/--keep-scales", help="Of formats with a free scale."),
    ] = True,
    power_of_two_scales: Annotated[
        bool, typer.Option("--power-of-two-scales", help="Make free scales powers of two: shifts in hardware."),
    ] = False,
    keep_zeros: Annotated[bool, typer.Option("--keep-zeros", help="Weights that are 0 stay 0 (a pruned model).")] = False,
    prune: Annotated[
        str | None,
        typer.Option("--prune", metavar="TEXT", help="Gradually: magnitude:0.7 or blocks:0.5, the share in the end; or 2:4."),
    ] = None,
    parallelism: Annotated[
        str | None, typer.Option("--parallelism", metavar="TEXT", help="Of the design, for --prune blocks (4x4)."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted training of the same kind stopped.")] = False,
    json: Json = False,
) -> None:
    """Train a model with its values quantized.

    Ctrl-C keeps the best epoch so far; --resume goes on from there.  The best epoch, judged on data held back, is written as .hwg.
    """
    from hwgen import flow
    from hwgen.cli.options import ModelOptions
    from hwgen.cli.screen import Screen
    from hwgen.data import read_dataset
    from hwgen.errors import clean
    from hwgen.ir.text import print_graph
    from hwgen.metrics import metric_of
    from hwgen.profile.exact import exact_outputs
    from hwgen.pruning.gradual import GradualPruning
    from hwgen.rtl.atomic import write_text
    from hwgen.training.train import TrainOptions
    from hwgen.training.train import train as trained_by

    target = out or Path("build") / f"{model.stem}.trained.hwg"
    if target.suffix != ".hwg":
        raise HwgenError("usage", f"--out {target.name!r}", "does not end in .hwg", "name the file something.hwg")
    checkpoint = target.with_name(f"{target.name}.checkpoint")
    screen = Screen(as_json=json)
    judge = None if metric is None else metric_of(metric)
    asked = TrainOptions(
        epochs=epochs, learning_rate=learning_rate, batch=batch, seed=seed, loss=loss, learn_scales=learn_scales,
        power_of_two_scales=power_of_two_scales, keep_zeros=keep_zeros,
    )
    pruner = None if prune is None else GradualPruning.of(prune, parallelism)
    with ModelOptions(config=config, precision=precision, input_format=input_format).resolved(model) as request:
        imported = flow.import_model(model)
        samples = read_dataset(data, imported)
        judging = None if validation is None else read_dataset(validation, imported)
        graph, _ = flow.for_training(imported, request.options, fold_batch_norm=fold_batch_norm)
        flow.lower(graph)  # what has no hardware is refused before hours of training
        with _shown(screen, epochs) as progress:
            trained = trained_by(
                graph, samples, asked, validation=judging, metric=judge, checkpoint=checkpoint, resume=resume, progress=progress,
                pruner=pruner,
            )
        lowered = flow.lower(trained.graph)
    exact = trained.metric(exact_outputs(lowered, trained.validation), trained.validation.targets)
    write_text(target, print_graph(trained.graph))
    if not trained.interrupted:
        checkpoint.unlink(missing_ok=True)
    start, best = trained.history[0], trained.history[trained.best]
    screen.result(
        {
            "model": {"name": graph.name}, "file": str(target), "loss": trained.loss, "metric": trained.metric.name,
            "epochs": [
                {"number": e.number, "loss": e.loss, "validation_loss": e.validation_loss, "metric": e.metric}
                for e in trained.history
            ],
            "best_epoch": trained.best, "before": start.metric, "after": best.metric, "exact": exact,
            "validation_samples": trained.validation.samples, "interrupted": trained.interrupted,
        }
    )
    name = clean(trained.metric.name)
    screen.facts(
        [
            ("model", clean(graph.name)),
            ("kept", f"epoch {trained.best} of {epochs}, by {name} on {trained.validation.samples} samples"),
            (f"{name} before", f"{start.metric:.6g}"),
            (f"{name} after", f"{best.metric:.6g} (quantized in float32)"),
            (f"{name}, exact", f"{exact:.6g} (the integers that the hardware computes)"),
            ("written to", clean(target)),
        ]
    )
    if trained.interrupted:
        screen.line(f"interrupted after {len(trained.history) - 1} of {epochs} epochs; --resume goes on")
        raise typer.Exit(_INTERRUPTED)


@contextmanager
def _shown(screen: Screen, epochs: int) -> Generator[Progress]:
    """A bar on a terminal, a line now and then elsewhere."""

    def text(record: EpochRecord) -> str:
        return f"loss {record.loss:.4g}, held back {record.validation_loss:.4g}, metric {record.metric:.4g}"

    with screen.counting("training", epochs) as count:
        yield lambda record: count(record.number, text(record))
