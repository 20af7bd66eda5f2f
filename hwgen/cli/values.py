"""What `hwgen inspect` says of each value of a lowered graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hwgen.dataflow.plan import plan
from hwgen.dataflow.stage import integer_format
from hwgen.flow import DEFAULT_SAMPLES, BuildOptions
from hwgen.formats import Integer, Quantized
from hwgen.ir.graph import Graph, Node, Value
from hwgen.ops.eltwise import EltwiseAttrs
from hwgen.ops.lane_pool import PoolAttrs
from hwgen.ops.lookup import TableAttrs
from hwgen.ops.matvec import MatvecAttrs, weight_code
from hwgen.ops.requant_pieces import PiecesAttrs
from hwgen.ops.requantize import ScaleAttrs, ThresholdAttrs
from hwgen.ops.run import computed
from hwgen.ops.window_conv import ConvAttrs
from hwgen.sim.reference import samples_at_a_time
from hwgen.sim.samples import count, draw, encode, part


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


def _line(name: str, factor: int, offset: int) -> str:
    """``3*a + 2``, as short as may be."""
    return (name if factor == 1 else f"{factor}*{name}") + (f" {'+' if offset > 0 else '-'} {abs(offset)}" if offset else "")


def _how(node: Node) -> str:
    match node.attrs:
        case MatvecAttrs(weight=weight):
            outputs, inputs = weight.shape
            kind = ("", "bipolar ", "ternary ")[weight_code(weight).kind]
            return f"{inputs}x{outputs} {kind}weights {weight.min()}..{weight.max()} of {weight_code(weight).bits} bits"
        case ConvAttrs(weight=weight, groups=groups):
            outputs, rows, columns, inputs = weight.shape
            size = f"{inputs * groups}x{outputs}" + (f" in {groups} groups" if groups > 1 else "")
            return f"{size}, kernel {rows}x{columns}, weights {weight.min()}..{weight.max()} of {weight_code(weight).bits} bits"
        case PoolAttrs(kind=kind, kernel=kernel):
            return f"{kind} of {'x'.join(map(str, kernel))}"
        case EltwiseAttrs(kind=kind, a_mul=a_mul, a_off=a_off, b_mul=b_mul, b_off=b_off):
            return f"{kind} of {_line('a', a_mul, a_off)} and {_line('b', b_mul, b_off)}"
        case ScaleAttrs(multipliers=multipliers, shift=shift):
            per = "one multiplier" if len(multipliers) == 1 else f"{len(multipliers)} multipliers"
            return f"{per} of {max(m.bit_length() for m in map(abs, multipliers))} bits, shift {shift}"
        case PiecesAttrs(channels=channels, pieces=pieces, shift=shift):
            per = "for all channels" if channels == 1 else f"for each of {channels} channels"
            return f"{pieces} lines {per}, shift {shift}"
        case ThresholdAttrs(thresholds=thresholds):
            per = "for all channels" if len(thresholds) == 1 else f"for each of {len(thresholds)} channels"
            return f"{thresholds.shape[1]} thresholds {per}"
        case TableAttrs(values=values):
            return f"table of {len(values)} entries"
        case _:
            return ""


def describe_values(graph: Graph, options: BuildOptions, quantizers: Mapping[str, Quantized]) -> tuple[ValueRow, ...]:
    """One row for each integer value, in order; over the samples that ``options`` name.  quantizers: of inputs, by name."""
    flow = plan(graph, ())
    at_once = samples_at_a_time(graph)
    if options.inputs is None:
        codes = draw(flow, options.samples or min(DEFAULT_SAMPLES, at_once), options.seed)
    else:
        codes = encode(options.inputs, flow, quantizers)
    ends: dict[Value, tuple[int, int]] = {}
    for start in range(0, count(codes), at_once):
        for value, seen in computed(graph, part(codes, slice(start, start + at_once)), graph.values()):
            if isinstance(value.type.format, Integer) and np.issubdtype(seen.dtype, np.integer):
                low, high = int(seen.min()), int(seen.max())
                before = ends.get(value, (low, high))
                ends[value] = min(low, before[0]), max(high, before[1])
    return tuple(_row(value, ends[value], count(codes)) for value in graph.values() if value in ends)


def _row(value: Value, seen: tuple[int, int], samples: int) -> ValueRow:
    node, format_ = value.producer, integer_format(value)
    return ValueRow(
        value.name, node.path, node.op, value.type.shape, format_.short, format_.low, format_.high, *seen,
        tuple(float(s) for s in format_.scale), tuple(float(o) for o in format_.offset), _how(node), samples,
    )
