"""What a command shows: progress on stderr, tables and lines or one JSON object on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from hwgen.errors import clean

_DOING: Final = {
    "import": "reading the model", "lower": "lowering to integers", "emit": "writing the hardware",
    "simulate": "compiling and simulating", "cocotb": "simulating with cocotb", "synthesize": "synthesizing",
    "route": "placing and routing", "netlist": "simulating the netlist",
}
_LONG: Final = ("simulate", "cocotb", "synthesize", "route", "netlist")
"""Phases that are announced where stderr is no terminal; before them lie those that find bad input."""
_UNLIMITED_WIDTH: Final = 10_000

Cell = str | int | float | None


class Screen:
    """The two streams of one command.  as_json: only `result` prints to stdout, and nothing reports progress."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @contextmanager
    def working(self) -> Generator[Callable[[str], None]]:
        """Gives a function that is told of each phase as it begins."""
        if self.as_json:
            yield lambda phase: None
        elif sys.stderr.isatty():
            from rich.console import Console

            with Console(stderr=True).status("starting") as status:
                yield lambda phase: status.update(_DOING.get(phase, phase))
        else:
            yield _announce

    def result(self, record: dict[str, Any]) -> None:
        """Prints the one JSON object, if JSON is wanted."""
        if self.as_json:
            sys.stdout.write(json.dumps(record) + "\n")

    def line(self, text: str = "") -> None:
        """Prints a line of our own words; foreign text in it must be `clean`."""
        if not self.as_json:
            sys.stdout.write(f"{text}\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Prints a table; text may be foreign.  Numbers stand to the right, None is a dash."""
        if self.as_json:
            return
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for index, column in enumerate(columns):
            numbers = all(isinstance(row[index], int | float | None) for row in rows)
            made.add_column(column, justify="right" if numbers and rows else "left", overflow="fold")
        for row in rows:
            made.add_row(*(Text(_cell(value)) for value in row))
        terminal = sys.stdout.isatty()
        console = Console(file=sys.stdout, width=None if terminal else _UNLIMITED_WIDTH, highlight=False)
        console.print(made)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Prints names and what they are, one pair a line."""
        width = max((len(name) for name, _ in pairs), default=0)
        for name, text in pairs:
            self.line(f"{name:<{width}}  {text}")


def _announce(phase: str) -> None:
    if phase in _LONG:
        sys.stderr.write(f"{_DOING[phase]} ...\n")
        sys.stderr.flush()


def _cell(value: Cell) -> str:
    if value is None:
        return "-"
    return clean(f"{value:g}" if isinstance(value, float) else value)
