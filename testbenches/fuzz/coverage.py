"""What a campaign has tried: operator × parallelism × format of the input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final

from rich.table import Table

from hwgen.dataflow.stage import Dataflow
from hwgen.formats import Integer
from hwgen.ir.graph import Value
from hwgen.ops.record import IntegerOp, make
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER, INTEGER_OPS

PARALLELISM: Final = ("1", "dividing", "not dividing", "full")
_BUCKETS: Final = (("1", 1, 1), ("2-4", 2, 4), ("5-8", 5, 8), ("9-16", 9, 16), ("17+", 17, 32))
_BIPOLAR: Final = "bipolar"
FORMATS: Final = (_BIPOLAR, *(f"{sign}{name}" for sign in ("u", "s") for name, _, _ in _BUCKETS))
"""Kinds of input: bipolar, then unsigned and signed by bits."""

Cell = tuple[str, str, str]
"""Row (operator, and for a matrix product which side), parallelism, format."""


def format_kind(format_: Integer) -> str:
    """One of `FORMATS`."""
    if format_.bipolar:
        return _BIPOLAR
    name = next(name for name, low, high in _BUCKETS if low <= format_.bits <= high or name == "17+")
    return f"{'s' if format_.signed else 'u'}{name}"


def parallelism_kind(lanes: int, elements: int) -> str:
    """One of `PARALLELISM`; of one element that is taken at once: full."""
    if lanes >= elements:
        return "full"
    if lanes == 1:
        return "1"
    return "dividing" if elements % lanes == 0 else "not dividing"


def cells(flow: Dataflow) -> Iterator[Cell]:
    """What a design exercises."""
    for stage in flow.stages:
        for placed in stage.units:
            node, unit = placed.node, placed.unit
            value, format_ = node.inputs[0], node.inputs[0].type.format
            if not isinstance(format_, Integer):
                raise TypeError(f"{value.name} is not lowered")
            kind = format_kind(format_)
            if placed is not stage.units[0] and placed.node is stage.units[0].node:
                continue  # another template of the same operator
            channels, made = value.type.shape[-1], node.output.type.shape[-1]
            lanes = next(p.unit.out_lanes for p in reversed(stage.units) if p.node is node)
            if INTEGER[node.op].work is not None:
                yield f"{node.op} in", parallelism_kind(unit.in_lanes, channels), kind
                yield f"{node.op} out", parallelism_kind(lanes, made), kind
            else:
                yield node.op, parallelism_kind(unit.in_lanes, channels), kind


def _representatives() -> Iterator[tuple[str, Integer]]:
    yield _BIPOLAR, Integer(-1, 1, bipolar=True)
    for name, bits, _ in _BUCKETS:
        yield f"u{name}", Integer(0, (1 << bits) - 1)
        yield f"s{name}", Integer(-(1 << bits - 1), (1 << bits - 1) - 1)


def possible() -> tuple[Cell, ...]:
    """Every cell that an operator's own word allows."""
    found: list[Cell] = []
    for op in INTEGER_OPS:
        for kind, format_ in _representatives():
            value = make(INPUT, InputAttrs((1, 4, 6), format_), [], "x", "x").output
            if op.takes(value) and _has_hardware(op, value):
                rows = [f"{op.name} in", f"{op.name} out"] if op.work is not None else [op.name]
                found += [(row, lanes, kind) for row in rows for lanes in PARALLELISM]
    return tuple(found)


def _has_hardware(op: IntegerOp, value: Value) -> bool:
    cases = (op.sample(Random(seed), value) for seed in range(8))
    return any(op.units(case.node, op.fit(case.node, case.parallelism)) for case in cases)


def table(seen: Counter[Cell]) -> Table:
    """Counts; a dash where the operator takes no such input."""
    allowed = possible()
    shown = Table(title="operator × parallelism × format of its input (u: unsigned, s: signed, by bits)")
    for column in ("operator", "lanes", *FORMATS):
        shown.add_column(column, justify="left" if column in ("operator", "lanes") else "right")
    for row in dict.fromkeys(row for row, _, _ in allowed):
        for lanes in PARALLELISM:
            counts = [str(seen[row, lanes, f]) if (row, lanes, f) in allowed else "-" for f in FORMATS]
            shown.add_row(row, lanes, *counts)
    return shown


def never_reached(seen: Counter[Cell]) -> dict[tuple[str, str], list[str]]:
    """The possible cells that no design exercised: formats by row and lanes."""
    missing: dict[tuple[str, str], list[str]] = {}
    for row, lanes, kind in possible():
        if not seen[row, lanes, kind]:
            missing.setdefault((row, lanes), []).append(kind)
    return missing
