"""Random windows and weights for the samples of convolutions and pools."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from hwgen.formats import IntArray
from hwgen.ir.graph import Shape, Value
from hwgen.ops.sampling import codes_format
from hwgen.ops.weights import MAX_WEIGHT_BITS
from hwgen.ops.window import Axis, image_size

MOST_SAMPLE_PRODUCTS: Final = 64
"""Multipliers of a sample: more take long to compile and show nothing new."""
_MOST_TAPS: Final = 4


@dataclass(frozen=True, slots=True)
class Drawn:
    """Windows of an image, see `hwgen.ops.window_conv.ConvAttrs`."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    pad: int


def window_takes(value: Value) -> bool:
    """A vector or an image."""
    return 2 <= len(value.type.shape) <= 4


def _axis(random: Random, size: int, *, pads: bool) -> tuple[int, int, int, int, int]:
    """Taps, stride, dilation and pads of windows that fit."""
    while True:
        taps, stride, dilation = random.randint(1, min(_MOST_TAPS, size + 2)), random.randint(1, 3), random.choice((1, 1, 2, 3))
        before, after = (random.choice((0, 0, 1, taps - 1)) if pads else 0 for _ in range(2))
        found = Axis.sliding(size, taps, stride, dilation, (before, after))
        if found is not None and found.windows <= 2 * size + 2:
            return taps, stride, dilation, before, after


def random_window_attrs(random: Random, value: Value, *, pads: bool = True, empty: bool = True) -> Drawn:
    """Windows of ``value``.  pads: whether they may reach outside.  empty: whether one may lie outside altogether."""
    format_, shape = codes_format(value), value.type.shape
    rows, cols, _ = image_size(shape)
    pads = pads and not format_.bipolar and random.random() < 0.6
    drawn = [(1, 1, 1, 0, 0), (1, 1, 1, 0, 0)]
    for k, size in enumerate((rows, cols)[: len(shape) - 2]):
        drawn[k] = _axis(random, size, pads=pads)
        while not empty and not _met(size, drawn[k]):
            drawn[k] = _axis(random, size, pads=pads)
    (kr, sr, dr, above, below), (kc, sc, dc, left, right) = drawn
    low = -(1 << format_.bits - 1) if format_.signed else 0
    pad = random.choice((0, format_.low, format_.high, random.randrange(low, low + (1 << format_.bits))))
    return Drawn((kr, kc), (sr, sc), (dr, dc), (above, left, below, right), pad if any((above, below, left, right)) else 0)


def _met(size: int, drawn: tuple[int, int, int, int, int]) -> bool:
    """Whether each window has a tap in the image."""
    taps, stride, dilation, before, after = drawn
    axis = Axis.sliding(size, taps, stride, dilation, (before, after))
    return axis is not None and int(axis.counts().min()) > 0


def random_weight(random: Random, shape: Shape) -> IntArray:
    """Bipolar, ternary, or of 2 to 16 bits; some outputs hold one extreme only, some are zero."""
    kind = random.choice(("bipolar", "ternary", "integers", "integers"))
    high = 1 if kind != "integers" else (1 << random.randint(1, MAX_WEIGHT_BITS - 1)) - 1
    low = -1 if kind != "integers" else -high - 1
    dice = np.random.default_rng(random.getrandbits(32))
    values = np.array((-1, 1)) if kind == "bipolar" else np.arange(low, high + 1)
    weight = dice.choice(values, shape).astype(np.int64)
    for row in weight:
        if random.random() < 0.2:
            row[...] = random.choice([low, high] if kind == "bipolar" else [low, 0, high])
    return weight
