"""Tables about a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.table import Table

from hwgen.search.goals import Measures
from hwgen.search.results import Found
from hwgen.search.space import Key

COLUMNS: Mapping[str, str] = {
    "accuracy": "{:.1%}", "total_bits": "{:,.0f}", "average_bits": "{:.2f}", "luts": "{:,.0f}", "latency": "{:.0f}",
}
"""Of a trial's measures, and how each is written."""


def designs(title: str, named: Iterable[tuple[str, Measures]], heading: str = "design") -> Table:
    """A row a design: how good it is, and what it takes."""
    table = Table(title=title)
    table.add_column(heading)
    for name in COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    for label, measures in named:
        table.add_row(label, *(written.format(measures[name]) for name, written in COLUMNS.items()))
    return table


def uniform(found: Found) -> list[tuple[str, Measures]]:
    """The designs with the same bits everywhere."""
    return [(f"{u.bits} bits everywhere", u.outcome.measures) for u in found.uniform if u.outcome.measures is not None]


def dimensions(found: Found) -> str:
    """What there was to choose, by name."""
    return ", ".join(d.name for d in found.space.dimensions if len(d.choices) > 1)


def choices(found: Found, key: Key) -> str:
    """What a point takes of that, in the same order."""
    taken = zip(found.space.dimensions, found.space.choices(key), strict=True)
    return ", ".join(choice.label for dimension, choice in taken if len(dimension.choices) > 1)
