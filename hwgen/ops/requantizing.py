"""What the requantizers of the integer graph have in common: parameters by channel in a memory, and random cases."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import numpy as np

from hwgen.dataflow.unit import Memory, MemoryField, Parallelism, Unit, beats, tensor_beats
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer, bits_for
from hwgen.ir.graph import Attrs, Node, Value
from hwgen.numerics.interval import SAFE_BITS
from hwgen.ops.record import Case, IntegerOp, make
from hwgen.ops.sampling import random_lanes

CLIP_LIMIT: Final = (1 << 31) - 1
"""Clip limits are 32-bit parameters of the template."""


def format_in(node: Node) -> Integer:
    """The format of a requantizer's input."""
    format_ = node.inputs[0].type.format
    if not isinstance(format_, Integer) or format_.bits > SAFE_BITS:
        raise HwgenError("broken-graph", f"{node.op} {node.path!r}", f"input is {format_}", "lower the graph first")
    return format_


def as_bipolar(raw: IntArray, format_: Integer) -> IntArray:
    """The codes that 0 and 1 stand for where ``format_`` is bipolar; otherwise the numbers themselves."""
    return 2 * raw - 1 if format_.bipolar else raw


def signed_bits(values: Sequence[int]) -> int:
    """Bits of two's complement that hold all ``values``."""
    return bits_for(min(-1, *values), max(0, *values))


def channel_fields(rows: IntArray, bits: Sequence[int], channels: int, lanes: int) -> tuple[MemoryField, ...]:
    """Fields of a memory word: for each lane the columns of its channel, lowest first; rows (channels or 1, columns)."""
    blocks = beats(channels, lanes)
    padded = np.zeros((blocks * lanes, rows.shape[1]), dtype=rows.dtype)
    padded[:channels] = rows
    tiles = padded.reshape(blocks, lanes * rows.shape[1])
    return tuple(MemoryField(tiles[:, k], bits[k % len(bits)]) for k in range(tiles.shape[1]))


def period(node: Node, own_channels: int, lanes: int) -> tuple[int, int]:
    """Channels that the parameter memory covers, and its depth in blocks: one block where all channels have one function."""
    channels = node.inputs[0].type.shape[-1]
    return (lanes, 1) if own_channels == 1 else (channels, beats(channels, lanes))


def channel_units(
    node: Node, module: str, parameters: tuple[tuple[str, int], ...], memory: Memory, lanes: int, latency: int
) -> tuple[Unit, ...]:
    """A pipeline that works on ``lanes`` channels a beat."""
    count = tensor_beats(node.inputs[0].type.shape, lanes)
    return (Unit(module, parameters, (memory,), lanes, lanes, count, count, latency),)


def own_channels(random: Random, value: Value) -> int:
    """One function for all channels, or one a channel."""
    return random.choice((1, value.type.shape[-1]))


def requantizer_case(op: IntegerOp, attrs: Attrs, value: Value, random: Random) -> Case:
    """A use of ``value`` with random lanes."""
    lanes = random_lanes(random, value.type.elements)
    return Case(make(op, attrs, [value], "y", op.name), Parallelism(lanes, lanes))


def takes_sums(value: Value) -> bool:
    """Whether a sample can use the value: products with it stay in bounds."""
    return isinstance(value.type.format, Integer) and value.type.format.bits <= SAFE_BITS - 16
