"""The dice of the real operators' random samples: quantizers, constants, and what stands before a value."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import log2
from random import Random
from typing import Final

import numpy as np

from hwgen.formats import Affine, Binary, Fixed, Quantized, Ternary
from hwgen.ir.graph import Array, Node, Shape, Value, topological
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import Surd
from hwgen.ops.record import make
from hwgen.ops.source import CONSTANT, ConstantAttrs

_BITS: Final = (1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 8, 10, 12, 16)
_SOURCES: Final = ("quantize", "linear", "input")
_SHAPES: Final = ("reshape", "transpose", "identity")


def trail(value: Value) -> tuple[Node, ...]:
    """The nodes that made ``value``, last first, back to the quantizer, the product or the input that they start from."""
    nodes = [value.producer]
    while nodes[-1].op not in _SOURCES:
        computed = (v for v in nodes[-1].inputs if any(n.op == "input" for n in topological([v])))
        nodes.append(next(computed).producer)
    return tuple(nodes)


def shapes_only(value: Value) -> Node | None:
    """The source of ``value`` where nothing but shape operators follow it."""
    *after, source = trail(value)
    return source if all(n.op in _SHAPES for n in after) else None


def on_grid(value: Value) -> bool:
    """Whether the value is a quantizer's, or an input, which gets a format; shape operators may follow."""
    source = shapes_only(value)
    return source is not None and source.op != "linear"


def random_scale(random: Random, near: float) -> Fraction:
    """A power of two, a float32, or a short decimal, within a factor of two of ``near``."""
    match random.choice(("power", "power", "float", "decimal")):
        case "power":
            return Fraction(2) ** round(log2(near))
        case "float":
            return Fraction(float(np.float32(near * random.uniform(0.6, 1.8))))
        case _:
            return Fraction(f"{near:.0e}")


def random_quantizer(
    random: Random, largest: float, *, most_bits: int = 16, channels: int = 1, axis: int | None = None, related: bool = False,
    wraps: float = 0.2,
) -> Quantized:
    """A quantizer for values of about ``largest``, which clips at times.

    channels, axis: of scales (and zero points) per channel; 1 for none.  related: channel scales are a power of two apart.
    wraps: how likely a fixed-point format wraps.
    """
    along = axis if channels > 1 and axis is not None and random.random() < 0.4 else None

    def scales(near: float) -> tuple[Fraction, ...]:
        if along is None:
            return (random_scale(random, near),)
        if related:
            base = random_scale(random, near)
            return tuple(base * random.choice((1, 2, 4)) for _ in range(channels))
        return tuple(random_scale(random, near * random.uniform(0.5, 2)) for _ in range(channels))

    bits, signed = min(random.choice(_BITS), most_bits), random.random() < 0.7
    near = largest / 2 ** (bits - signed) * random.choice((0.5, 1, 1, 2))
    match random.choices(("affine", "fixed", "binary", "ternary"), (60, 20, 10, 10))[0]:
        case "binary":
            return Binary(scales(largest), along)
        case "ternary":
            return Ternary(scales(largest), along)
        case "fixed":
            integer_bits = round(log2(near)) + bits
            return Fixed(bits, integer_bits, signed, random.choice(list(Rounding)), random.random() < wraps)
        case _:
            narrow, mode = bits > 1 and random.random() < 0.3, random.choice(list(Rounding))
            made = Affine(bits, signed, narrow, scales(near), (0,), along, mode)
            if random.random() < 0.7 or bits > 8:
                return made
            count = channels if along is not None and random.random() < 0.5 else 1
            zeros = tuple(random.randint(made.low, made.high) for _ in range(count))
            return replace(made, zero=zeros)


def floats(random: Random, shape: Shape, deviation: float = 1.0) -> Array:
    """Normal float32; at times on a coarse grid, where ties are frequent."""
    data = np.random.default_rng(random.getrandbits(32)).normal(0, deviation, shape)
    if random.random() < 0.3:
        data = np.rint(data / deviation * 8) * 2.0 ** round(log2(deviation) - 3)
    return np.asarray(data, dtype=np.float32)


def exact(random: Random, shape: Shape, deviation: float = 1.0) -> Array:
    """Exact numbers, square roots among them, none zero."""
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        root = Surd.sqrt(Fraction(random.randint(1, 12), random.randint(1, 12)))
        result[index] = root * Surd.of(random.choice((-1, 1)) * Fraction(deviation))
    return result


def constant(data: Array, name: str, format_: Quantized | None = None) -> Value:
    """A constant of reals, or of codes of ``format_``."""
    attrs = ConstantAttrs(data) if format_ is None else ConstantAttrs(data, format_)
    return make(CONSTANT, attrs, [], name, name).output
