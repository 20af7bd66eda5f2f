"""Input codes for verification: extremes first, then random codes on the input format's grid."""

from __future__ import annotations

from typing import Final

import numpy as np

from hwgen.dataflow.plan import Dataflow, integer_format
from hwgen.errors import HwgenError
from hwgen.formats import FloatArray, IntArray, Integer
from hwgen.ops.linear import MatvecAttrs

_MAX_ELEMENTS: Final = 1 << 28


def draw(flow: Dataflow, samples: int, seed: int) -> IntArray:
    """(samples, …) codes: all least, all greatest, inputs that drive rows of the first product to its bounds, random.

    At most half of the samples are extremes.
    """
    format_ = integer_format(flow.input)
    if samples * flow.input.type.elements > _MAX_ELEMENTS:
        raise HwgenError(
            "usage", "--samples", f"{samples} samples of {flow.input.type.elements} elements do not fit in memory", "give fewer"
        )
    shape = (samples, *flow.input.type.shape[1:])
    random = np.random.default_rng(seed)
    codes = random.integers(format_.low, format_.high, size=shape, endpoint=True)
    if format_.bipolar:
        codes = random.choice(np.array([-1, 1]), size=shape)
    extremes = _extremes(flow, format_, samples // 2)
    codes[: len(extremes)] = extremes.reshape(len(extremes), *shape[1:])
    return codes.astype(np.int64)


def _extremes(flow: Dataflow, format_: Integer, most: int) -> IntArray:
    elements = flow.input.type.elements
    rows = [np.full(elements, format_.low), np.full(elements, format_.high)]
    first = flow.stages[0].units[0].node
    if isinstance(first.attrs, MatvecAttrs):
        for weight in first.attrs.weight[: most // 2]:
            rows.append(np.where(weight > 0, format_.high, format_.low))
            rows.append(np.where(weight > 0, format_.low, format_.high))
    return np.array(rows[:most], dtype=np.int64).reshape(-1, elements)


def encode(data: FloatArray, flow: Dataflow) -> IntArray:
    """Codes of real inputs: the nearest on the input's grid, ties to even, saturating, as its quantizer does it."""
    format_ = integer_format(flow.input)
    shape = flow.input.type.shape[1:]
    if data.ndim == 0 or data.shape[1:] != shape or not len(data) or not np.isfinite(data).all():
        raise HwgenError(
            "data", "--inputs", f"data of shape {data.shape}, or with NaN or infinity",
            f"give finite numbers of shape (samples, {', '.join(map(str, shape))})",
        )
    scale = np.array([float(s) for s in format_.scale])
    offset = np.array([float(o) for o in format_.offset])
    steps = (np.asarray(data, dtype=np.float64) - offset) / scale
    if format_.bipolar:
        return np.where(steps >= 0, 1, -1).astype(np.int64)
    return np.rint(np.clip(steps, format_.low, format_.high)).astype(np.int64)
