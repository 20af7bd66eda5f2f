"""Real numbers of the exact evaluation: sums of square roots, or balls of 4096 bits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq

from hwgen.numerics.surd import Surd

PRECISION_BITS = 4096
_MOST_TERMS = 16
ctx.prec = PRECISION_BITS


class Undecided(Exception):
    """A ball holds a point where the result jumps: another input must be drawn."""


class Real:
    """A real number: exact, or enclosed in a ball."""

    __slots__ = ("_ball", "surd")

    def __init__(self, value: Surd | arb | Fraction | float) -> None:
        self._ball = value if isinstance(value, arb) else None
        self.surd = None if isinstance(value, arb) else Surd.of(value)
        if self.surd is not None and len(self.surd.terms) > _MOST_TERMS:
            self._ball, self.surd = self.ball, None

    @property
    def ball(self) -> arb:
        """An enclosure."""
        if self._ball is None:
            terms = self.surd.terms if self.surd is not None else ()
            roots = (arb(fmpq(c.numerator, c.denominator)) * arb(fmpq(r.numerator, r.denominator)).sqrt() for r, c in terms)
            self._ball = sum(roots, arb(0))
        return self._ball

    def __add__(self, other: Real) -> Real:
        if not isinstance(other, Real):
            return NotImplemented  # an array
        return Real(self.ball + other.ball if self.surd is None or other.surd is None else self.surd + other.surd)

    def __mul__(self, other: Real) -> Real:
        if not isinstance(other, Real):
            return NotImplemented
        return Real(self.ball * other.ball if self.surd is None or other.surd is None else self.surd * other.surd)

    def __neg__(self) -> Real:
        return self * Real(-1)

    def __sub__(self, other: Real) -> Real:
        if not isinstance(other, Real):
            return NotImplemented
        return self + -other

    def __truediv__(self, other: Real) -> Real:
        if not isinstance(other, Real):
            return NotImplemented
        if other.surd is not None and len(other.surd.terms) == 1:
            return self * Real(other.surd.inverse())
        return Real(self.ball / other.ball)

    def __float__(self) -> float:
        return float(self.ball)

    def sign(self) -> int:
        """-1, 0 or 1."""
        if self.surd is not None:
            return self.surd.sign()
        if self.ball.contains(0) and not self.ball == 0:  # a ball may be neither equal nor unequal
            raise Undecided
        return int(self.ball > 0) - int(self.ball < 0)

    def floor(self) -> int:
        """Greatest integer that is not above."""
        guess = int(np.floor(float(self)))
        while (self - Real(guess)).sign() < 0:
            guess -= 1
        while (self - Real(guess + 1)).sign() >= 0:
            guess += 1
        return guess

    def equals(self, other: Real) -> bool:
        """The same number; behind a function, equal as far as 300 bits tell."""
        if self.surd is not None and other.surd is not None:
            return (self.surd - other.surd).sign() == 0
        difference = abs(self.ball - other.ball)
        return bool(difference < arb(2) ** -300 * (1 + abs(self.ball)))
