"""``python -m formal``: see the package."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from formal.campaign import Row, Work, campaign, never_broken, work
from hwgen.errors import EXIT_BAD_INPUT, EXIT_FAILED, HwgenError

_TITLES: Final = {
    "prove": "Proved for ever: order, no loss, no duplication, stability, capacity, rate, progress; from any state before a reset",
    "cover": "Reached: capacity, full rate",
    "sweep": "Exhausted by simulation",
    "mutant": "Broken templates, each refused",
}


def main(
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Proofs at a time.")] = os.cpu_count() or 1,
    only: Annotated[str, typer.Option("--only", help="Only what has this in its name.")] = "",
) -> None:
    """Proofs of the stream modules, exhaustion of small arithmetic, and a check that each of them can fail."""
    start = time.monotonic()
    try:
        todo = work(only)
        if not todo:
            raise HwgenError("usage", f"--only {only!r}", "is in no name", "leave it out to see all names")
        rows = _run(todo, jobs)
    except HwgenError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(EXIT_BAD_INPUT) from error
    for kind, title in _TITLES.items():
        _show(title, [row for row in rows if row.kind == kind])
    failed = [row for row in rows if not row.ok]
    for row in failed:
        print(f"{row.kind} {row.name}: {row.found}")
    unbroken = never_broken(rows) if not only else frozenset[str]()
    for name in sorted(unbroken):
        print(f"never seen to fail: {name}")
    spent = f"{time.monotonic() - start:.0f} s with {jobs} at a time, {sum(os.times()[:4]):.0f} s of processor time"
    print(f"{len(rows) - len(failed)} of {len(rows)} as they must be, {spent}")
    raise typer.Exit(EXIT_FAILED if failed or unbroken else 0)


def _run(todo: Sequence[Work], jobs: int) -> list[Row]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("formal", total=len(todo))

        def done(row: Row) -> None:
            progress.update(task, advance=1, description=row.name[:60])

        return campaign(todo, jobs, done)


def _show(title: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("", "name", "result", "engine"):
        table.add_column(name, overflow="fold")
    table.add_column("seconds", justify="right")
    for row in rows:
        table.add_row("ok" if row.ok else "FAILED", row.name, row.found, row.engine, f"{row.seconds:.1f}")
    Console(width=160).print(table)


if __name__ == "__main__":
    typer.run(main)
