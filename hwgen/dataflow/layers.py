"""What there is to say of each stage of a plan, one row a stage: for tables and for the page."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.dataflow.plan import Dataflow, Stage, integer_format
from hwgen.dataflow.unit import Parallelism
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


def _row(stage: Stage) -> LayerRow:
    weights = [u.node.attrs.weight for u in stage.units if isinstance(u.node.attrs, MatvecAttrs)]
    return LayerRow(
        path=stage.path,
        operators=tuple(u.node.op for u in stage.units),
        modules=tuple(u.unit.module for u in stage.units),
        input_format=integer_format(stage.input).short,
        output_format=integer_format(stage.output).short,
        weight_bits=weight_code(weights[0]).bits if weights else None,
        parallelism=str(Parallelism(stage.first.in_lanes, stage.first.out_lanes)) if stage.first.streams else None,
        multipliers=stage.first.multipliers,
        cycles=stage.cycles,
        fifo_depth=stage.fifo_depth,
    )


def layer_rows(flow: Dataflow) -> tuple[LayerRow, ...]:
    """The rows in the order of the stages."""
    return tuple(map(_row, flow.stages))
