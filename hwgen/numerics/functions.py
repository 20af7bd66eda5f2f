"""Functions that are tabulated: their certified values, in ball arithmetic (python-flint), and their float form.

Each says where it turns, so that a function of millions of codes is known from few of them: between two turns it is
monotone.  `silu`, `mish` and both forms of `gelu` fall to one minimum and rise behind it: for x < 0 their derivative
vanishes exactly where a product of two positive decreasing functions of x (such as ``-x`` and ``1 - sigmoid(x)``) is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import erf, erfc
from typing import TYPE_CHECKING, Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.numerics.surd import UNIT, ZERO, Surd

if TYPE_CHECKING:
    from flint import arb

    from hwgen.formats.base import FloatArray

FIRST_PRECISION: Final = 64
_PRECISIONS: Final = (FIRST_PRECISION, 256, 1024, 4096)
_GELU_CUBE: Final = Fraction("0.044715")


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a function may turn: monotone up to ``low`` and from ``high`` on; the same number where it is exact."""

    low: Surd
    high: Surd


def _at(value: int) -> Turn:
    return Turn(Surd.of(value), Surd.of(value))


def _near(digits: str) -> Turn:
    """A turn at the number that begins with these decimals."""
    unit = Fraction(1, 10 ** len(digits.partition(".")[2]))
    return Turn(Surd.of(Fraction(digits) - unit), Surd.of(Fraction(digits) + unit))


@dataclass(frozen=True, slots=True)
class RealFunction:
    """A function of one real variable.

    ball: enclosure of the value for a ball; array: in float64.  exact: the value where it is a sum of square roots that
    is known, else None.  limit: for other arguments, a number that the value comes near but never is, and the side on which
    it stays (-1 below, 1 above), or None.  turns: ascending.  rising: the direction before, between and behind the turns.
    least: the least argument, None where there is none.  pole: the function has no value at 0.
    """

    name: str
    ball: Callable[[arb], arb]
    array: Callable[[FloatArray], FloatArray]
    exact: Callable[[Surd], Surd | None]
    limit: Callable[[Surd], tuple[Surd, int] | None] = lambda x: None
    turns: tuple[Turn, ...] = ()
    rising: tuple[int, ...] = (1,)
    least: Surd | None = None
    pole: bool = False


# --- exact values -----------------------------------------------------------------------------------------------------


def _only_at_zero(value: Surd) -> Callable[[Surd], Surd | None]:
    """Exact at 0 alone; at any other algebraic number these functions are transcendental, or not known not to be."""
    return lambda x: None if x.sign() else value


def _root(x: Surd) -> Surd | None:
    rational = x.rational
    return None if rational is None else Surd.sqrt(rational)


def _inverse(x: Surd) -> Surd | None:
    return x.inverse() if len(x.terms) == 1 else None


def _softsign(x: Surd) -> Surd | None:
    below = _inverse(UNIT + (x if x.sign() > 0 else -x))
    return None if below is None else x * below


# --- numbers that a value comes near ----------------------------------------------------------------------------------

_ONE_BELOW: Final = (UNIT, -1)
_ZERO_ABOVE: Final = (ZERO, 1)


def _gated(x: Surd) -> tuple[Surd, int]:
    """x times a number between 0 and 1 that is near 0 for negative x and near 1 for positive x."""
    return (x if x.sign() > 0 else ZERO), -1


def _exponential(offset: int) -> Callable[[Surd], tuple[Surd, int] | None]:
    return lambda x: (Surd.of(offset), 1) if x.sign() < 0 else None


# --- enclosures -------------------------------------------------------------------------------------------------------


def _gelu(x: arb) -> arb:
    return x * (-x / x.__class__(2).sqrt()).erfc() / 2


def _gelu_tanh(x: arb) -> arb:
    # 1 + tanh(u) = 2 / (1 + exp(-2u))
    kind = x.__class__
    cube = kind(_GELU_CUBE.numerator) / _GELU_CUBE.denominator * x * x * x
    return x / (1 + (-2 * (2 / kind.pi()).sqrt() * (x + cube)).exp())


# --- float64 ----------------------------------------------------------------------------------------------------------


def _float_sigmoid(x: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def _float_softplus(x: FloatArray) -> FloatArray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _float_gelu(x: FloatArray) -> FloatArray:
    return x * np.vectorize(erfc, [np.float64])(-x / np.sqrt(2.0)) / 2


def _float_gelu_tanh(x: FloatArray) -> FloatArray:
    return x * _float_sigmoid(2 * np.sqrt(2 / np.pi) * (x + float(_GELU_CUBE) * x**3))


_TURNED: Final = (-1, 1)

FUNCTIONS: Final = {
    f.name: f
    for f in (
        RealFunction(
            "sigmoid", lambda x: 1 / (1 + (-x).exp()), _float_sigmoid, _only_at_zero(Surd.of(Fraction(1, 2))),
            lambda x: _ONE_BELOW if x.sign() > 0 else _ZERO_ABOVE,
        ),
        RealFunction(
            "tanh", lambda x: x.tanh(), np.tanh, _only_at_zero(ZERO),
            lambda x: _ONE_BELOW if x.sign() > 0 else (-UNIT, 1),
        ),
        RealFunction(
            "erf", lambda x: x.erf(), np.vectorize(erf, [np.float64]), _only_at_zero(ZERO),
            lambda x: _ONE_BELOW if x.sign() > 0 else (-UNIT, 1),
        ),
        RealFunction("exp", lambda x: x.exp(), np.exp, _only_at_zero(UNIT), _exponential(0)),
        RealFunction("expm1", lambda x: x.expm1(), np.expm1, _only_at_zero(ZERO), _exponential(-1)),
        RealFunction(
            "softplus", lambda x: x.exp().log1p(), _float_softplus, lambda x: None,
            lambda x: (x, 1) if x.sign() > 0 else _ZERO_ABOVE,
        ),
        RealFunction(
            "gelu", _gelu, _float_gelu, _only_at_zero(ZERO), _gated,
            (_near("-0.75179152469356445745790494677952403966447115342345"),), _TURNED,
        ),
        RealFunction(
            "gelu_tanh", _gelu_tanh, _float_gelu_tanh, _only_at_zero(ZERO), _gated,
            (_near("-0.75246142207101625848795444328891609060539217803762"),), _TURNED,
        ),
        RealFunction(
            "silu", lambda x: x / (1 + (-x).exp()), lambda x: x * _float_sigmoid(x), _only_at_zero(ZERO), _gated,
            (_near("-1.27846454276107379510935873902298015543947748861974"),), _TURNED,
        ),
        RealFunction(
            "mish", lambda x: x * x.exp().log1p().tanh(), lambda x: x * np.tanh(_float_softplus(x)), _only_at_zero(ZERO),
            _gated, (_near("-1.19243121451549521213758834042073940560068640932252"),), _TURNED,
        ),
        RealFunction("softsign", lambda x: x / (1 + abs(x)), lambda x: x / (1 + np.abs(x)), _softsign),
        RealFunction("square", lambda x: x * x, np.square, lambda x: x * x, turns=(_at(0),), rising=_TURNED),
        RealFunction("sqrt", lambda x: x.sqrt(), np.sqrt, _root, least=ZERO),
        RealFunction(
            "reciprocal", lambda x: 1 / x, np.reciprocal, _inverse, turns=(_at(0),), rising=(-1, -1), pole=True,
        ),
    )
}


def enclosure(value: Surd, precision_bits: int) -> arb:
    """A ball that holds ``value``, about so narrow."""
    from flint import arb, fmpq

    def exact(fraction: Fraction) -> arb:
        return arb(fmpq(fraction.numerator, fraction.denominator))

    rational = value.rational
    if rational is not None:
        return exact(rational)
    low, high = value.bounds(precision_bits)
    return exact(low).union(exact(high))


Steps = Callable[[Callable[[Surd], "arb"]], "arb"]
"""Computes with balls; it is given a function that turns exact numbers into balls."""


def evaluated(steps: Steps, precision_bits: int = FIRST_PRECISION) -> arb:
    """A ball that holds the value that ``steps`` computes, about so narrow."""
    from flint import ctx

    saved = ctx.prec
    try:
        ctx.prec = precision_bits
        return steps(lambda value: enclosure(value, precision_bits))
    finally:
        ctx.prec = saved


def sign(ball: arb) -> int | None:
    """-1, 0 or 1, or None where the ball does not tell."""
    return 1 if ball > 0 else -1 if ball < 0 else 0 if ball == 0 else None


def certified_compare(steps: Steps, target: Fraction | Surd) -> int:
    """-1, 0 or 1 as the value that ``steps`` computes is below, equal to or above ``target``.

    ``steps`` is called with growing precision until the answer is certain.  Raises HwgenError where 4096 bits do not tell.
    """
    wanted = Surd.of(target)
    for precision in _PRECISIONS:
        found = sign(evaluated(lambda exact: steps(exact) - exact(wanted), precision))
        if found is not None:
            return found
    raise HwgenError(
        "undecided-tie", "table", f"a value is not told apart from {wanted} with {_PRECISIONS[-1]} bits",
        "change the scale before or after the function a little",
    )
