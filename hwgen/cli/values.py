"""What `hwgen inspect` says of each value of a lowered graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hwgen.flow import BuildOptions, plan_dataflow
from hwgen.formats import Integer
from hwgen.ir.graph import Graph, Node
from hwgen.ops.linear import MatvecAttrs, weight_code
from hwgen.ops.lookup import TableAttrs
from hwgen.ops.requantize import ScaleAttrs, ThresholdAttrs
from hwgen.ops.run import evaluate
from hwgen.sim.samples import draw, encode


@dataclass(frozen=True, slots=True)
class ValueRow:
    """low, high: proven bounds of the codes.  seen: those of the samples run.  scale, offset: one, or one a channel.

    how: what computes it, in a few words.
    """

    name: str
    layer: str
    operator: str
    shape: tuple[int, ...]
    codes: str
    low: int
    high: int
    seen_low: int
    seen_high: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    how: str
    samples: int

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def some(numbers: Sequence[float]) -> str:
    """One number, or how many there are and between what they lie."""
    if len(numbers) == 1:
        return f"{numbers[0]:.6g}"
    return f"{min(numbers):.6g}..{max(numbers):.6g} ({len(numbers)} channels)"


def _how(node: Node) -> str:
    match node.attrs:
        case MatvecAttrs(weight=weight):
            outputs, inputs = weight.shape
            kind = ("", "bipolar ", "ternary ")[weight_code(weight).kind]
            return f"{inputs}x{outputs} {kind}weights {weight.min()}..{weight.max()} of {weight_code(weight).bits} bits"
        case ScaleAttrs(multipliers=multipliers, shift=shift):
            per = "one multiplier" if len(multipliers) == 1 else f"{len(multipliers)} multipliers"
            return f"{per} of {max(m.bit_length() for m in map(abs, multipliers))} bits, shift {shift}"
        case ThresholdAttrs(thresholds=thresholds):
            per = "for all channels" if len(thresholds) == 1 else f"for each of {len(thresholds)} channels"
            return f"{thresholds.shape[1]} thresholds {per}"
        case TableAttrs(values=values):
            return f"table of {len(values)} entries"
        case _:
            return ""


def describe_values(graph: Graph, options: BuildOptions) -> tuple[ValueRow, ...]:
    """One row for each integer value, in order; the samples run are those that ``options`` name."""
    flow = plan_dataflow(graph)
    codes = draw(flow, options.samples, options.seed) if options.inputs is None else encode(options.inputs, flow)
    values = evaluate(graph, {flow.input.name: codes})
    rows: list[ValueRow] = []
    for value in graph.values():
        format_, seen = value.type.format, values[value]
        if not isinstance(format_, Integer) or not np.issubdtype(seen.dtype, np.integer):
            continue
        node = value.producer
        rows.append(
            ValueRow(
                value.name, node.path, node.op, value.type.shape, format_.short, format_.low, format_.high, int(seen.min()),
                int(seen.max()), tuple(float(s) for s in format_.scale), tuple(float(o) for o in format_.offset), _how(node),
                len(codes),
            )
        )
    return tuple(rows)
