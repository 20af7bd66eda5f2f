"""Two opinions of hg_window: the order of its beats (NumPy), and what it does at each edge (its header's sentences, literally)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Axis:
    """Rows or columns.  size: of the image.  firsts: the first tap of each window, in order."""

    size: int
    taps: int
    dilation: int
    firsts: tuple[int, ...]

    def base(self, window: int) -> int:
        """First tap, clamped to the image or the place right behind it."""
        return min(max(self.firsts[window], 0), self.size)

    def last(self, window: int) -> int | None:
        """Last position where the image meets the box from first to last tap; None where it does not."""
        first = self.firsts[window]
        end = first + self.dilation * (self.taps - 1)
        return None if end < 0 or first >= self.size else min(end, self.size - 1)


@dataclass(frozen=True)
class Windows:
    """The parameters of hg_window that order and time its beats."""

    rows: Axis
    cols: Axis
    blocks: int
    groups: int
    slots: int
    latency: int

    @classmethod
    def of(cls, case: Any) -> Windows:
        """Those of a test case, whose defaults are the template's."""

        def axis(size: str, name: str) -> Axis:
            windows, width = case.get(f"Out{name}s", 4), case.get("StepWidth", 0)
            table, uniform = case.get(f"{name}Steps", 0), case.get(f"{name}Step", 1)
            steps = [(table >> (width * k)) % (1 << width) if width else uniform for k in range(windows - 1)]
            firsts = np.cumsum([case.get(f"{name}Start", -1), *steps]).tolist()
            return Axis(case.get(size, 4), case.get(f"Kernel{name}s", 3), case.get(f"Dilation{name}s", 1), tuple(firsts))

        return cls(
            axis("Rows", "Row"), axis("Cols", "Col"), case.get("Blocks", 1), case.get("Groups", 1), case.get("Slots", 4),
            2 if case.get("RamStyle", 0) == 2 else 1,
        )  # fmt: skip

    @property
    def in_beats(self) -> int:
        """Beats an image in."""
        return self.rows.size * self.cols.size * self.blocks

    @property
    def window_beats(self) -> int:
        """Beats a window."""
        return self.rows.taps * self.cols.taps * self.blocks

    @property
    def out_beats(self) -> int:
        """Beats an image out."""
        return len(self.rows.firsts) * len(self.cols.firsts) * self.window_beats

    def reorder(self, image: list[int], padding: int) -> list[int]:
        """The beats out of one image's beats in."""
        # The image in the middle of so much padding that every tap lies in it, and plain indexing.
        margins = [max(0, -axis.firsts[0]) for axis in (self.rows, self.cols)]
        behind = [max(0, axis.firsts[-1] + axis.dilation * axis.taps) for axis in (self.rows, self.cols)]
        words = np.array(image, dtype=object).reshape(self.rows.size, self.cols.size, self.groups, -1)
        field = np.pad(words, [*zip(margins, behind, strict=True), (0, 0), (0, 0)], constant_values=padding)
        y, x = (
            np.add.outer(np.array(axis.firsts) + margin, axis.dilation * np.arange(axis.taps))
            for axis, margin in zip((self.rows, self.cols), margins, strict=True)
        )
        taken = field[y[:, :, None, None], x[None, None, :, :]]  # (oy, ky, ox, kx, group, block of the group)
        return taken.transpose(0, 2, 4, 1, 3, 5).reshape(-1).tolist()


class CycleModel:
    """What hg_window shows before each edge, and what an edge changes."""

    def __init__(self, windows: Windows) -> None:
        self.w = windows
        self.order = list(product(range(len(windows.rows.firsts)), range(len(windows.cols.firsts))))
        self.reset()

    def reset(self) -> None:
        """Nothing stored, the next beat is an image's first."""
        self.rows_written = 0  # finished rows, from the first row of the reader's image on; < 0: of an image before
        self.col = self.block = 0  # of the next beat in
        self.window = self.beat = 0  # the current window of the image, and the beats of it that were read
        self.stages = [False] * self.w.latency  # whether a beat is there, the reader's side first

    @property
    def ready(self) -> bool:
        """in_ready_o: the slot's row, or what the windows passed of it, is dead."""
        rows = self.w.rows
        oy, ox = self.order[self.window]
        base, limit = rows.base(oy), rows.base(oy) + self.w.slots
        following = rows.base(oy + 1) if oy + 1 < len(rows.firsts) else rows.size + rows.base(0)
        return self.rows_written < limit or (self.rows_written == limit and following != base and self.col < self.w.cols.base(ox))

    @property
    def valid(self) -> bool:
        """out_valid_o."""
        return self.stages[-1]

    @property
    def may_start(self) -> bool:
        """All that the current window reads is written."""
        oy, ox = self.order[self.window]
        row, col = self.w.rows.last(oy), self.w.cols.last(ox)
        if row is None or col is None:
            return self.rows_written > 0 or (self.rows_written == 0 and self.col > 0)
        return self.rows_written > row or (self.rows_written == row and self.col > col)

    def edge(self, in_valid: bool, out_ready: bool) -> None:
        """One rising edge with these inputs."""
        take = in_valid and self.ready
        # A stage moves when the next is empty or moves.
        moves = [out_ready or not all(self.stages[k:]) for k in range(self.w.latency)]
        read = moves[0] and (self.beat > 0 or self.may_start)
        for k in reversed(range(self.w.latency)):
            if moves[k]:
                self.stages[k] = self.stages[k - 1] if k else read
        if take:
            self._written()
        if read:
            self._read()

    def _written(self) -> None:
        self.block = (self.block + 1) % self.w.blocks
        if self.block == 0:
            self.col = (self.col + 1) % self.w.cols.size
            self.rows_written += self.col == 0

    def _read(self) -> None:
        self.beat = (self.beat + 1) % self.w.window_beats
        if self.beat == 0:
            self.window = (self.window + 1) % len(self.order)
            if self.window == 0:
                self.rows_written -= self.w.rows.size
