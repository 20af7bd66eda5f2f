"""Any function of a narrow code, by enumeration: the third form of a requantizer (`hwgen.ops.requantize`).

    table   values[a - low], one table for all channels

A bipolar result is stored as 0 or 1 and stands for -1 or +1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.requant import table_cost
from hwgen.dataflow.unit import Memory, MemoryField, Parallelism, Unit, memory_style, tensor_beats
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import Interval
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input, narrowed, random_format, random_lanes


@dataclass(frozen=True, eq=False, slots=True)
class TableAttrs(Attrs):
    """See `TableMap`.  values: (codes,) int64, for the codes from ``low`` on."""

    low: int
    values: IntArray
    format: Integer


def _infer(node: Node) -> tuple[TensorType, ...]:
    return (TensorType(node.inputs[0].type.shape, attrs_as(node, TableAttrs).format),)


def _bounds(node: Node) -> tuple[Interval, ...]:
    format_ = attrs_as(node, TableAttrs).format
    return (Interval(format_.low, format_.high),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs = attrs_as(node, TableAttrs)
    raw = attrs.values[inputs[0] - attrs.low]
    return 2 * raw - 1 if attrs.format.bipolar else raw


def _values_from(attrs: TableAttrs, x: Integer) -> IntArray:
    """The values of all codes of ``x``; of those that the table leaves out (they do not occur) its first or last."""
    return attrs.values[np.clip(np.arange(x.low, x.high + 1) - attrs.low, 0, len(attrs.values) - 1)]


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, x, lanes = attrs_as(node, TableAttrs), codes_format(node.inputs[0]), parallelism.outputs
    words = np.zeros(1 << x.bits, dtype=np.int64)
    codes = np.arange(x.low, x.high + 1, 2 if x.bipolar else 1)
    words[np.asarray(x.to_bits(codes), dtype=np.int64)] = _values_from(attrs, x)[codes - x.low]
    style = memory_style(len(words), attrs.format.bits)
    count = tensor_beats(node.output.type.shape, lanes)
    unit = Unit(
        "hg_table",
        (("Lanes", lanes), ("InWidth", x.bits), ("OutWidth", attrs.format.bits), ("RomStyle", int(style))),
        (Memory("File", (MemoryField(words, attrs.format.bits),)),), lanes, lanes, count, count, style.latency_cycles,
    )
    return (unit,)


_MOST_SAMPLE_BITS: Final = 10
"""Bits of the input of a sampled table; 1024 words of a few bits are a block memory."""


def _sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random, most_bits=_MOST_SAMPLE_BITS)
    x, format_ = codes_format(value), random_format(random)
    low, high = (0, 1) if format_.bipolar else (format_.low, format_.high)
    values = np.array([random.randint(low, high) for _ in range(x.low, x.high + 1)], dtype=np.int64)
    lanes = random_lanes(random, value.type.elements)
    return Case(make(TABLE, TableAttrs(x.low, values, format_), [value], "y", "table"), Parallelism(lanes, lanes))


def _takes(value: Value) -> bool:
    return codes_format(value).bits <= _MOST_SAMPLE_BITS


def _refit(node: Node, value: Value) -> Attrs:
    attrs, x = attrs_as(node, TableAttrs), codes_format(value)
    return replace(attrs, low=x.low, values=_values_from(attrs, x))


def _plainer(node: Node) -> Iterator[Attrs]:
    a = attrs_as(node, TableAttrs)
    smaller = narrowed(a.format)
    if smaller is not None:
        yield replace(a, values=np.clip(a.values, smaller.low, smaller.high), format=smaller)


TABLE = IntegerOp(
    "table", TableAttrs, _infer, _reference, _bounds, _units, _sample, _refit, _plainer, _takes, costs={"hg_table": table_cost},
)
