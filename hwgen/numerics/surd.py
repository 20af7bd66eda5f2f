"""Exact real numbers of the form ``sum_i c_i * sqrt(r_i)`` with rational ``c_i`` and ``r_i``.

Scales, zero points and biases are rationals (every float is one); a batch norm brings in ``1 / sqrt(variance + eps)``.
Sums and products of those stay in this form, so the order of any two of them is decided and never estimated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Final

from hwgen.errors import HwgenError

ONE: Final = Fraction(1)
_MAX_PRECISION_BITS: Final = 1 << 14
_MAX_BITS: Final = 1 << 14
_MAX_TERMS: Final = 16


@dataclass(frozen=True, slots=True)
class Surd:
    """``sum(coefficient * sqrt(radicand))``; terms sorted by radicand, no zero coefficient, 1 for the rational part."""

    terms: tuple[tuple[Fraction, Fraction], ...]

    @staticmethod
    def of(value: Surd | Fraction | int | float) -> Surd:
        """The exact value of a rational, an integer or a finite float."""
        if isinstance(value, Surd):
            return value
        fraction = Fraction(value)
        _check_size(fraction)
        return Surd(((ONE, fraction),)) if fraction else ZERO

    @staticmethod
    def sqrt(value: Fraction) -> Surd:
        """The square root of a rational that is not negative."""
        if value < 0:
            raise HwgenError("numerics", "square root", f"of the negative number {float(value)}", "check the variance")
        top, bottom = isqrt(value.numerator), isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Surd.of(Fraction(top, bottom))
        return Surd(((value, ONE),))

    @property
    def rational(self) -> Fraction | None:
        """The value as a fraction, or None where a root remains."""
        if not self.terms:
            return Fraction(0)
        if len(self.terms) == 1 and self.terms[0][0] == 1:
            return self.terms[0][1]
        return None

    def __add__(self, other: Surd) -> Surd:
        left, right = self.rational, other.rational
        if left is not None and right is not None:
            return Surd.of(left + right)
        total = dict(self.terms)
        for radicand, coefficient in other.terms:
            total[radicand] = total.get(radicand, Fraction(0)) + coefficient
        return _collect(total)

    def __neg__(self) -> Surd:
        return Surd(tuple((r, -c) for r, c in self.terms))

    def __sub__(self, other: Surd) -> Surd:
        return self + (-other)

    def __mul__(self, other: Surd) -> Surd:
        left, right = self.rational, other.rational
        if left is not None and right is not None:
            return Surd.of(left * right)
        total: dict[Fraction, Fraction] = {}
        for r1, c1 in self.terms:
            for r2, c2 in other.terms:
                # sqrt(r) * sqrt(r) is rational even where sqrt(r * r) would need factoring to be seen as such
                root = Surd.of(r1) if r1 == r2 else Surd.sqrt(r1 * r2)
                for radicand, coefficient in root.terms:
                    total[radicand] = total.get(radicand, Fraction(0)) + c1 * c2 * coefficient
        return _collect(total)

    def inverse(self) -> Surd:
        """``1 / self`` for a number of one term; others do not occur between two quantizers."""
        if len(self.terms) != 1:
            what = "division by zero" if not self.terms else "division by a sum of square roots"
            raise HwgenError("numerics", "scalar arithmetic", what, "write the division as a multiplication by a constant")
        ((radicand, coefficient),) = self.terms
        return Surd(((radicand, 1 / (coefficient * radicand)),))

    def bounds(self, precision_bits: int) -> tuple[Fraction, Fraction]:
        """Rationals ``low <= self <= high`` no further apart than about ``2**-precision_bits`` per term, relatively."""
        low = high = Fraction(0)
        for radicand, coefficient in self.terms:
            root = _sqrt_bounds(radicand, precision_bits)
            a, b = coefficient * root[0], coefficient * root[1]
            low, high = low + min(a, b), high + max(a, b)
        return low, high

    def sign(self) -> int:
        """-1, 0 or 1, exactly."""
        rational = self.rational
        if rational is not None:
            return (rational > 0) - (rational < 0)
        value, precision = self, 64
        while precision <= _MAX_PRECISION_BITS:
            low, high = value.bounds(precision)
            if low > 0:
                return 1
            if high < 0:
                return -1
            if value is self:
                value = self._independent()
                if not value.terms:
                    return 0
            precision *= 2
        raise HwgenError(
            "undecided-tie", "requantization", f"the sign of {self} is not decided by {_MAX_PRECISION_BITS} bits",
            "two batch norms between the same quantizers can cause this; fold them in the framework before the export",
        )

    def _independent(self) -> Surd:
        """The same number with terms that no rational relation joins: zero only if no term is left.

        Roots whose quotient is rational become one term (sqrt(8) = 2*sqrt(2)); square roots of rationals of which no
        quotient is a square are linearly independent over the rationals (Besicovitch 1940).
        """
        total: dict[Fraction, Fraction] = {}
        for radicand, coefficient in self.terms:
            for kept in total:
                quotient = Surd.sqrt(radicand / kept).rational
                if quotient is not None:
                    total[kept] += coefficient * quotient
                    break
            else:
                total[radicand] = coefficient
        return _collect(total)

    def floor(self) -> int:
        """Greatest integer that is not above the value."""
        rational = self.rational
        if rational is not None:
            return rational.numerator // rational.denominator
        precision = 64
        low, high = self.bounds(precision)
        while high - low > 1:
            precision *= 2
            low, high = self.bounds(precision)
        guess = low.numerator // low.denominator
        while (self - Surd.of(guess + 1)).sign() >= 0:
            guess += 1
        while (self - Surd.of(guess)).sign() < 0:
            guess -= 1
        return guess

    def __float__(self) -> float:
        rational = self.rational
        if rational is not None:
            return float(rational)
        if self.sign() == 0:
            return 0.0
        low, high = self.bounds(80)
        return float((low + high) / 2)

    def __lt__(self, other: Surd) -> bool:
        return (self - other).sign() < 0

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        return "+".join(str(c) if r == 1 else f"{c}*sqrt({r})" for r, c in self.terms)

    @staticmethod
    def parse(text: str) -> Surd:
        """Reads what ``str`` prints."""
        total = ZERO
        for term in text.split("+"):
            found = _TERM.fullmatch(term)
            try:
                if found is None:
                    raise ValueError(term)
                coefficient, radicand = Fraction(found[1]), Fraction(found[2] or 1)
            except (ValueError, ZeroDivisionError) as error:
                raise HwgenError(
                    "parse", "number", f"cannot read {text!r}", "write it as 3/4 or 3/4*sqrt(5/7), joined by +"
                ) from error
            total = total + Surd.sqrt(radicand) * Surd.of(coefficient)
        return total


ZERO: Final = Surd(())
UNIT: Final = Surd(((ONE, ONE),))
_TERM: Final = re.compile(r"(-?\d+(?:/\d+)?)(?:\*sqrt\((\d+(?:/\d+)?)\))?", re.ASCII)


def _collect(total: dict[Fraction, Fraction]) -> Surd:
    terms = tuple(sorted((r, c) for r, c in total.items() if c))
    if len(terms) > _MAX_TERMS:
        raise _too_long(f"a sum of more than {_MAX_TERMS} square roots")
    for radicand, coefficient in terms:
        _check_size(radicand)
        _check_size(coefficient)
    return Surd(terms)


def _check_size(value: Fraction) -> None:
    """Exact numbers get longer with each operation; what no real network needs would take all memory."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise _too_long(f"a number of more than {_MAX_BITS} bits")


def _too_long(what: str) -> HwgenError:
    return HwgenError("numerics", "exact arithmetic", f"leads to {what}", "fold these operators in the framework before the export")


def _sqrt_bounds(radicand: Fraction, precision_bits: int) -> tuple[Fraction, Fraction]:
    if radicand == 1:
        return ONE, ONE
    scale = max(0, precision_bits - (radicand.numerator.bit_length() - radicand.denominator.bit_length()) // 2)
    # sqrt(n/d) = sqrt(n*d)/d; isqrt gives floor, so the true root lies between q and q + 1
    root = isqrt(radicand.numerator * radicand.denominator << (2 * scale))
    denominator = radicand.denominator << scale
    return Fraction(root, denominator), Fraction(root + 1, denominator)
