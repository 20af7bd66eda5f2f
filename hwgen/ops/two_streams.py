"""Sums, products, minima and maxima of two computed values, lowered to `hwgen.ops.eltwise`, exactly.

With x = gx*a + bx and y = gy*b + by, a and b codes:

    x + y      u * (p*a + q*b) + (bx + by)                 gx = p*u, gy = q*u, p and q whole
    x * y      gx*gy/(m*n) * (m*a + k) * (n*b + l)         bx/gx = k/m, by/gy = l/n
    min max    u * min(p*a + r, q*b) + by                  bx - by = r*u as well, u > 0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from hwgen.errors import HwgenError
from hwgen.formats import Integer
from hwgen.ir.graph import Node, Value
from hwgen.numerics.scalar_map import ClampedAffine
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.eltwise import EltwiseAttrs
from hwgen.ops.lowering import Lowering, Pending, needs_quantizer
from hwgen.ops.requantize import ScaleAttrs
from hwgen.ops.requantizing import CLIP_LIMIT
from hwgen.ops.sampling import codes_format


@dataclass(frozen=True, slots=True)
class _Channel:
    """How one channel of two streams meets: whole factors and offsets, and the real of the result, ``unit * result + bias``."""

    a_mul: int
    a_off: int
    b_mul: int
    b_off: int
    unit: Surd
    bias: Surd


def _ratio(numerator: Surd, denominator: Surd, node: Node) -> Fraction:
    found = (numerator * denominator.inverse()).rational
    if found is None:
        raise needs_quantizer(node, "the scales of the two operands have an irrational ratio (a batch norm)")
    return found


def _common(node: Node, base: Surd, parts: Sequence[Surd]) -> tuple[Surd, tuple[int, ...]]:
    """The greatest unit of which all ``parts`` are whole multiples, and these.  base: not zero, to measure them by."""
    ratios = [_ratio(p, base, node) if p.terms else Fraction(0) for p in parts]
    denominator = 1
    for r in ratios:
        denominator = denominator * r.denominator // gcd(denominator, r.denominator)
    whole = [int(r * denominator) for r in ratios]
    divisor = gcd(*whole) or 1
    return base * Surd.of(Fraction(divisor, denominator)), tuple(w // divisor for w in whole)


def _base(x: ClampedAffine, y: ClampedAffine) -> Surd:
    """A positive scale to measure by."""
    found = next((g for g in (x.gain, y.gain) if g.sign()), Surd.of(1))
    return found if found.sign() > 0 else -found


def _sum(node: Node, x: ClampedAffine, y: ClampedAffine) -> _Channel:
    unit, (p, q) = _common(node, _base(x, y), (x.gain, y.gain))
    return _Channel(p, 0, q, 0, unit, x.bias + y.bias)


def _product(node: Node, x: ClampedAffine, y: ClampedAffine) -> _Channel:
    if not x.gain.sign() or not y.gain.sign():
        raise needs_quantizer(node, "an operand is the same number everywhere")
    first, second = _ratio(x.bias, x.gain, node), _ratio(y.bias, y.gain, node)
    unit = x.gain * y.gain * Surd.of(Fraction(1, first.denominator * second.denominator))
    return _Channel(first.denominator, first.numerator, second.denominator, second.numerator, unit, ZERO)


def _extreme(node: Node, x: ClampedAffine, y: ClampedAffine) -> _Channel:
    unit, (p, q, r) = _common(node, _base(x, y), (x.gain, y.gain, x.bias - y.bias))
    return _Channel(p, r, q, 0, unit, y.bias)


_MEETINGS: dict[str, Callable[[Node, ClampedAffine, ClampedAffine], _Channel]] = {
    "add": _sum, "mul": _product, "min": _extreme, "max": _extreme,
}


def lower_two(kind: str, *, minus: bool = False) -> Callable[[Lowering, Node, Sequence[Pending]], Pending]:
    """The lowering rule.  kind: of `EltwiseAttrs`.  minus: the second operand is subtracted."""

    def rule(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
        x, y = _aligned(lowering, node, inputs)
        if minus:
            y = y.map(lambda chain, _: chain.scaled(Surd.of(-1), ZERO))
        xs, ys = x.affine, y.affine
        if xs is None or ys is None:
            raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
        count = max(len(xs), len(ys))
        meet = {pair: _MEETINGS[kind](node, *pair) for pair in {(xs[c % len(xs)], ys[c % len(ys)]) for c in range(count)}}
        channels = [meet[xs[c % len(xs)], ys[c % len(ys)]] for c in range(count)]
        name, path = node.output.name, node.path
        if len({(c.a_mul, c.a_off, c.b_mul, c.b_off) for c in channels}) == 1:
            one = channels[0]
            attrs, codes = EltwiseAttrs(kind, one.a_mul, one.a_off, one.b_mul, one.b_off), [x.codes, y.codes]
        else:
            a = _scaled(lowering, x, [(c.a_mul, c.a_off) for c in channels], f"{name}.a", node)
            b = _scaled(lowering, y, [(c.b_mul, c.b_off) for c in channels], f"{name}.b", node)
            attrs, codes = EltwiseAttrs(kind), [a, b]
        result = lowering.emit("eltwise", attrs, codes, name=f"{name}.{kind}", path=path)
        plain = Pending(result, Pending.of(result).chains, x.shape, x.layout)
        return plain.map(lambda chain, c: chain.scaled(channels[c % count].unit, channels[c % count].bias), count)

    return rule


def _aligned(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> tuple[Pending, Pending]:
    """Both streams with their elements in the same order."""
    x, y = inputs
    if x.shape != y.shape:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", f"{x.shape} and {y.shape} are computed values of different shapes",
            "expand the smaller one before it",
        )
    if x.layout == y.layout and x.codes.type.shape == y.codes.type.shape:
        return x, y
    order = x.layout.order if x.layout.dims == x.shape else tuple(range(len(x.shape)))
    first, second = (
        lowering.arrange(p, order, name=f"{node.output.name}.{side}", path=node.path) for p, side in ((x, "a"), (y, "b"))
    )
    return first, second


def _scaled(lowering: Lowering, x: Pending, constants: Sequence[tuple[int, int]], name: str, node: Node) -> Value:
    """Codes times whole numbers, one pair of factor and offset a channel."""
    format_ = codes_format(x.codes)
    ends = [e * mul + off for mul, off in constants for e in (format_.low, format_.high)]
    if max(map(abs, ends)) > CLIP_LIMIT:
        raise needs_quantizer(node, "the scales per channel of the two operands are too far apart")
    low, high = min(ends), max(ends)
    attrs = ScaleAttrs(
        tuple(m for m, _ in constants), tuple((o,) for _, o in constants), 0, low, max(high, low + 1), False,
        Integer(low, max(high, low + 1)),
    )
    return lowering.emit("requant_scale", attrs, [x.codes], name=name, path=node.path)
