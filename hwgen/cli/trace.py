"""``hwgen trace``: the first layer and value at which two runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen.cli.options import Json, ModelOptions, with_model_options
from hwgen.errors import EXIT_FAILED

_Run = Annotated[Path, typer.Argument(help="A model, or a build directory.")]


@with_model_options
def trace(
    a: _Run,
    b: _Run,
    options: ModelOptions,
    tolerance: Annotated[float, typer.Option("--tolerance", min=0.0, help="Difference of two reals that does not count.")] = 0.0,
    json: Json = False,
) -> None:
    """Find where two runs first differ.

    Runs the references of two models or builds on the same samples; exit 1 where they differ.

    A model is lowered with the options given; one that is not quantized runs in float64.  Of a build directory, what its
    last failed simulation left is reported too.
    """
    from dataclasses import asdict

    from hwgen.cli.runs import lowered_or_real, shared_samples
    from hwgen.cli.screen import Screen
    from hwgen.errors import clean
    from hwgen.sim.trace import recorded_failure
    from hwgen.sim.trace import trace as compare

    screen = Screen(as_json=json)
    with options.resolved(a) as request:
        first, second = (lowered_or_real(path, request.options) for path in (a, b))
        found = compare(first, second, shared_samples(first, second, request.options), tolerance=tolerance)
    failures = {str(path): recorded_failure(path) for path in (a, b) if path.is_dir()}
    screen.result(
        {
            "compared": found.compared, "only_a": list(found.only_a), "only_b": list(found.only_b),
            "difference": None if found.difference is None else asdict(found.difference), "recorded_failures": failures,
        }
    )
    facts = [("values compared", str(found.compared))]
    for name, only in ((a, found.only_a), (b, found.only_b)):
        if only:
            facts.append(("only in", clean(f"{name}: {', '.join(only)}")))
    facts.append(("first difference", "none" if found.difference is None else clean(found.difference)))
    for name, failure in failures.items():
        if failure is not None:
            facts.append(("hardware of", clean(f"{name}: {failure}")))
    screen.facts(facts)
    if found.difference is not None or any(failures.values()):
        raise typer.Exit(EXIT_FAILED)
