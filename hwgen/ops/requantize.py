"""Requantizers of the integer graph: from an accumulator or a code to a code, exactly (`hwgen.numerics.requantize`).

    requant_scale      clip(sum_j (a*m[c] + b[c][j]) >> shift, low, high)
    requant_threshold  offset + #{k : a >= t[c][k]}
    table              values[a - low]

A bipolar result is computed as 0 or 1 and stands for -1 or +1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from hwgen.dataflow.unit import (
    TREE_LEVELS_PER_STAGE,
    Memory,
    MemoryField,
    Parallelism,
    Unit,
    beats,
    memory_style,
    tree_ranks,
)
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer, bits_for
from hwgen.ir.graph import Attrs, Node, TensorType
from hwgen.numerics.interval import SAFE_BITS, Interval
from hwgen.numerics.requantize import Requantizer, TableMap
from hwgen.numerics.scale_shift import ScaleShift
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.source import INPUT, InputAttrs

CLIP_LIMIT: Final = (1 << 31) - 1
"""Clip limits are 32-bit parameters of the template."""


@dataclass(frozen=True, slots=True)
class ScaleAttrs(Attrs):
    """See `ScaleShift`; one multiplier and one tuple of offsets for all channels, or one a channel."""

    multipliers: tuple[int, ...]
    offsets: tuple[tuple[int, ...], ...]
    shift: int
    low: int
    high: int
    wrap: bool
    format: Integer


@dataclass(frozen=True, eq=False, slots=True)
class ThresholdAttrs(Attrs):
    """See `Thresholds`.  thresholds: (channels or 1, levels - 1) int64."""

    thresholds: IntArray
    invert: tuple[bool, ...]
    offset: int
    format: Integer


@dataclass(frozen=True, eq=False, slots=True)
class TableAttrs(Attrs):
    """See `TableMap`.  values: (codes,) int64, for the codes from ``low`` on."""

    low: int
    values: IntArray
    format: Integer


RequantAttrs = ScaleAttrs | ThresholdAttrs | TableAttrs


def requantizer_node(found: Requantizer, format_: Integer) -> tuple[str, RequantAttrs]:
    """The operator and attributes that carry a solution; one function for all channels is kept once."""
    if isinstance(found, ScaleShift):
        multipliers, offsets = found.multipliers, found.offsets
        if len(set(zip(multipliers, offsets, strict=True))) == 1:
            multipliers, offsets = multipliers[:1], offsets[:1]
        return "requant_scale", ScaleAttrs(
            multipliers, offsets, found.shift, found.low, found.high, found.wrap, format_
        )
    if isinstance(found, TableMap):
        return "table", TableAttrs(found.low, np.array(found.values, dtype=np.int64), format_)
    rows, invert = found.rows, found.invert
    if len(set(zip(rows, invert, strict=True))) == 1:
        rows, invert = rows[:1], invert[:1]
    return "requant_threshold", ThresholdAttrs(np.array(rows, dtype=np.int64), invert, found.offset, format_)


def _format_in(node: Node) -> Integer:
    format_ = node.inputs[0].type.format
    if not isinstance(format_, Integer) or format_.bits > SAFE_BITS:
        raise HwgenError("broken-graph", f"{node.op} {node.path!r}", f"input is {format_}", "lower the graph first")
    return format_


def _attrs(node: Node) -> RequantAttrs:
    if not isinstance(node.attrs, ScaleAttrs | ThresholdAttrs | TableAttrs):
        raise TypeError(f"{node.op} carries {type(node.attrs).__name__}")
    return node.attrs


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = _attrs(node), node.inputs[0].type.shape
    match attrs:
        case ScaleAttrs():
            channels = len(attrs.multipliers)
        case ThresholdAttrs():
            channels = len(attrs.thresholds)
        case TableAttrs():
            channels = 1
    if channels not in (1, shape[-1]):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"{channels} channels for {shape[-1]}", "give one or one a channel"
        )
    _format_in(node)
    return (TensorType(shape, attrs.format),)


def _bounds(node: Node) -> tuple[Interval, ...]:
    format_ = _attrs(node).format
    return (Interval(format_.low, format_.high),)


def _bipolar(raw: IntArray, format_: Integer) -> IntArray:
    return 2 * raw - 1 if format_.bipolar else raw


def _scale_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, x = attrs_as(node, ScaleAttrs), _format_in(node)
    reach = max(abs(x.low), abs(x.high)) * max(map(abs, attrs.multipliers))
    reach += max(abs(b) for offsets in attrs.offsets for b in offsets)
    exact = np.int64 if reach.bit_length() <= SAFE_BITS else object
    product = inputs[0].astype(exact) * np.array(attrs.multipliers, dtype=exact)
    total = sum(
        (product + np.array([o[j] for o in attrs.offsets], dtype=exact)) >> attrs.shift
        for j in range(len(attrs.offsets[0]))
    )
    if attrs.wrap:
        result = (total - attrs.low) % (attrs.high - attrs.low + 1) + attrs.low
    else:
        result = np.clip(total, attrs.low, attrs.high)
    return _bipolar(np.asarray(result).astype(np.int64), attrs.format)


def _threshold_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, x = attrs_as(node, ThresholdAttrs), inputs[0]
    seen = np.where(np.array(attrs.invert), ~x, x)
    count = np.zeros_like(x)
    for k in range(attrs.thresholds.shape[1]):
        count += seen >= attrs.thresholds[:, k]
    return _bipolar(count + attrs.offset, attrs.format)


def _table_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs = attrs_as(node, TableAttrs)
    return _bipolar(attrs.values[inputs[0] - attrs.low], attrs.format)


# --- hardware ---------------------------------------------------------------------------------------------------------


def _signed_bits(values: Sequence[int]) -> int:
    return bits_for(min(-1, *values), max(0, *values))


def _channel_fields(rows: IntArray, bits: Sequence[int], channels: int, lanes: int) -> tuple[MemoryField, ...]:
    """Fields of a memory word: for each lane the columns of its channel, lowest first; rows (channels or 1, columns)."""
    blocks = beats(channels, lanes)
    padded = np.zeros((blocks * lanes, rows.shape[1]), dtype=rows.dtype)
    padded[:channels] = rows
    tiles = padded.reshape(blocks, lanes * rows.shape[1])
    return tuple(MemoryField(tiles[:, k], bits[k % len(bits)]) for k in range(tiles.shape[1]))


def _elements(node: Node) -> int:
    return int(np.prod(node.inputs[0].type.shape))


def _period(node: Node, own_channels: int, lanes: int) -> tuple[int, int]:
    """Channels that the parameter memory covers, and its depth in blocks.

    One function for all channels needs one block.  Otherwise the memory runs over the last axis, which the lanes must
    divide unless it is the whole vector.
    """
    elements, channels = _elements(node), node.inputs[0].type.shape[-1]
    if own_channels == 1:
        return lanes, 1
    if elements != channels and channels % lanes:
        return elements, beats(elements, lanes)
    return channels, beats(channels, lanes)


def _unit(node: Node, module: str, parameters: tuple[tuple[str, int], ...], memory: Memory, lanes: int, latency: int) -> Unit:
    count = beats(_elements(node), lanes)
    return Unit(module, parameters, (memory,), lanes, lanes, count, count, latency)


def _scale_unit(node: Node, parallelism: Parallelism) -> Unit:
    attrs, x, lanes = attrs_as(node, ScaleAttrs), _format_in(node), parallelism.outputs
    own = len(attrs.multipliers)
    covered, blocks = _period(node, own, lanes)
    multiplies = any(m != 1 for m in attrs.multipliers)
    m_bits = _signed_bits(attrs.multipliers) if multiplies else 0
    b_bits = _signed_bits([b for offsets in attrs.offsets for b in offsets])
    pairs = zip(attrs.multipliers, attrs.offsets, strict=True)
    rows = np.array([[*([m] if multiplies else []), *b] for m, b in pairs], dtype=object)
    rows = rows[np.arange(covered) % own]
    bits = [*([m_bits] if multiplies else []), *([b_bits] * len(attrs.offsets[0]))]
    memory = Memory("File", _channel_fields(rows, bits, covered, lanes))
    style = memory_style(blocks, memory.width_bits)
    return _unit(
        node, "hg_requant_scale",
        (
            ("Lanes", lanes), ("Blocks", blocks), ("InWidth", x.bits), ("InSigned", int(x.signed)), ("MWidth", m_bits),
            ("BWidth", b_bits), ("Shift", attrs.shift), ("TwoSums", len(attrs.offsets[0]) - 1),
            ("OutWidth", attrs.format.bits), ("OutLow", attrs.low), ("OutHigh", attrs.high),
            ("Wrap", int(attrs.wrap)), ("RomStyle", int(style)),
        ),
        memory, lanes, style.latency_cycles + 2 + multiplies,
    )


def _threshold_unit(node: Node, parallelism: Parallelism) -> Unit:
    attrs, x, lanes = attrs_as(node, ThresholdAttrs), _format_in(node), parallelism.outputs
    own, levels = attrs.thresholds.shape
    covered, blocks = _period(node, own, lanes)
    inverts = any(attrs.invert)
    t_bits = _signed_bits([int(attrs.thresholds.min()), int(attrs.thresholds.max())])
    columns = [attrs.thresholds] + ([np.array(attrs.invert, dtype=np.int64)[:, None]] if inverts else [])
    rows = np.concatenate(columns, axis=1)[np.arange(covered) % own]
    memory = Memory("File", _channel_fields(rows, [t_bits] * levels + [1] * inverts, covered, lanes))
    style = memory_style(blocks, memory.width_bits)
    return _unit(
        node, "hg_requant_threshold",
        (
            ("Lanes", lanes), ("Blocks", blocks), ("InWidth", x.bits), ("InSigned", int(x.signed)), ("Levels", levels),
            ("TWidth", t_bits), ("OutOffset", attrs.offset), ("OutWidth", attrs.format.bits), ("HasInvert", int(inverts)),
            ("RomStyle", int(style)), ("TreeLevelsPerStage", TREE_LEVELS_PER_STAGE),
        ),
        memory, lanes, style.latency_cycles + tree_ranks(levels) + 2,
    )


def _table_unit(node: Node, parallelism: Parallelism) -> Unit:
    attrs, x, lanes = attrs_as(node, TableAttrs), _format_in(node), parallelism.outputs
    words = np.zeros(1 << x.bits, dtype=np.int64)
    codes = np.arange(x.low, x.high + 1, 2 if x.bipolar else 1)
    words[np.asarray(x.to_bits(codes), dtype=np.int64)] = attrs.values[codes - attrs.low]
    style = memory_style(len(words), attrs.format.bits)
    return _unit(
        node, "hg_table",
        (("Lanes", lanes), ("InWidth", x.bits), ("OutWidth", attrs.format.bits), ("RomStyle", int(style))),
        Memory("File", (MemoryField(words, attrs.format.bits),)), lanes, style.latency_cycles,
    )


# --- samples ----------------------------------------------------------------------------------------------------------


def _source(random: Random) -> tuple[Node, int]:
    channels = random.randint(1, 7)
    low = random.choice((-200, -8, 0))
    return make(INPUT, InputAttrs((1, channels), Integer(low, low + random.choice((1, 15, 300)))), [], "x", "x"), channels


def _scale_sample(random: Random) -> Case:
    source, channels = _source(random)
    sums = random.choice((1, 2))
    multipliers = tuple(random.randint(-9, 9) for _ in range(channels))
    offsets = tuple(tuple(random.randint(-99, 99) for _ in range(sums)) for _ in range(channels))
    attrs = ScaleAttrs(multipliers, offsets, random.randint(0, 9), -8, 7, random.random() < 0.3, Integer(-8, 7))
    return Case(make(REQUANT_SCALE, attrs, [source.output], "y", "requant"), _lanes(random, channels))


def _threshold_sample(random: Random) -> Case:
    source, channels = _source(random)
    levels = random.choice((1, 3, 7))
    rows = np.sort(np.array([[random.randint(-210, 310) for _ in range(levels)] for _ in range(channels)]), axis=1)
    attrs = ThresholdAttrs(rows, tuple(random.random() < 0.5 for _ in rows), -1, Integer(-1, levels - 1))
    return Case(make(REQUANT_THRESHOLD, attrs, [source.output], "y", "requant"), _lanes(random, channels))


def _table_sample(random: Random) -> Case:
    source, channels = _source(random)
    x = _format_in(Node("table", source.attrs, (source.output,), (), (), "table"))
    values = np.array([random.randint(0, 15) for _ in range(x.low, x.high + 1)])
    attrs = TableAttrs(x.low, values, Integer(0, 15))
    return Case(make(TABLE, attrs, [source.output], "y", "table"), _lanes(random, channels))


def _lanes(random: Random, channels: int) -> Parallelism:
    lanes = random.randint(1, channels)
    return Parallelism(lanes, lanes)


REQUANT_SCALE = IntegerOp("requant_scale", ScaleAttrs, _infer, _scale_reference, _bounds, _scale_unit, _scale_sample)
REQUANT_THRESHOLD = IntegerOp(
    "requant_threshold", ThresholdAttrs, _infer, _threshold_reference, _bounds, _threshold_unit, _threshold_sample
)
TABLE = IntegerOp("table", TableAttrs, _infer, _table_reference, _bounds, _table_unit, _table_sample)
