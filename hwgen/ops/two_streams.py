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

from hwgen.errors import HwgenError
from hwgen.ir.graph import Node
from hwgen.numerics.scalar_map import ClampedAffine
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.common_grid import common_unit, ratio, scaled
from hwgen.ops.eltwise import EltwiseAttrs
from hwgen.ops.lowering import Lowering, Pending, needs_quantizer


@dataclass(frozen=True, slots=True)
class _Channel:
    """How one channel of two streams meets: whole factors and offsets, and the real of the result, ``unit * result + bias``."""

    a_mul: int
    a_off: int
    b_mul: int
    b_off: int
    unit: Surd
    bias: Surd


def _sum(node: Node, x: ClampedAffine, y: ClampedAffine) -> _Channel:
    unit, (p, q), _ = common_unit((x.gain, y.gain), (), node.path)
    return _Channel(p, 0, q, 0, unit, x.bias + y.bias)


def _product(node: Node, x: ClampedAffine, y: ClampedAffine) -> _Channel:
    if not x.gain.sign() or not y.gain.sign():
        raise needs_quantizer(node, "an operand is the same number everywhere")
    first, second = ratio(x.bias, x.gain, node.path), ratio(y.bias, y.gain, node.path)
    unit = x.gain * y.gain * Surd.of(Fraction(1, first.denominator * second.denominator))
    return _Channel(first.denominator, first.numerator, second.denominator, second.numerator, unit, ZERO)


def _extreme(node: Node, x: ClampedAffine, y: ClampedAffine) -> _Channel:
    unit, (p, q), (r,) = common_unit((x.gain, y.gain), (x.bias - y.bias,), node.path)
    return _Channel(p, r, q, 0, unit, y.bias)


_MEETINGS: dict[str, Callable[[Node, ClampedAffine, ClampedAffine], _Channel]] = {
    "add": _sum, "mul": _product, "min": _extreme, "max": _extreme,
}


def lower_two(kind: str, *, minus: bool = False) -> Callable[[Lowering, Node, Sequence[Pending]], Pending]:
    """The lowering rule.  kind: of `EltwiseAttrs`.  minus: the second operand is subtracted."""

    def rule(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
        sides = zip(inputs, ("a", "b"), strict=True)
        plain = [with_clamps_computed(lowering, p, name=f"{node.output.name}.{s}.clamped", path=node.path) for p, s in sides]
        x, y = _aligned(lowering, node, plain)
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
            a = scaled(lowering, x.codes, [(c.a_mul, c.a_off) for c in channels], name=f"{name}.a", path=path)
            b = scaled(lowering, y.codes, [(c.b_mul, c.b_off) for c in channels], name=f"{name}.b", path=path)
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
    like = x if len(x.chains) >= len(y.chains) else y  # what has scales per channel stays as it lies
    order = like.layout.order if like.layout.dims == like.shape else tuple(range(len(x.shape)))
    first, second = (
        lowering.arrange(p, order, name=f"{node.output.name}.{side}", path=node.path) for p, side in ((x, "a"), (y, "b"))
    )
    return first, second
