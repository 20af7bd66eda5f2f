"""Which blocks of a weight matrix the multiplier array works on, and in which order: hg_matvec with ``Kept`` blocks.

Blocks of zeros are left out, but for a few:
- of every output block one is kept, so that its sum begins and ends;
- sums end in the order of the output blocks: where one would end before that of an output block before it, a block of zeros ends
  it in its turn;
- of the very first beat one is kept, and where more beats in a row are without a block than the beat before them has operations,
  of some of these: a beat passes beside an operation.  It costs nothing: a cycle brings one beat anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.unit import Memory, MemoryField, Parallelism, ScheduleTiming, beats
from hwgen.formats import IntArray

Blocks = npt.NDArray[np.bool_]
"""(groups, beats of a vector, output blocks): those with a weight that is not zero; the beats position by position."""

Flags = npt.NDArray[np.bool_]

_Scalar = TypeVar("_Scalar", bound=np.generic)
_MARKS: Final = 5
"""Bits of a word of the schedule beside its output block."""


def tiles_of(weight: npt.NDArray[_Scalar], parallelism: Parallelism) -> npt.NDArray[_Scalar]:
    """The blocks of ``weight`` (groups, outputs, positions, inputs) that are multiplied at a time, filled up with zeros.

    Returns (groups, beats, output blocks, weights of a block): beats position by position, weights output by output.
    """
    groups, outputs, positions, inputs = weight.shape
    in_blocks, out_blocks = beats(inputs, parallelism.inputs), beats(outputs, parallelism.outputs)
    padded = np.zeros((groups, out_blocks * parallelism.outputs, positions, in_blocks * parallelism.inputs), dtype=weight.dtype)
    padded[:, :outputs, :, :inputs] = weight
    tiles = padded.reshape(groups, out_blocks, parallelism.outputs, positions, in_blocks, parallelism.inputs)
    return tiles.transpose(0, 3, 4, 1, 2, 5).reshape(groups, positions * in_blocks, out_blocks, -1)


def sizes_of_blocks(elements: int, lanes: int) -> IntArray:
    """Elements in each block."""
    count = beats(elements, lanes)
    return np.minimum(lanes, elements - lanes * np.arange(count))


def without_blocks(random: Random, weight: IntArray, parallelism: Parallelism) -> IntArray:
    """For samples: ``weight`` (groups, outputs, positions, inputs) as it is, or zeros in some of its blocks."""
    share = random.choice((0.0, 0.0, 0.3, 0.6, 0.9))
    groups, outputs, positions, inputs = weight.shape
    rows, columns = beats(outputs, parallelism.outputs), beats(inputs, parallelism.inputs)
    kept = [random.random() >= share for _ in range(groups * rows * positions * columns)] if share else [True]
    blocks = np.resize(np.array(kept), (groups, rows, positions, columns))
    whole = blocks.repeat(parallelism.outputs, axis=1)[:, :outputs].repeat(parallelism.inputs, axis=3)[..., :inputs]
    return weight * whole


@dataclass(frozen=True, eq=False, slots=True)
class BlockSchedule:
    """kept: the blocks that are multiplied, in the order of the array.  passes: of each beat, how many pass after it."""

    kept: Blocks
    passes: IntArray

    @property
    def operations(self) -> int:
        """Blocks that are multiplied in one walk over all groups."""
        return int(self.kept.sum())

    @property
    def cycles(self) -> int:
        """That one walk takes while input and room are there."""
        counts = self.kept.sum(axis=2).ravel()
        return int(np.maximum(counts, self.passes + 1)[counts > 0].sum())

    def _marks(self) -> tuple[IntArray, Flags, Flags, Flags, Flags]:
        """Of each operation: output block; whether it is its sum's last and first, and its beat's last; whether a beat passes."""
        group, beat, block = np.nonzero(self.kept)
        beats = self.kept.shape[1]
        last = beats - 1 - self.kept[:, ::-1].argmax(axis=1)
        number = (np.cumsum(self.kept, axis=2) - 1)[group, beat, block]
        return (
            block, last[group, block] == beat, self.kept.argmax(axis=1)[group, block] == beat,
            number == self.kept.sum(axis=2)[group, beat] - 1, number < self.passes[group * beats + beat],
        )

    def memory(self, in_blocks: int) -> Memory:
        """Words of the schedule.  in_blocks: beats of a position."""
        block, last, first, ends, passes = self._marks()
        of_tail = np.nonzero(self.kept)[1] % in_blocks == in_blocks - 1
        marks = (MemoryField(m.astype(np.int64), 1) for m in (last, first, of_tail, ends, passes))
        return Memory("ScheduleFile", (MemoryField(block.astype(np.int64), word_bits(self.kept.shape[2]) - _MARKS), *marks))

    @property
    def timing(self) -> ScheduleTiming:
        """For the cycle model."""
        _, last, _, ends, passes = self._marks()
        return ScheduleTiming((last + 2 * ends + 4 * passes).astype(np.uint8).tobytes(), self.kept.shape[0], self.cycles)


def word_bits(out_blocks: int) -> int:
    """Bits of a word of the schedule."""
    return max(1, (out_blocks - 1).bit_length()) + _MARKS


def worthwhile_schedule(blocks: Blocks, block_bits: int) -> BlockSchedule | None:
    """The schedule of a matrix whose memory has words of ``block_bits``; None where all blocks, one after the other, are better.

    What it wins is cycles, what it costs is memory for itself: it is worth it where cycles times bits of memory become fewer.
    """
    all_cycles = blocks.size
    if blocks.all():
        return None
    schedule = block_schedule(blocks)
    bits = schedule.operations * (block_bits + word_bits(blocks.shape[2]))
    return schedule if schedule.cycles * bits < all_cycles * all_cycles * block_bits else None


def may_be_worthwhile(used: float, block_bits: int, out_blocks: int) -> bool:
    """Whether a matrix may have a `worthwhile_schedule`.  used: weights that are not 0, by all that its blocks could hold: at least
    that share of the blocks is multiplied.
    """
    return used**2 * (block_bits + word_bits(out_blocks)) < block_bits


def block_schedule(blocks: Blocks) -> BlockSchedule:
    """The schedule that leaves out all that it can."""
    kept = blocks.copy()
    _end_in_order(kept)
    kept[0, 0, -1] |= not kept[0, 0].any()
    return BlockSchedule(kept, _let_pass(kept))


def _end_in_order(kept: Blocks) -> None:
    """Keeps a block of each output block, and those that end sums in their turn."""
    beats = kept.shape[1]
    last = np.where(kept.any(axis=1), beats - 1 - kept[:, ::-1].argmax(axis=1), -1)
    begins = kept.any(axis=2).argmax(axis=1)
    ends = np.maximum(np.maximum.accumulate(last, axis=1), begins[:, None])
    group, block = np.nonzero(ends > last)
    kept[group, ends[group, block], block] = True


def _let_pass(kept: Blocks) -> IntArray:
    """Beats that pass after each; where they are too many, a block of the last output block is kept: its sum may end any time."""
    beats, holder = kept.shape[1], 0
    counts: list[int] = kept.sum(axis=2).ravel().tolist()
    passes = [0] * len(counts)
    for beat in range(1, len(counts)):
        if counts[beat]:
            holder = beat
        elif passes[holder] < counts[holder]:
            passes[holder] += 1
        else:
            kept[beat // beats, beat % beats, -1] = True
            holder, counts[beat] = beat, 1
    return np.array(passes, dtype=np.int64)
