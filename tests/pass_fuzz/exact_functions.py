"""Activations in exact arithmetic, written once more and apart from `hwgen.numerics`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from hwgen.numerics.surd import Surd
from hwgen.ops.activation import ClipAttrs
from pass_fuzz.real import Real


def _scaled(x: Real, factor: Surd) -> Real:
    return x * Real(factor)


def _gelu_tanh(x: arb) -> arb:
    return x / 2 * (1 + ((2 / arb.pi()).sqrt() * (x + arb(fmpq(44715, 1000000)) * x**3)).tanh())


_BALLS: dict[str, Callable[[arb], arb]] = {
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "tanh": lambda x: x.tanh(),
    "erf": lambda x: 1 - x.erfc(),
    "exp": lambda x: x.exp(),
    "gelu": lambda x: x / 2 * (1 + (x / arb(2).sqrt()).erf()),
    "gelu_tanh": _gelu_tanh,
    "silu": lambda x: x / (1 + (-x).exp()),
    "mish": lambda x: x * (1 + x.exp()).log().tanh(),
    "sqrt": lambda x: x.sqrt(),
}
_AT_ZERO = {"sigmoid": Fraction(1, 2), "exp": 1}


def _function(x: Real, name: str) -> Real:
    if x.surd is not None and x.surd.sign() == 0:
        return Real(_AT_ZERO.get(name, 0))
    if name == "sqrt" and x.surd is not None and x.surd.rational is not None:
        return Real(Surd.sqrt(x.surd.rational))
    return Real(_BALLS[name](x.ball))


def activation(x: Real, op: str, attrs: Any) -> Real:
    """What an operator without channels makes of a number."""
    match op:
        case "relu":
            return x if x.sign() > 0 else Real(0)
        case "clip":
            x = x if attrs.low is None or (x - Real(attrs.low)).sign() > 0 else Real(attrs.low)
            return x if attrs.high is None or (x - Real(attrs.high)).sign() < 0 else Real(attrs.high)
        case "threshold":
            return x if (x - Real(attrs.edge)).sign() > 0 else Real(attrs.value)
        case "elu" if x.sign() > 0:
            return _scaled(x, attrs.scale)
        case "elu":
            raised = _function(_scaled(x, attrs.rate), "exp") - Real(1)
            return _scaled(_scaled(raised, attrs.alpha), attrs.scale)
        case "softplus":
            inner = _scaled(x, attrs.beta)
            if attrs.threshold is not None and (inner - Real(attrs.threshold)).sign() > 0:
                return x
            return Real((1 + inner.ball.exp()).log()) / Real(attrs.beta)
        case "hard_swish":
            return x * (activation(x + Real(3), "clip", ClipAttrs(Surd.of(0), Surd.of(6)))) / Real(6)
        case "square":
            return x * x
        case "reciprocal":
            return Real(1) / x
        case "softsign":
            return x / (Real(1) + (x if x.sign() > 0 else -x))
        case _:
            return _function(x, op)


ACTIVATIONS = frozenset(
    ("relu", "clip", "threshold", "elu", "softplus", "hard_swish", "square", "reciprocal", "softsign", *_BALLS)
)
