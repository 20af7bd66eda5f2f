"""Random convolutions, pools and reductions of reals: the samples of these operators."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np

from hwgen.errors import HwgenError
from hwgen.ir.graph import Attrs, Shape, Value
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import constant, floats, on_grid, random_quantizer
from hwgen.ops.record import RealOp, make

_MOST_WEIGHT_BITS = 8


def takes_image(value: Value) -> bool:
    """An image on a quantizer's grid, or an input, which gets a format."""
    return 3 <= len(value.type.shape) <= 4 and on_grid(value)


def numbers(random: Random, rank: int, low: int, high: int) -> tuple[int, ...]:
    """One an axis of positions."""
    return tuple(random.randint(low, high) for _ in range(rank))


def groups_of(random: Random, channels: int) -> int:
    """A number that divides the channels; often one, at times all."""
    dividing = [g for g in range(1, channels + 1) if channels % g == 0]
    return random.choice((1, 1, channels, random.choice(dividing)))


def weight_of(random: Random, shape: Shape, name: str, axis: int) -> Value:
    """Quantized floats, at times with a scale for each index of ``axis``, or plain floats on a coarse grid."""
    deviation = (shape[0] * shape[1] * int(np.prod(shape[2:]))) ** -0.5 * shape[axis] ** 0.5
    if random.random() < 0.15:
        step = 2.0 ** -random.randint(1, 5)
        return constant((np.rint(floats(random, shape) / step) * step).astype(np.float32), name)
    format_ = random_quantizer(random, 2 * deviation, most_bits=_MOST_WEIGHT_BITS, channels=shape[axis], axis=axis)
    data = constant(floats(random, shape, deviation), name)
    return make(QUANTIZE, QuantizeAttrs(format_), [data], f"{name}.codes", name).output


def bias_of(random: Random, outputs: int, name: str) -> list[Value]:
    """None or one."""
    return [constant(floats(random, (outputs,)), name)] if random.random() < 0.6 else []


def first_legal(op: RealOp, candidates: Sequence[Attrs], operands: Sequence[Value], name: str) -> Value:
    """The first of some attributes that suits the operands; the last always does."""
    for attrs in candidates[:-1]:
        try:
            return make(op, attrs, operands, name, name).output
        except HwgenError:
            continue
    return make(op, candidates[-1], operands, name, name).output
