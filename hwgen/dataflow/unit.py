"""Hardware as data: what one operator becomes, before anything is printed.

A `Unit` is one template instance that works on a tensor in beats.  Its parameters are numbers and memory images;
names of files, wires and instances are given later, by the emitter.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from math import ceil, prod
from typing import Final

from hwgen.numerics.interval import IntArray

TREE_LEVELS_PER_STAGE: Final = 2
"""Adder levels between two registers of an adder tree."""


@dataclass(frozen=True, slots=True)
class Parallelism:
    """Elements of the input taken and of the output made at a time; multipliers are the product of both."""

    inputs: int
    outputs: int

    def __str__(self) -> str:
        return f"{self.inputs}x{self.outputs}"


class MemoryStyle(enum.IntEnum):
    """How a read-only memory is built; the values are those of the templates' parameter ``RomStyle``."""

    REGISTERS = 0
    DISTRIBUTED = 1
    BLOCK = 2

    @property
    def latency_cycles(self) -> int:
        """Clock edges from the address to the word: a block memory has an output register."""
        return 2 if self is MemoryStyle.BLOCK else 1


_BLOCK_BITS: Final = 4096
_BLOCK_DEPTH: Final = 128


def memory_style(depth: int, width_bits: int) -> MemoryStyle:
    """Block memory where it is deep and large enough to be worth one; one word is a constant; else LUTs."""
    if depth <= 1:
        return MemoryStyle.REGISTERS
    if depth >= _BLOCK_DEPTH and depth * width_bits >= _BLOCK_BITS:
        return MemoryStyle.BLOCK
    return MemoryStyle.DISTRIBUTED


@dataclass(frozen=True, slots=True)
class Memory:
    """Contents of a read-only memory: fields of ``field_bits`` packed in words, the first field lowest.

    fields: (depth, fields a word) integers; two's complement where negative.  parameter: the template's file parameter.
    """

    parameter: str
    fields: tuple[MemoryField, ...]

    @property
    def width_bits(self) -> int:
        """Bits of a word."""
        return sum(f.bits for f in self.fields)

    @property
    def depth(self) -> int:
        """Number of words."""
        return self.fields[0].values.shape[0]


@dataclass(frozen=True, slots=True)
class MemoryField:
    """One field of every word.  values: (depth,), int64 or Python integers.  bits: its width."""

    values: IntArray
    bits: int


class Role(enum.Enum):
    """What a unit does with the data: see `hwgen.dataflow.plan`."""

    STREAM = "stream"
    """Takes and gives streams with back-pressure."""
    FRONT = "front"
    """Takes a stream, issues operations that wait for room, and gives valid data."""
    PIPELINE = "pipeline"
    """Valid data in, valid data out, never stalls."""


@dataclass(frozen=True, slots=True)
class WindowTiming:
    """hg_window: what decides when its beats move.  steps: from each window row (column) to the next, one fewer than windows."""

    rows: int
    cols: int
    blocks: int
    kernel_rows: int
    kernel_cols: int
    dilation_rows: int
    dilation_cols: int
    row_start: int
    col_start: int
    row_steps: tuple[int, ...]
    col_steps: tuple[int, ...]
    slots: int
    read_cycles: int


@dataclass(frozen=True, slots=True)
class SelectTiming:
    """hg_select: the box (first and last, of rows, columns and blocks) of a tensor's beats that pass."""

    size: tuple[int, int, int]
    first: tuple[int, int, int]
    last: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ConcatTiming:
    """hg_concat: beats of each input in a turn."""

    beats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReorderTiming:
    """hg_reorder: words of a block, banks, and register stages of a read."""

    words: int
    banks: int
    read_cycles: int


StreamTiming = WindowTiming | SelectTiming | ConcatTiming | ReorderTiming


@dataclass(frozen=True, slots=True)
class Unit:
    """One template instance.

    module: the template.  parameters: all but memory files.  in/out lanes: elements a beat; beats: a tensor, of one input.
    latency_cycles: from the clock edge that issues the operation to the edge at which the result can be taken.
    timing: of a unit that streams.  vectors: of a front, a tensor; repeats: cycles that it works on one input beat.
    multipliers, macs: size of the multiplier array and useful products a tensor.  buffer_words: beats that it can store.
    out_bits: of a beat to the next unit of the same operator; 0: as the format of what the operator makes says.
    """

    module: str
    parameters: tuple[tuple[str, int], ...]
    memories: tuple[Memory, ...]
    in_lanes: int
    out_lanes: int
    in_beats: int
    out_beats: int
    latency_cycles: int = 0
    role: Role = Role.PIPELINE
    timing: StreamTiming | None = None
    vectors: int = 1
    repeats: int = 1
    multipliers: int = 0
    macs: int = 0
    buffer_words: int = 0
    out_bits: int = 0


def tree_ranks(inputs: int) -> int:
    """Register ranks of an adder tree."""
    return ceil((inputs - 1).bit_length() / TREE_LEVELS_PER_STAGE)


def beats(elements: int, lanes: int) -> int:
    """Beats that a vector of ``elements`` takes."""
    return -(-elements // lanes)


def tensor_beats(shape: tuple[int, ...], lanes: int) -> int:
    """Beats of a tensor (1, positions…, channels): each position's channels begin a new beat."""
    return prod(shape[:-1]) * beats(shape[-1], lanes)
