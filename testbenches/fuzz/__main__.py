"""``python -m fuzz``: see the package."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fuzz.campaign import CASES, FAILURES, Job, Summary, campaign
from fuzz.case import load
from fuzz.check import check
from fuzz.coverage import never_reached, table
from hwgen.errors import EXIT_BAD_INPUT, EXIT_FAILED, HwgenError

_INTERRUPTED = 130


def main(
    folder: Annotated[str | None, typer.Argument(help="A case to run again: its folder, or its name.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Networks.")] = 30,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of all; without it a fresh one is drawn and printed.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes.")] = os.cpu_count() or 1,
    first: Annotated[int, typer.Option("--first", min=0, help="Number of the first network.")] = 0,
) -> None:
    """Random networks through the hardware, every bit and every cycle compared."""
    try:
        if folder is not None:
            code = _repeat(folder)
        else:
            code = _run(count, secrets.randbelow(1 << 31) if seed is None else seed, jobs, first)
    except HwgenError as error:
        print(error, file=sys.stderr)
        code = EXIT_BAD_INPUT
    raise typer.Exit(code)


def _repeat(name: str) -> int:
    """Exit 0 where the case is as it should be by now, 1 where it still fails."""
    found = next((f for f in (Path(name), FAILURES / name, CASES / name) if f.is_dir()), Path(name))
    failure = check(load(found)).failure
    print(f"{found.name}: {'as it should be' if failure is None else f'{failure.kind}: {failure.what}'}")
    return 0 if failure is None else EXIT_FAILED


def _run(count: int, seed: int, jobs: int, first: int) -> int:
    screen = Console(stderr=True)
    work = [Job(seed, number, FAILURES) for number in range(first, first + count)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    summary = Summary()
    try:
        print(f"seed {seed}: {count} networks (to repeat: make fuzz N={count} SEED={seed})", flush=True)
        with Progress(*columns, console=screen, transient=True) as progress:
            task = progress.add_task("networks", total=count)
            campaign(work, min(jobs, count), summary, lambda _: progress.advance(task))
    except KeyboardInterrupt:
        _report(summary, seed)
        print("interrupted")
        return _INTERRUPTED
    _report(summary, seed)
    return EXIT_FAILED if summary.failures else 0


def _report(summary: Summary, seed: int) -> None:
    Console(width=140).print(table(summary.cells))
    missing = never_reached(summary.cells)
    print(f"cells never reached: {sum(len(formats) for formats in missing.values()) or 'none'}")
    for (row, lanes), formats in missing.items():
        print(f"  {row}, {lanes} lanes: {' '.join(formats)}")
    for failure in summary.failures:
        print(f"network {failure.number}: {failure.what}")
        print(f"  left in testbenches/build/fuzz/{failure.name}; to repeat: cd testbenches && python -m fuzz {failure.name}")
    print("layers: " + ", ".join(f"{n} of {layers}" for layers, n in sorted(summary.layers.items())))
    rate = summary.tried / summary.seconds if summary.seconds else 0.0
    print(
        f"seed {seed}: {summary.tried} networks, {len(summary.failures)} differ, "
        f"{summary.seconds:.0f} s, {rate:.2f} networks a second"
    )


if __name__ == "__main__":
    typer.run(main)
