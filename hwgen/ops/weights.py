"""Weights of a layer on integer grids: rows of integers, and what is real about each row.

With x = gx*c + bx (one pair for all inputs, or one a channel) and w = sw[o]*(q - z)
    sum_i w[o, i]*x[i]  =  sw[o]*gx * sum_i (q - z)[o, i]*c[i]  +  sw[o] * sum_i (q - z)[o, i]*bx[i]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer, Quantized, bits_for
from hwgen.ir.graph import Array, Node
from hwgen.numerics.scalar_map import ClampedAffine
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.lowering import Pending, needs_quantizer
from hwgen.ops.record import attrs_as, constant_array
from hwgen.ops.source import ConstantAttrs, constant_reals

PRODUCTS: Final = frozenset(("linear", "conv", "conv_transpose"))
"""Real operators that multiply by a constant weight, their input 1."""
POOLS: Final = frozenset(("max_pool", "average_pool", "reduce", "interpolate"))
"""Real operators that combine elements of one tensor."""
MAX_WEIGHT_BITS: Final = 16
MAX_ACTIVATION_BITS: Final = 16

Arranged = Callable[[Array], Array]
"""Puts a weight, or an array of its shape, in rows (outputs, products); a product that no weight stands for is 0 (or None)."""


@dataclass(frozen=True, slots=True)
class WeightRows:
    """``y[o] = scale[o] * (rows[o] @ codes) + shift[o]``.  rows: (outputs, products) integers."""

    rows: IntArray
    scale: tuple[Surd, ...]
    shift: tuple[Surd, ...]


def weight_rows(node: Node, x: Pending, arranged: Arranged) -> WeightRows:
    """The weight (input 1) of ``node`` for codes ``x``, whose channel ``i % channels`` meets product ``i`` of each row.

    Raises HwgenError where the weight is no constant, or has no grid of few enough bits, or ``x`` is not on a grid.
    """
    maps = x.affine
    if maps is None:
        raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
    if constant_array(node.inputs[1]) is None:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", "the weight is computed by the network", "use a constant weight"
        )
    attrs = attrs_as(node.inputs[1].producer, ConstantAttrs)
    found = _regular(attrs, maps, arranged) or _irregular(node, arranged(constant_reals(attrs)), maps)
    bits = x.codes.type.format
    if isinstance(bits, Integer) and bits.bits > MAX_ACTIVATION_BITS:
        raise needs_quantizer(node, f"the input has {bits.bits} bits (limit {MAX_ACTIVATION_BITS})")
    if row_bits(found.rows) > MAX_WEIGHT_BITS:
        raise needs_quantizer(node, f"the weight has {row_bits(found.rows)} bits (limit {MAX_WEIGHT_BITS})")
    return found


def row_bits(rows: IntArray) -> int:
    """Bits of the widest weight."""
    return bits_for(int(rows.min(initial=0)), int(rows.max(initial=0)))


def _regular(attrs: ConstantAttrs, inputs: tuple[ClampedAffine, ...], arranged: Arranged) -> WeightRows | None:
    """Quantized weights with one scale a row, and one scale of the input; None for others."""
    format_, data = attrs.format, attrs.data
    gains = {m.gain for m in inputs}
    if not isinstance(format_, Quantized) or len(gains) != 1:
        return None
    channels = max(len(format_.scales), len(format_.zeros))
    index = np.ones(data.shape, dtype=np.int64)
    if channels > 1 and format_.axis is not None:
        shape = [-1 if k == format_.axis % data.ndim else 1 for k in range(data.ndim)]
        index = index * (np.arange(channels).reshape(shape) + 1)
    kept = arranged(index)
    channel = kept.max(axis=1)
    if not ((kept == channel[:, None]) | (kept == 0)).all():
        return None
    zeros = np.array(format_.zeros, dtype=np.int64)
    rows = arranged(data - zeros[(index - 1) % len(zeros)])
    weight_scales = [Surd.of(format_.scales[max(int(c) - 1, 0) % len(format_.scales)]) for c in channel]
    (gain,) = gains
    offsets = [m.bias for m in inputs]
    sums = (_weighted_sum(row, offsets) for row in rows)
    return WeightRows(rows, tuple(gain * s for s in weight_scales), tuple(s * t for s, t in zip(weight_scales, sums, strict=True)))


def _weighted_sum(row: IntArray, offsets: Sequence[Surd]) -> Surd:
    if len(set(offsets)) == 1:
        return Surd.of(int(row.sum())) * offsets[0]
    by_channel = row.reshape(-1, len(offsets)).sum(axis=0).tolist()
    total = ZERO
    for weight, offset in zip(by_channel, offsets, strict=True):
        total = total + Surd.of(weight) * offset
    return total


def _irregular(node: Node, weight: Array, inputs: tuple[ClampedAffine, ...]) -> WeightRows:
    """Weights on no common grid with the input (per-channel input scales): the finest grid of each row, by gcd."""
    rows: list[list[int]] = []
    scales: list[Surd] = []
    shifts: list[Surd] = []
    for row in weight:
        exact: list[Fraction] = []
        shift = ZERO
        for i, w in enumerate(row):
            m = inputs[i % len(inputs)]
            product = (w * m.gain).rational if w else Fraction(0)
            if product is None:
                raise needs_quantizer(node, "the input carries an irrational scale per channel (a batch norm)")
            exact.append(product)
            shift = shift + w * m.bias if w else shift
        denominator = lcm(*(e.denominator for e in exact))
        numerators = [int(e * denominator) for e in exact]
        unit = gcd(*numerators) or 1
        rows.append([n // unit for n in numerators])
        scales.append(Surd.of(Fraction(unit, denominator)))
        shifts.append(shift)
    widest = max((abs(n).bit_length() for r in rows for n in r), default=0)
    if widest > MAX_WEIGHT_BITS - 1:
        quantized = isinstance(attrs_as(node.inputs[1].producer, ConstantAttrs).format, Quantized)
        what = "weights times the input's scales per channel have" if quantized else "the weights are not quantized and have"
        raise needs_quantizer(node, f"{what} a common grid of {widest + 1} bits only (limit {MAX_WEIGHT_BITS})")
    return WeightRows(np.array(rows, dtype=np.int64).reshape(weight.shape), tuple(scales), tuple(shifts))


def constant_bias(node: Node) -> tuple[Surd, ...]:
    """Input 2 of ``node``, exact: one number or one an output; 0 where there is none."""
    return tuple(constant_reals(attrs_as(node.inputs[2].producer, ConstantAttrs)).ravel()) if len(node.inputs) > 2 else (ZERO,)
