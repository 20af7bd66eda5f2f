"""Templates that pass streams on, register by register, as their code reads.

Every part says which of its ports are valid and ready from its registers and the other ports; at an edge it moves on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hwgen.dataflow.unit import ConcatTiming, ReorderTiming, SelectTiming, Unit, WindowTiming


@dataclass(eq=False)
class Wire:
    """A stream's handshake, and the edges at which its beats moved."""

    valid: bool = False
    ready: bool = False
    edges: list[int] = field(default_factory=list[int])

    @property
    def moves(self) -> bool:
        return self.valid and self.ready


class Part:
    """One template instance."""

    def drive(self) -> None:
        """Sets the outputs' valid and the inputs' ready."""

    def edge(self) -> None:
        """The next state, where the wires are as driven."""


class SourcePart(Part):
    def __init__(self, out: Wire, beats: int, due: int, pace: int) -> None:
        self.out, self.beats, self.due, self.pace, self.now, self.sent = out, beats, due, pace, 0, 0

    def drive(self) -> None:
        self.out.valid = self.sent < self.due and self.now >= self.sent * self.pace // self.beats

    def edge(self) -> None:
        self.sent += self.out.moves
        self.now += 1


class SinkPart(Part):
    def __init__(self, in_: Wire) -> None:
        self.in_ = in_

    def drive(self) -> None:
        self.in_.ready = True


class ForkPart(Part):
    def __init__(self, in_: Wire, outs: list[Wire]) -> None:
        self.in_, self.outs, self.done = in_, outs, [False] * len(outs)

    def drive(self) -> None:
        for out, done in zip(self.outs, self.done, strict=True):
            out.valid = self.in_.valid and not done
        self.in_.ready = all(out.ready or done for out, done in zip(self.outs, self.done, strict=True))

    def edge(self) -> None:
        if self.in_.valid:
            served = [out.ready or done for out, done in zip(self.outs, self.done, strict=True)]
            self.done = [False] * len(self.outs) if self.in_.ready else served


class FifoPart(Part):
    def __init__(self, in_: Wire, out: Wire, depth: float) -> None:
        self.in_, self.out, self.depth, self.count, self.most = in_, out, depth, 0, 0

    def drive(self) -> None:
        self.in_.ready = self.count < self.depth
        self.out.valid = self.count > 0

    def edge(self) -> None:
        if self.in_.moves:
            self.most = max(self.most, self.count + 1)
        self.count += self.in_.moves - self.out.moves


class ConverterPart(Part):
    def __init__(self, in_: Wire, out: Wire, elements: int, in_lanes: int, out_lanes: int) -> None:
        self.in_, self.out, self.elements, self.in_lanes, self.out_lanes = in_, out, elements, in_lanes, out_lanes
        self.capacity = in_lanes + out_lanes + min(in_lanes, out_lanes) - 1
        self.count = self.in_beat = self.out_beat = 0

    def _size(self, beat: int, lanes: int) -> int:
        return min(lanes, self.elements - beat * lanes)

    def drive(self) -> None:
        self.in_.ready = self.count + self._size(self.in_beat, self.in_lanes) <= self.capacity
        self.out.valid = self.count >= self._size(self.out_beat, self.out_lanes)

    def edge(self) -> None:
        pushed = self._size(self.in_beat, self.in_lanes) if self.in_.moves else 0
        popped = self._size(self.out_beat, self.out_lanes) if self.out.moves else 0
        self.count += pushed - popped
        self.in_beat = (self.in_beat + self.in_.moves) % -(-self.elements // self.in_lanes)
        self.out_beat = (self.out_beat + self.out.moves) % -(-self.elements // self.out_lanes)


class ConcatPart(Part):
    def __init__(self, ins: list[Wire], out: Wire, beats: tuple[int, ...]) -> None:
        self.ins, self.out, self.beats, self.turn, self.beat = ins, out, beats, 0, 0

    def drive(self) -> None:
        for number, in_ in enumerate(self.ins):
            in_.ready = self.out.ready and number == self.turn
        self.out.valid = self.ins[self.turn].valid

    def edge(self) -> None:
        if self.out.moves:
            self.beat += 1
            if self.beat == self.beats[self.turn]:
                self.turn, self.beat = (self.turn + 1) % len(self.ins), 0


class SelectPart(Part):
    def __init__(self, in_: Wire, out: Wire, timing: SelectTiming) -> None:
        self.in_, self.out, self.timing, self.taken = in_, out, timing, 0

    def _chosen(self) -> bool:
        _, cols, blocks = self.timing.size
        rest, block = divmod(self.taken, blocks)
        place = (rest // cols, rest % cols, block)
        return all(a <= p <= b for a, p, b in zip(self.timing.first, place, self.timing.last, strict=True))

    def drive(self) -> None:
        chosen = self._chosen()
        self.out.valid = self.in_.valid and chosen
        self.in_.ready = self.out.ready or not chosen

    def edge(self) -> None:
        rows, cols, blocks = self.timing.size
        self.taken = (self.taken + self.in_.moves) % (rows * cols * blocks)


class ReadPart(Part):
    """What hg_window and hg_reorder have in common: the registers behind the memory."""

    def __init__(self, in_: Wire, out: Wire, stages: int) -> None:
        self.in_, self.out, self.full = in_, out, [False] * stages

    def _advance(self) -> list[bool]:
        moves = [False] * len(self.full)
        onward = self.out.ready
        for stage in reversed(range(len(self.full))):
            moves[stage] = onward = onward or not self.full[stage]
        return moves

    def _may_read(self) -> bool:
        raise NotImplementedError

    def _read(self) -> None:
        raise NotImplementedError

    def drive(self) -> None:
        self.out.valid = self.full[-1]
        self._drive_ready()

    def _drive_ready(self) -> None:
        raise NotImplementedError

    def _write(self) -> None:
        raise NotImplementedError

    def edge(self) -> None:
        moves = self._advance()
        issue = moves[0] and self._may_read()
        before = [issue, *self.full]
        self.full = [before[k] if moves[k] else self.full[k] for k in range(len(self.full))]
        write = self.in_.moves
        if issue:
            self._read()
        if write:
            self._write()


class ReorderPart(ReadPart):
    def __init__(self, in_: Wire, out: Wire, timing: ReorderTiming) -> None:
        super().__init__(in_, out, timing.read_cycles)
        self.words, self.banks, self.stored, self.writes, self.reads = timing.words, timing.banks, 0, 0, 0

    def _drive_ready(self) -> None:
        self.in_.ready = self.stored != self.banks

    def _may_read(self) -> bool:
        return self.stored != 0

    def _read(self) -> None:
        self.reads = (self.reads + 1) % self.words
        self.stored -= self.reads == 0

    def _write(self) -> None:
        self.writes = (self.writes + 1) % self.words
        self.stored += self.writes == 0


class WindowPart(ReadPart):
    def __init__(self, in_: Wire, out: Wire, timing: WindowTiming) -> None:
        super().__init__(in_, out, timing.read_cycles)
        self.t = timing
        self.beats = timing.kernel_rows * timing.kernel_cols * timing.blocks
        self.rows_done = self.col = self.block = 0  # writer
        self.beat = self.index_row = self.index_col = 0  # reader
        self.first_row, self.first_col = timing.row_start, timing.col_start

    def _drive_ready(self) -> None:
        rows = self.t.rows
        final = self.index_row == len(self.t.row_steps)
        following = self.t.row_start if final else self.first_row + self.t.row_steps[self.index_row]
        base = min(max(self.first_row, 0), rows)
        next_base = min(max(following, 0), rows) + (rows if final else 0)
        limit = base + self.t.slots
        left = self.col < min(max(self.first_col, 0), self.t.cols)
        self.in_.ready = self.rows_done < limit or (self.rows_done == limit and next_base != base and left)

    def _may_read(self) -> bool:
        if self.beat > 0:
            return True
        row_extent = self.t.dilation_rows * (self.t.kernel_rows - 1) + 1
        col_extent = self.t.dilation_cols * (self.t.kernel_cols - 1) + 1
        meets = -row_extent < self.first_row < self.t.rows and -col_extent < self.first_col < self.t.cols
        if not meets:
            return self.rows_done > 0 or (self.rows_done == 0 and self.col > 0)
        row, col = min(self.first_row + row_extent, self.t.rows) - 1, min(self.first_col + col_extent, self.t.cols) - 1
        return self.rows_done > row or (self.rows_done == row and self.col > col)

    def _read(self) -> None:
        self.beat = (self.beat + 1) % self.beats
        if self.beat:
            return
        if self.index_col < len(self.t.col_steps):
            self.first_col += self.t.col_steps[self.index_col]
            self.index_col += 1
            return
        self.index_col, self.first_col = 0, self.t.col_start
        if self.index_row < len(self.t.row_steps):
            self.first_row += self.t.row_steps[self.index_row]
            self.index_row += 1
            return
        self.index_row, self.first_row = 0, self.t.row_start
        self.rows_done -= self.t.rows

    def _write(self) -> None:
        self.block = (self.block + 1) % self.t.blocks
        if self.block == 0:
            self.col = (self.col + 1) % self.t.cols
            self.rows_done += self.col == 0


_STREAMING: dict[type, Callable[..., Part]] = {
    SelectTiming: SelectPart, ReorderTiming: ReorderPart, WindowTiming: WindowPart,
}


def streaming(unit: Unit, ins: list[Wire], out: Wire) -> Part:
    if isinstance(unit.timing, ConcatTiming):
        return ConcatPart(ins, out, unit.timing.beats)
    return _STREAMING[type(unit.timing)](ins[0], out, unit.timing)
