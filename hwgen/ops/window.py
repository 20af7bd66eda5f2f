"""Sliding windows over an image: which positions they read, in NumPy and as hg_window.

An image is a value (1, channels), (1, rows, channels) or (1, rows, columns, channels); what it lacks has size 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, product
from typing import Final

import numpy as np

from hwgen.dataflow.unit import Role, Unit, WindowTiming, beats, memory_style
from hwgen.errors import HwgenError
from hwgen.formats import IntArray
from hwgen.ir.graph import Array, Shape

MAX_POSITIONS: Final = 1 << 18
"""Windows along an axis, and positions that numbers may speak of."""
MAX_UNEVEN_STEP: Final = 255
"""Of the template's tables, for windows that are not evenly spaced."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Windows along one axis.  size: positions of the image.  taps, dilation: of a window.

    start: position of the first window's first tap, negative before the image.  steps: from each window to the next, >= 0,
    one fewer than windows.
    """

    size: int
    taps: int = 1
    dilation: int = 1
    start: int = 0
    steps: tuple[int, ...] = ()

    @staticmethod
    def whole(size: int) -> Axis:
        """Each position once, in order."""
        return Axis(size, steps=(1,) * (size - 1))

    @staticmethod
    def sliding(size: int, taps: int, stride: int, dilation: int, pads: tuple[int, int]) -> Axis | None:
        """As many windows as fit in the padded image; None where none does.  pads: before and after it.

        Raises HwgenError where there are too many.
        """
        room = size + sum(pads) - (dilation * (taps - 1) + 1)
        return None if room < 0 else Axis.counted(size, taps, stride, dilation, -pads[0], room // stride + 1)

    @staticmethod
    def counted(size: int, taps: int, stride: int, dilation: int, start: int, count: int) -> Axis:
        """``count`` windows, at even steps from ``start``.  Raises HwgenError where there are too many."""
        if count > MAX_POSITIONS or taps > MAX_POSITIONS:
            raise HwgenError(
                "shape", "windows", f"{count} of {taps} taps along an axis", f"use at most {MAX_POSITIONS}"
            )
        return Axis(size, taps, dilation if taps > 1 else 1, start, (stride,) * (count - 1))

    @property
    def windows(self) -> int:
        """Number of windows."""
        return len(self.steps) + 1

    @property
    def extent(self) -> int:
        """Positions from a window's first tap to its last."""
        return self.dilation * (self.taps - 1) + 1

    @property
    def firsts(self) -> tuple[int, ...]:
        """Position of each window's first tap."""
        return tuple(accumulate(self.steps, initial=self.start))

    @property
    def step(self) -> int | None:
        """The step between windows where it is the same everywhere."""
        kinds = set(self.steps)
        return None if len(kinds) > 1 else next(iter(kinds), 1)

    @property
    def inside(self) -> bool:
        """Whether every tap of every window lies in the image."""
        return self.start >= 0 and self.firsts[-1] + self.extent <= self.size

    @property
    def trivial(self) -> bool:
        """Whether the windows are the positions."""
        return self == Axis.whole(self.size)

    @property
    def tiled(self) -> bool:
        """Whether the windows follow one another without gaps and fill the axis."""
        return self.size % self.taps == 0 and self == Axis(self.size, self.taps, steps=(self.taps,) * (self.size // self.taps - 1))

    def surrounded(self) -> tuple[Axis, int, int]:
        """The same windows of an axis with positions before and after it, so that every tap lies inside; their numbers."""
        before, after = max(0, -self.start), max(0, self.firsts[-1] + self.extent - self.size)
        return replace(self, size=before + self.size + after, start=self.start + before), before, after

    def counts(self) -> IntArray:
        """(windows,): taps of each window that lie in the image."""
        firsts = self.positions(0)
        first = np.maximum(0, -(firsts // self.dilation))
        last = np.minimum(self.taps - 1, (self.size - 1 - firsts) // self.dilation)
        return np.maximum(0, last - first + 1)

    def positions(self, tap: int) -> IntArray:
        """(windows,): the position of one tap in each window."""
        return np.array(self.firsts, dtype=np.int64) + tap * self.dilation


@dataclass(frozen=True, slots=True)
class Window:
    """Windows of an image, in row order."""

    rows: Axis
    cols: Axis

    @property
    def count(self) -> int:
        """Windows an image."""
        return self.rows.windows * self.cols.windows

    @property
    def taps(self) -> int:
        """Taps a window."""
        return self.rows.taps * self.cols.taps

    @property
    def inside(self) -> bool:
        """Whether every tap of every window lies in the image."""
        return self.rows.inside and self.cols.inside

    @property
    def trivial(self) -> bool:
        """Whether the windows are the positions: no hardware is needed."""
        return self.rows.trivial and self.cols.trivial

    @property
    def in_order(self) -> bool:
        """Whether the taps of all windows are the image's positions in their order: no hardware is needed."""
        whole_rows = self.cols == Axis(self.cols.size, self.cols.size) and self.rows.tiled
        return whole_rows or (self.rows.trivial and self.cols.tiled)

    def shape(self, shape: Shape) -> Shape:
        """Of the windows of an image of ``shape``, one position a window, with as many axes."""
        return (shape[0], *(self.rows.windows, self.cols.windows)[: len(shape) - 2], shape[-1])

    def unit(self, *, bits: int, lanes: int, channels: int, groups: int = 1, pad: int = 0) -> Unit:
        """hg_window.  bits: of an element.  groups: of channel blocks, whose taps come one group after the other.

        pad: the bits of an element outside the image.  Raises HwgenError where the template has no steps that long.
        """
        rows, cols, blocks = self.rows, self.cols, beats(channels, lanes)
        slots = min(rows.size, rows.extent + 1)
        words = slots * cols.size * blocks
        style = memory_style(words, lanes * bits)
        parameters = (
            ("Width", bits), ("Lanes", lanes), ("Blocks", blocks), ("Rows", rows.size), ("Cols", cols.size),
            ("OutRows", rows.windows), ("OutCols", cols.windows), ("KernelRows", rows.taps), ("KernelCols", cols.taps),
            ("DilationRows", rows.dilation), ("DilationCols", cols.dilation), ("RowStart", rows.start), ("ColStart", cols.start),
            *self._steps(), ("Groups", groups), ("PadValue", pad), ("Slots", slots), ("RamStyle", int(style)),
        )
        timing = WindowTiming(
            rows.size, cols.size, blocks, rows.taps, cols.taps, rows.dilation, cols.dilation, rows.start, cols.start,
            rows.steps, cols.steps, slots, style.latency_cycles,
        )
        return Unit(
            "hg_window", parameters, (), lanes, lanes, rows.size * cols.size * blocks, self.count * self.taps * blocks,
            role=Role.STREAM, timing=timing, buffer_words=words, out_bits=lanes * bits,
        )

    def _steps(self) -> tuple[tuple[str, int], ...]:
        """Even steps, or tables of them."""
        axes = (self.rows, self.cols)
        if all(axis.step is not None for axis in axes):
            return tuple(zip(("RowStep", "ColStep"), (axis.step or 0 for axis in axes), strict=True))
        widest = max(step for axis in axes for step in axis.steps)
        if widest > MAX_UNEVEN_STEP:
            raise HwgenError(
                "unsupported-node", "windows", f"uneven steps of {widest} positions", f"use steps of at most {MAX_UNEVEN_STEP}"
            )
        width = max(1, widest.bit_length())
        tables = (sum(step << width * k for k, step in enumerate(axis.steps)) for axis in axes)
        return (("StepWidth", width), *zip(("RowSteps", "ColSteps"), tables, strict=True))

    def taps_of(self, image: Array, pad: float = 0) -> Iterator[tuple[int, int, Array]]:
        """Row and column of each tap, and its elements in all windows: (batch, window rows, window columns, channels).

        image: (batch, rows, columns, channels).  Elements are views of the image, or of one padded copy, where steps are even.
        """
        field, window = self.padded(image, pad)
        for ky, kx in product(range(self.rows.taps), range(self.cols.taps)):
            yield ky, kx, field[:, _index(window.rows, ky)][:, :, _index(window.cols, kx)]

    def padded(self, image: Array, pad: float) -> tuple[Array, Window]:
        """The image, surrounded by ``pad`` so that every tap lies in it, and the same windows of that."""
        (rows, above, below), (cols, left, right) = (axis.surrounded() for axis in (self.rows, self.cols))
        if above or below or left or right:
            image = np.pad(image, ((0, 0), (above, below), (left, right), (0, 0)), constant_values=pad)
        return image, Window(rows, cols)

    def in_parts(self, rows: int) -> Iterator[tuple[int, Window]]:
        """The windows, ``rows`` rows of them at a time, and the row of the first."""
        firsts = self.rows.firsts
        for top in range(0, len(firsts), rows):
            yield top, Window(replace(self.rows, start=firsts[top], steps=self.rows.steps[top : top + rows - 1]), self.cols)


def _index(axis: Axis, tap: int) -> slice | IntArray:
    """Where one tap of each window lies in the image: a slice if steps are even."""
    first, step = axis.start + tap * axis.dilation, axis.step
    return slice(first, first + step * (axis.windows - 1) + 1, step) if step else axis.positions(tap)


def image_size(shape: Shape, where: str = "an image") -> tuple[int, int, int]:
    """Rows, columns and channels of a value; what it lacks is 1.  Raises HwgenError where there are more axes of positions."""
    if not 2 <= len(shape) <= 4:
        raise HwgenError("unsupported-node", where, f"a tensor of shape {shape} is no image", "use one or two axes of positions")
    rows, cols = (*shape[1:-1], 1, 1)[:2]
    return rows, cols, shape[-1]


def as_image(codes: IntArray) -> IntArray:
    """A batch of such values with all four axes."""
    return codes.reshape(codes.shape[0], *image_size(codes.shape))
