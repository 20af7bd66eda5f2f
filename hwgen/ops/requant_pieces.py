"""The requantizer of functions that bend (leaky ReLU, PReLU, |v|, clamps that differ from channel to channel).

    requant_pieces   clip(sum_j (a*m[c][p] + b[c][p][j]) >> shift, low, high),  p = #{k : a >= bounds[c][k]}

See `hwgen.numerics.pieces`.  A bipolar result is computed as 0 or 1 and stands for -1 or +1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from hwgen.cost.requant import pieces_cost
from hwgen.dataflow.unit import Memory, Parallelism, Unit, memory_style
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import SAFE_BITS, Interval
from hwgen.numerics.pieces import MAX_PIECES
from hwgen.ops.record import Case, IntegerOp, attrs_as
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
class PiecesAttrs(Attrs):
    """See `hwgen.numerics.pieces.Pieces`; bounds, multipliers and offsets one tuple for all channels, or one a channel."""

    bounds: tuple[tuple[int, ...], ...]
    multipliers: tuple[tuple[int, ...], ...]
    offsets: tuple[tuple[tuple[int, ...], ...], ...]
    shift: int
    low: int
    high: int
    wrap: bool
    format: Integer

    @property
    def channels(self) -> int:
        """1, or the number of channels."""
        return len(self.bounds)

    @property
    def pieces(self) -> int:
        """Lines a channel."""
        return len(self.multipliers[0])

    @property
    def sums(self) -> int:
        """Offsets a line: 1 or 2."""
        return len(self.offsets[0][0])

    def channel(self, index: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]:
        """Bounds, multipliers and offsets of a channel."""
        return self.bounds[index], self.multipliers[index], self.offsets[index]

    def of_channels(self, indices: Sequence[int]) -> PiecesAttrs:
        """The channels ``indices``, in this order."""
        parts = (tuple(column[i] for i in indices) for column in (self.bounds, self.multipliers, self.offsets))
        return replace(self, **dict(zip(("bounds", "multipliers", "offsets"), parts, strict=True)))


def _check(node: Node, attrs: PiecesAttrs) -> None:
    whole = attrs.channels > 0 and attrs.channels == len(attrs.multipliers) == len(attrs.offsets)
    whole = whole and all(attrs.multipliers) and all(all(lines) for lines in attrs.offsets) and bool(attrs.offsets[0])
    if whole:
        for bounds, multipliers, offsets in map(attrs.channel, range(attrs.channels)):
            whole = whole and len(multipliers) == len(offsets) == len(bounds) + 1 == attrs.pieces and list(bounds) == sorted(bounds)
            whole = whole and all(len(line) == attrs.sums for line in offsets)
    if not whole or not 1 < attrs.pieces <= MAX_PIECES or attrs.sums > 2 or attrs.shift < 0:
        raise HwgenError("broken-graph", f"{node.op} {node.path!r}", "its pieces are not whole", "lower the graph again")


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = attrs_as(node, PiecesAttrs), node.inputs[0].type.shape
    _check(node, attrs)
    if attrs.channels not in (1, shape[-1]):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"{attrs.channels} channels for {shape[-1]}", "give one or one a channel"
        )
    format_in(node)
    return (TensorType(shape, attrs.format),)


def _bounds(node: Node) -> tuple[Interval, ...]:
    format_ = attrs_as(node, PiecesAttrs).format
    return (Interval(format_.low, format_.high),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, x, a = attrs_as(node, PiecesAttrs), format_in(node), inputs[0]
    reach = max(abs(x.low), abs(x.high)) * max(abs(m) for row in attrs.multipliers for m in row)
    reach += max(abs(b) for lines in attrs.offsets for line in lines for b in line)
    exact = np.int64 if reach.bit_length() <= SAFE_BITS else object
    bounds = np.array(attrs.bounds, dtype=object if any(abs(b) >> SAFE_BITS for row in attrs.bounds for b in row) else np.int64)
    piece = sum((a >= bounds[:, k]).astype(np.int64) for k in range(attrs.pieces - 1))
    channel = np.broadcast_to(np.arange(a.shape[-1]) % attrs.channels, a.shape)
    product = a.astype(exact) * np.array(attrs.multipliers, dtype=exact)[channel, piece]
    offsets = np.array(attrs.offsets, dtype=exact)[channel, piece]
    total = sum((product + offsets[..., j]) >> attrs.shift for j in range(attrs.sums))
    if attrs.wrap:
        result = (total - attrs.low) % (attrs.high - attrs.low + 1) + attrs.low
    else:
        result = np.clip(total, attrs.low, attrs.high)
    return as_bipolar(np.asarray(result).astype(np.int64), attrs.format)


# --- hardware ---------------------------------------------------------------------------------------------------------


def _of_bits(attrs: PiecesAttrs) -> PiecesAttrs:
    """The same function of the bit b that carries a bipolar code 2b - 1; 2b - 1 >= t where b >= ceil((t + 1) / 2)."""
    return replace(
        attrs,
        bounds=tuple(tuple(t // 2 + 1 for t in row) for row in attrs.bounds),
        multipliers=tuple(tuple(2 * m for m in row) for row in attrs.multipliers),
        offsets=tuple(
            tuple(tuple(b - m for b in line) for m, line in zip(row, lines, strict=True))
            for row, lines in zip(attrs.multipliers, attrs.offsets, strict=True)
        ),
    )


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, x, lanes = attrs_as(node, PiecesAttrs), format_in(node), parallelism.outputs
    attrs = _of_bits(attrs) if x.bipolar else attrs
    covered, blocks = period(node, attrs.channels, lanes)
    flat = [m for row in attrs.multipliers for m in row]
    multiplies = any(m != 1 for m in flat)
    m_bits = signed_bits(flat) if multiplies else 0
    b_bits = signed_bits([b for lines in attrs.offsets for line in lines for b in line])
    t_bits = signed_bits([t for row in attrs.bounds for t in row])
    rows: list[list[int]] = []
    for bounds, multipliers, offsets in map(attrs.channel, range(attrs.channels)):
        lines = [[m, *line] if multiplies else list(line) for m, line in zip(multipliers, offsets, strict=True)]
        rows.append([number for line in lines for number in line] + list(bounds))
    bits = attrs.pieces * ([m_bits] * multiplies + [b_bits] * attrs.sums) + (attrs.pieces - 1) * [t_bits]
    table = np.array(rows, dtype=object)[np.arange(covered) % attrs.channels]
    memory = Memory("File", channel_fields(table, bits, covered, lanes))
    style = memory_style(blocks, memory.width_bits)
    return channel_units(
        node, "hg_requant_pieces",
        (
            ("Lanes", lanes), ("Blocks", blocks), ("Pieces", attrs.pieces), ("InWidth", x.bits), ("InSigned", int(x.signed)),
            ("TWidth", t_bits), ("MWidth", m_bits), ("BWidth", b_bits), ("Shift", attrs.shift), ("TwoSums", attrs.sums - 1),
            ("OutWidth", attrs.format.bits), ("OutLow", attrs.low), ("OutHigh", attrs.high), ("Wrap", int(attrs.wrap)),
            ("RomStyle", int(style)),
        ),
        memory, lanes, style.latency_cycles + 3 + multiplies,
    )


# --- samples ----------------------------------------------------------------------------------------------------------


def _sample(random: Random, value: Value | None = None) -> Case:
    """Each line sends a random input near a random result, so that results clip at times and not always."""
    value = value or fresh_input(random)
    x, wrap = codes_format(value), random.random() < 0.2
    format_ = random_format(random, 24, bipolar=0 if wrap else 0.12)
    if wrap:  # modulo a power of two: the whole range of the bits
        least = -(1 << format_.bits - 1) if format_.signed else 0
        format_ = Integer(least, least + (1 << format_.bits) - 1)
    low, high = (0, 1) if format_.bipolar else (format_.low, format_.high)
    sums, own, m_bits = random.choice((1, 2)), own_channels(random, value), random.randint(1, 14)
    pieces, alone = random.choice((2, 2, 2, 3, 4, MAX_PIECES)), random.random() < 0.2
    shift = max(0, x.bits + (0 if alone else m_bits) - format_.bits + random.randint(-3, 3))

    def offsets(multiplier: int) -> tuple[int, ...]:
        below = random.choice((0, 1 << shift >> 1, random.randrange(1 << shift)))
        start = (random.randint(low, high) // sums << shift) - multiplier * random.randint(x.low, x.high) + below
        return (start, *(start + random.randint(-1 << shift, 1 << shift) for _ in range(sums - 1)))

    multipliers = tuple(tuple(1 if alone else random_signed(random, m_bits) for _ in range(pieces)) for _ in range(own))
    bounds = tuple(tuple(sorted(random.randint(x.low - 1, x.high + 2) for _ in range(pieces - 1))) for _ in range(own))
    attrs = PiecesAttrs(
        bounds, multipliers, tuple(tuple(offsets(m) for m in row) for row in multipliers), shift, low, high, wrap, format_
    )
    return requantizer_case(REQUANT_PIECES, attrs, value, random)


def _refit(node: Node, value: Value) -> Attrs:
    attrs = attrs_as(node, PiecesAttrs)
    return attrs.of_channels(spread(range(attrs.channels), value.type.shape[-1]))


def _plainer(node: Node) -> Iterator[Attrs]:
    a = attrs_as(node, PiecesAttrs)
    if a.channels > 1:
        yield from (a.of_channels([k]) for k in range(a.channels))
    if a.pieces > 2:
        for drop in (slice(None, -1), slice(1, None)):
            parts = (tuple(row[drop] for row in column) for column in (a.bounds, a.multipliers, a.offsets))
            yield replace(a, **dict(zip(("bounds", "multipliers", "offsets"), parts, strict=True)))
    if a.sums > 1:
        yield from (replace(a, offsets=tuple(tuple(line[j : j + 1] for line in lines) for lines in a.offsets)) for j in (0, 1))
    smaller = narrowed(a.format)
    if a.wrap:
        yield replace(a, wrap=False)
    elif smaller is not None:
        yield replace(a, format=smaller, low=smaller.low, high=smaller.high)
    if any(m != 1 for row in a.multipliers for m in row):
        yield replace(a, multipliers=tuple((1,) * a.pieces for _ in a.multipliers))
    if any(b for lines in a.offsets for line in lines for b in line):
        yield replace(a, offsets=tuple(tuple((0,) * a.sums for _ in lines) for lines in a.offsets))
    if a.shift:
        yield from (replace(a, shift=0), replace(a, shift=a.shift // 2))


REQUANT_PIECES = IntegerOp(
    "requant_pieces", PiecesAttrs, _infer, _reference, _bounds, _units, _sample, _refit, _plainer, takes_sums,
    costs={"hg_requant_pieces": pieces_cost},
)
