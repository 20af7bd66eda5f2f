"""Requantizers of the integer graph: from an accumulator or a code to a code, exactly (`hwgen.numerics.requantize`).

    requant_scale      clip(sum_j (a*m[c] + b[c][j]) >> shift, low, high)
    requant_threshold  offset + #{k : a >= t[c][k]}

The other forms: `hwgen.ops.requant_pieces`, and a table, `hwgen.ops.lookup`.
A bipolar result is computed as 0 or 1 and stands for -1 or +1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from hwgen.cost.requant import scale_cost, threshold_cost
from hwgen.dataflow.unit import TREE_LEVELS_PER_STAGE, Memory, Parallelism, Unit, memory_style, tree_ranks
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import SAFE_BITS, Interval
from hwgen.numerics.pieces import Pieces
from hwgen.numerics.requantize import Requantizer, TableMap
from hwgen.numerics.scale_shift import ScaleShift
from hwgen.ops.lookup import TableAttrs
from hwgen.ops.record import Case, IntegerOp, attrs_as
from hwgen.ops.requant_pieces import PiecesAttrs
from hwgen.ops.requantizing import (
    as_bipolar,
    channel_fields,
    channel_units,
    format_in,
    own_channels,
    period,
    requantizer_case,
    signed_bits,
    takes_sums,
)
from hwgen.ops.sampling import codes_format, fresh_input, narrowed, random_format, random_signed, spread


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


def requantizer_node(
    found: Requantizer, format_: Integer
) -> tuple[str, ScaleAttrs | PiecesAttrs | ThresholdAttrs | TableAttrs]:
    """The operator and attributes that carry a solution; one function for all channels is kept once."""
    if isinstance(found, ScaleShift):
        multipliers, offsets = found.multipliers, found.offsets
        if len(set(zip(multipliers, offsets, strict=True))) == 1:
            multipliers, offsets = multipliers[:1], offsets[:1]
        return "requant_scale", ScaleAttrs(
            multipliers, offsets, found.shift, found.low, found.high, found.wrap, format_
        )
    if isinstance(found, Pieces):
        count = 1 if len(set(zip(found.bounds, found.lines, strict=True))) == 1 else len(found.bounds)
        return "requant_pieces", PiecesAttrs(
            found.bounds[:count], tuple(tuple(m for m, _ in lines) for lines in found.lines[:count]),
            tuple(tuple(b for _, b in lines) for lines in found.lines[:count]),
            found.shift, found.low, found.high, found.wrap, format_,
        )
    if isinstance(found, TableMap):
        return "table", TableAttrs(found.low, np.array(found.values, dtype=np.int64), format_)
    rows, invert = found.rows, found.invert
    if len(set(zip(rows, invert, strict=True))) == 1:
        rows, invert = rows[:1], invert[:1]
    return "requant_threshold", ThresholdAttrs(np.array(rows, dtype=np.int64), invert, found.offset, format_)


def _attrs(node: Node) -> ScaleAttrs | ThresholdAttrs:
    if not isinstance(node.attrs, ScaleAttrs | ThresholdAttrs):
        raise TypeError(f"{node.op} carries {type(node.attrs).__name__}")
    return node.attrs


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = _attrs(node), node.inputs[0].type.shape
    channels = len(attrs.multipliers if isinstance(attrs, ScaleAttrs) else attrs.thresholds)
    if channels not in (1, shape[-1]):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"{channels} channels for {shape[-1]}", "give one or one a channel"
        )
    format_in(node)
    return (TensorType(shape, attrs.format),)


def _bounds(node: Node) -> tuple[Interval, ...]:
    format_ = _attrs(node).format
    return (Interval(format_.low, format_.high),)


def _scale_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, x = attrs_as(node, ScaleAttrs), format_in(node)
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
    return as_bipolar(np.asarray(result).astype(np.int64), attrs.format)


def _threshold_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, x = attrs_as(node, ThresholdAttrs), inputs[0]
    seen = np.where(np.array(attrs.invert), ~x, x)
    count = np.zeros_like(x)
    for k in range(attrs.thresholds.shape[1]):
        count += seen >= attrs.thresholds[:, k]
    return as_bipolar(count + attrs.offset, attrs.format)


# --- hardware ---------------------------------------------------------------------------------------------------------


def _scale_of_bits(attrs: ScaleAttrs) -> ScaleAttrs:
    """The same function of the bit b that carries a bipolar code 2b - 1."""
    pairs = tuple(zip(attrs.multipliers, attrs.offsets, strict=True))
    return replace(attrs, multipliers=tuple(2 * m for m, _ in pairs), offsets=tuple(tuple(b - m for b in o) for m, o in pairs))


def _thresholds_of_bits(attrs: ThresholdAttrs) -> ThresholdAttrs:
    """The same function of b: 2b - 1 >= t, or ~(2b - 1) = -2b >= t and so ~b = -b - 1 >= ceil(t / 2) - 1."""
    invert, t = np.array(attrs.invert)[:, None], attrs.thresholds
    return replace(attrs, thresholds=np.where(invert, -(-t // 2) - 1, t // 2 + 1))


def _scale_units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, x, lanes = attrs_as(node, ScaleAttrs), format_in(node), parallelism.outputs
    attrs = _scale_of_bits(attrs) if x.bipolar else attrs
    own = len(attrs.multipliers)
    covered, blocks = period(node, own, lanes)
    multiplies = any(m != 1 for m in attrs.multipliers)
    m_bits = signed_bits(attrs.multipliers) if multiplies else 0
    b_bits = signed_bits([b for offsets in attrs.offsets for b in offsets])
    pairs = zip(attrs.multipliers, attrs.offsets, strict=True)
    rows = np.array([[*([m] if multiplies else []), *b] for m, b in pairs], dtype=object)
    rows = rows[np.arange(covered) % own]
    bits = [*([m_bits] if multiplies else []), *([b_bits] * len(attrs.offsets[0]))]
    memory = Memory("File", channel_fields(rows, bits, covered, lanes))
    style = memory_style(blocks, memory.width_bits)
    return channel_units(
        node, "hg_requant_scale",
        (
            ("Lanes", lanes), ("Blocks", blocks), ("InWidth", x.bits), ("InSigned", int(x.signed)), ("MWidth", m_bits),
            ("BWidth", b_bits), ("Shift", attrs.shift), ("TwoSums", len(attrs.offsets[0]) - 1),
            ("OutWidth", attrs.format.bits), ("OutLow", attrs.low), ("OutHigh", attrs.high),
            ("Wrap", int(attrs.wrap)), ("RomStyle", int(style)),
        ),
        memory, lanes, style.latency_cycles + 2 + multiplies,
    )


def _threshold_units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, x, lanes = attrs_as(node, ThresholdAttrs), format_in(node), parallelism.outputs
    attrs = _thresholds_of_bits(attrs) if x.bipolar else attrs
    own, levels = attrs.thresholds.shape
    covered, blocks = period(node, own, lanes)
    inverts = any(attrs.invert)
    t_bits = signed_bits([int(attrs.thresholds.min()), int(attrs.thresholds.max())])
    columns = [attrs.thresholds] + ([np.array(attrs.invert, dtype=np.int64)[:, None]] if inverts else [])
    rows = np.concatenate(columns, axis=1)[np.arange(covered) % own]
    memory = Memory("File", channel_fields(rows, [t_bits] * levels + [1] * inverts, covered, lanes))
    style = memory_style(blocks, memory.width_bits)
    return channel_units(
        node, "hg_requant_threshold",
        (
            ("Lanes", lanes), ("Blocks", blocks), ("InWidth", x.bits), ("InSigned", int(x.signed)), ("Levels", levels),
            ("TWidth", t_bits), ("OutOffset", attrs.offset), ("OutWidth", attrs.format.bits), ("HasInvert", int(inverts)),
            ("RomStyle", int(style)), ("TreeLevelsPerStage", TREE_LEVELS_PER_STAGE),
        ),
        memory, lanes, style.latency_cycles + tree_ranks(levels) + 2,
    )


# --- samples ----------------------------------------------------------------------------------------------------------


def _scale_sample(random: Random, value: Value | None = None) -> Case:
    """Each channel sends a random input near a random result, so that results clip at times and not always."""
    value = value or fresh_input(random)
    x, wrap = codes_format(value), random.random() < 0.3
    format_ = random_format(random, 24, bipolar=0 if wrap else 0.12)
    if wrap:  # modulo a power of two: the whole range of the bits
        least = -(1 << format_.bits - 1) if format_.signed else 0
        format_ = Integer(least, least + (1 << format_.bits) - 1)
    low, high = (0, 1) if format_.bipolar else (format_.low, format_.high)
    sums, own, m_bits = random.choice((1, 2)), own_channels(random, value), random.randint(1, 14)
    alone = random.random() < 0.25
    multipliers = tuple(1 if alone else random_signed(random, m_bits) for _ in range(own))
    shift = max(0, x.bits + (0 if alone else m_bits) - format_.bits + random.randint(-3, 3))

    def offset(multiplier: int) -> int:
        below = random.choice((0, 1 << shift >> 1, (1 << shift >> 1) - 1, random.randrange(1 << shift)))
        return (random.randint(low, high) // sums << shift) - multiplier * random.randint(x.low, x.high) + below

    offsets = tuple(tuple(offset(m) for _ in range(sums)) for m in multipliers)
    return requantizer_case(REQUANT_SCALE, ScaleAttrs(multipliers, offsets, shift, low, high, wrap, format_), value, random)


def _threshold_sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random)
    x, own = codes_format(value), own_channels(random, value)
    levels = random.choice((1, 1, 2, 3, 7, random.randint(1, 40)))
    offset = random.choice((0, -1 - levels // 2, random.randint(-300, 300)))
    format_ = Integer(offset, offset + levels)
    if levels == 1 and random.random() < 0.5:
        offset, format_ = 0, Integer(-1, 1, bipolar=True)
    invert = tuple(random.random() < random.choice((0, 0.5, 1)) for _ in range(own))
    reach = [(~x.high, ~x.low) if i else (x.low, x.high) for i in invert]
    rows = [sorted(random.randint(low - 1, high + 2) for _ in range(levels)) for low, high in reach]
    attrs = ThresholdAttrs(np.array(rows, dtype=np.int64), invert, offset, format_)
    return requantizer_case(REQUANT_THRESHOLD, attrs, value, random)


def _scale_refit(node: Node, value: Value) -> Attrs:
    attrs, channels = attrs_as(node, ScaleAttrs), value.type.shape[-1]
    return replace(attrs, **{k: tuple(spread(getattr(attrs, k), channels)) for k in ("multipliers", "offsets")})


def _threshold_refit(node: Node, value: Value) -> Attrs:
    attrs, channels = attrs_as(node, ThresholdAttrs), value.type.shape[-1]
    rows = np.array(spread(list(attrs.thresholds), channels))
    return replace(attrs, thresholds=rows, invert=tuple(spread(attrs.invert, channels)))


def _scale_plainer(node: Node) -> Iterator[Attrs]:
    a = attrs_as(node, ScaleAttrs)
    if len(a.multipliers) > 1:
        yield from (replace(a, multipliers=a.multipliers[k:][:1], offsets=a.offsets[k:][:1]) for k in range(len(a.multipliers)))
    if len(a.offsets[0]) > 1:
        yield from (replace(a, offsets=tuple(o[j : j + 1] for o in a.offsets)) for j in (0, 1))
    smaller = narrowed(a.format)
    if a.wrap:
        yield replace(a, wrap=False)
    elif smaller is not None:
        yield replace(a, format=smaller, low=smaller.low, high=smaller.high)
    if set(a.multipliers) != {1}:
        yield replace(a, multipliers=(1,) * len(a.multipliers))
    if any(any(o) for o in a.offsets):
        yield replace(a, offsets=tuple((0,) * len(o) for o in a.offsets))
    if a.shift:
        yield from (replace(a, shift=0), replace(a, shift=a.shift // 2))


def _threshold_plainer(node: Node) -> Iterator[Attrs]:
    a = attrs_as(node, ThresholdAttrs)
    if len(a.thresholds) > 1:
        yield from (replace(a, thresholds=a.thresholds[k:][:1], invert=a.invert[k:][:1]) for k in range(len(a.thresholds)))
    if any(a.invert):
        yield replace(a, invert=(False,) * len(a.invert))
    levels = a.thresholds.shape[1]
    if levels > 1:
        for part in (a.thresholds[:, : levels // 2], a.thresholds[:, levels // 2 :]):
            yield replace(a, thresholds=part, format=Integer(a.offset, a.offset + part.shape[1]))


REQUANT_SCALE = IntegerOp(
    "requant_scale", ScaleAttrs, _infer, _scale_reference, _bounds, _scale_units, _scale_sample, _scale_refit,
    _scale_plainer, takes_sums, costs={"hg_requant_scale": scale_cost},
)
REQUANT_THRESHOLD = IntegerOp(
    "requant_threshold", ThresholdAttrs, _infer, _threshold_reference, _bounds, _threshold_units,
    _threshold_sample, _threshold_refit, _threshold_plainer, takes_sums, costs={"hg_requant_threshold": threshold_cost},
)
