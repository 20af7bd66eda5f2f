"""The table of layers that `build`, `emit` and `sim` print."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hwgen.cli.screen import Cell, Screen
from hwgen.dataflow.plan import Dataflow, Stage, integer_format
from hwgen.dataflow.unit import Parallelism
from hwgen.formats import Integer
from hwgen.ops.linear import MatvecAttrs, weight_code


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One stage.  operators: in order.  weight_bits: None where there are no weights.  cycles: a tensor keeps it busy."""

    path: str
    operators: tuple[str, ...]
    modules: tuple[str, ...]
    input_format: str
    output_format: str
    weight_bits: int | None
    parallelism: str | None
    multipliers: int
    cycles: int
    fifo_depth: int


def short(format_: Integer) -> str:
    """``int8``, ``uint4`` or ``bipolar``: how codes are written, without what they stand for."""
    return "bipolar" if format_.bipolar else f"{'' if format_.signed else 'u'}int{format_.bits}"


def _row(stage: Stage) -> LayerRow:
    weights = [u.node.attrs.weight for u in stage.units if isinstance(u.node.attrs, MatvecAttrs)]
    return LayerRow(
        path=stage.path,
        operators=tuple(u.node.op for u in stage.units),
        modules=tuple(u.unit.module for u in stage.units),
        input_format=short(integer_format(stage.input)),
        output_format=short(integer_format(stage.output)),
        weight_bits=weight_code(weights[0]).bits if weights else None,
        parallelism=str(Parallelism(stage.first.in_lanes, stage.first.out_lanes)) if stage.first.streams else None,
        multipliers=stage.first.multipliers,
        cycles=stage.cycles,
        fifo_depth=stage.fifo_depth,
    )


def layer_records(flow: Dataflow) -> list[dict[str, Any]]:
    """The rows for JSON."""
    return [asdict(_row(stage)) for stage in flow.stages]


def print_layers(screen: Screen, flow: Dataflow) -> None:
    """The rows as a table."""
    rows: list[list[Cell]] = []
    for row in map(_row, flow.stages):
        rows.append(
            [
                row.path, " + ".join(row.operators), row.input_format, row.output_format, row.weight_bits, row.parallelism,
                row.multipliers, row.cycles, row.fifo_depth,
            ]
        )
    columns = ["layer", "operators", "in", "out", "weight bits", "parallelism", "multipliers", "cycles", "fifo depth"]
    screen.table(columns, rows)
    screen.line()
