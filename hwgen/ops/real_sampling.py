"""The dice of the real operators' random samples: quantizers, constants, and what stands before a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from math import log2
from random import Random
from typing import Final

import numpy as np

from hwgen.formats import REAL, Affine, Binary, Fixed, Format, Quantized, Ternary
from hwgen.ir.graph import Array, Node, Shape, Value, topological
from hwgen.numerics.functions import FUNCTIONS
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import Surd
from hwgen.ops.record import make
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.ops.weights import PRODUCTS

_BITS: Final = (1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 8, 10, 12, 16)
_SOURCES: Final = frozenset(("quantize", "input", *PRODUCTS))
_MOVES: Final = frozenset(("reshape", "transpose", "identity", "slice", "resize", "pad", "max_pool"))
"""Operators whose values are those of their one input, or 0."""
_MOST_RATIO: Final = 4
"""Of scales, and of its inverse, that weights can take in."""
FUNCTION_OPS: Final = frozenset((*FUNCTIONS, "elu", "softplus", "hard_swish"))
"""Operators whose exact values are slow to find, and that become a table or thresholds."""


def computed(values: Iterable[Value]) -> list[Value]:
    """Those that depend on an input of the graph."""
    return [v for v in values if any(n.op == "input" for n in topological([v]))]


def trail(value: Value) -> tuple[Node, ...]:
    """The nodes that made ``value``, last first, back to the quantizer, the product or the input that they start from.

    Of several operands the first is followed.
    """
    nodes = [value.producer]
    while nodes[-1].op not in _SOURCES:
        nodes.append(computed(nodes[-1].inputs)[0].producer)
    return tuple(nodes)


def moved_only(value: Value) -> Node | None:
    """The source of ``value`` where nothing follows it but what moves elements, or leaves some of them out."""
    *after, source = trail(value)
    return source if all(n.op in _MOVES for n in after) else None


def on_grid(value: Value) -> bool:
    """Whether the value is a quantizer's, or an input, which gets a format; moves may follow, and joints of near grids."""
    grids = _grids(value)
    scales = [s for g in grids if isinstance(g, Quantized) for s in g.scales]
    ratios = [s / scales[0] for s in scales]
    alike = REAL not in grids or not scales
    return bool(grids) and alike and all(max(r.numerator, r.denominator) <= _MOST_RATIO for r in ratios)


def _grids(value: Value) -> list[Format]:
    """The formats of the quantizers that a value consists of, `REAL` for an input of the graph; none where it is no grid."""
    node = value.producer
    while node.op in _MOVES:
        node = node.inputs[0].producer
    if node.op == "concat":
        parts = [_grids(v) for v in node.inputs]
        return [g for part in parts for g in part] if all(parts) else []
    return [node.output.type.format] if node.op in ("quantize", "input") else []


def channel_axis(value: Value) -> int:
    """1 for an image, otherwise the last."""
    rank = len(value.type.shape)
    return 1 if 3 <= rank <= 4 else rank - 1


def random_scale(random: Random, near: float) -> Fraction:
    """A power of two, a float32, or a short decimal, within a factor of two of ``near``."""
    match random.choice(("power", "power", "float", "decimal")):
        case "power":
            return Fraction(2) ** round(log2(near))
        case "float":
            return Fraction(float(np.float32(near * random.uniform(0.6, 1.8))))
        case _:
            return Fraction(f"{near:.0e}")


def random_number(random: Random, reach: int = 4) -> Surd:
    """A short fraction, a float32, or a whole number, of magnitude up to ``reach``; zero at times."""
    value = random.uniform(-reach, reach)
    float32 = Fraction(float(np.float32(value)))
    return Surd.of(random.choice((Fraction(round(value)), Fraction(round(value * 8), 8), float32, Fraction(f"{value:.1f}"))))


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


def near_quantizer(random: Random, format_: Quantized) -> Quantized:
    """The same kind of quantizer, its scales a small ratio from those of ``format_``, so that both meet on a common grid."""
    if isinstance(format_, Fixed):
        return replace(format_, integer_bits=format_.integer_bits + random.choice((-2, -1, 0, 1)))
    ratio = random.choice((1, 1, 2, Fraction(1, 2), 3, Fraction(3, 2), Fraction(5, 4)))
    scales = tuple(s * ratio for s in format_.scales)
    if not isinstance(format_, Affine):
        return replace(format_, scale=scales) if isinstance(format_, Binary | Ternary) else format_
    zeros = (0,) if random.random() < 0.5 else format_.zero
    return replace(format_, scale=scales, zero=zeros, mode=random.choice(list(Rounding)))


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
