"""The table of layers that `build`, `emit` and `sim` print."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hwgen.cli.screen import Cell, Screen
from hwgen.dataflow.layers import layer_rows
from hwgen.dataflow.plan import Dataflow


def layer_records(flow: Dataflow) -> list[dict[str, Any]]:
    """The rows for JSON."""
    return [asdict(row) for row in layer_rows(flow)]


def print_layers(screen: Screen, flow: Dataflow) -> None:
    """The rows as a table."""
    rows: list[list[Cell]] = []
    for row in layer_rows(flow):
        rows.append(
            [
                row.path, " + ".join(row.operators), row.input_format, row.output_format, row.weight_bits, row.parallelism,
                row.multipliers, row.cycles, row.fifo_depth,
            ]
        )
    columns = ["layer", "operators", "in", "out", "weight bits", "parallelism", "multipliers", "cycles", "fifo depth"]
    screen.table(columns, rows)
    screen.line()
