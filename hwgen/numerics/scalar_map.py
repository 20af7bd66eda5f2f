"""What lies between an integer value and the next quantizer, one real function a channel.

A chain of affine maps, clamps (ReLU) and tabulated functions.  Affine maps and clamps compose to one clamped
affine map, so a chain is kept as ``clamped affine, function, clamped affine, …``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from hwgen.numerics.functions import FUNCTIONS, certified_compare
from hwgen.numerics.rounding import Rounding, level_boundary, round_fraction
from hwgen.numerics.surd import UNIT, ZERO, Surd

if TYPE_CHECKING:
    from flint import arb


@dataclass(frozen=True, slots=True)
class ClampedAffine:
    """``v(a) = min(max(gain*a + bias, low), high)``; None where there is no limit."""

    gain: Surd = UNIT
    bias: Surd = ZERO
    low: Surd | None = None
    high: Surd | None = None

    def at(self, code: int) -> Surd:
        """``v(code)``; an exact zero where it is zero, however its square roots are written."""
        value = self.gain * Surd.of(code) + self.bias
        if self.low is not None and value < self.low:
            value = self.low
        if self.high is not None and self.high < value:
            value = self.high
        return value if value.sign() else ZERO

    def scaled(self, gain: Surd, bias: Surd) -> ClampedAffine:
        """``gain * v + bias``."""
        low = None if self.low is None else self.low * gain + bias
        high = None if self.high is None else self.high * gain + bias
        if gain.sign() < 0:
            low, high = high, low
        return ClampedAffine(self.gain * gain, self.bias * gain + bias, low, high)

    def clamped(self, low: Surd | None, high: Surd | None) -> ClampedAffine:
        """``min(max(v, low), high)`` for ``low <= high``."""

        def limit(own: Surd | None) -> Surd | None:
            """An own limit after the new clamp."""
            if own is not None and low is not None and own < low:
                return low
            if own is not None and high is not None and high < own:
                return high
            return own

        return ClampedAffine(
            self.gain, self.bias,
            low if self.low is None else limit(self.low),
            high if self.high is None else limit(self.high),
        )


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of `hwgen.numerics.functions`, by name."""

    function: str


@dataclass(frozen=True, slots=True)
class Chain:
    """``steps`` in order; the real function of one channel.  A chain of one ClampedAffine is *affine*."""

    steps: tuple[ClampedAffine | Apply, ...] = (ClampedAffine(),)

    @property
    def affine(self) -> ClampedAffine | None:
        """The chain as one clamped affine map, or None if it has a function in it."""
        return self.steps[0] if len(self.steps) == 1 and isinstance(self.steps[0], ClampedAffine) else None

    def _last(self) -> ClampedAffine:
        last = self.steps[-1]
        return last if isinstance(last, ClampedAffine) else ClampedAffine()

    def _with_last(self, last: ClampedAffine) -> Chain:
        before = self.steps[:-1] if isinstance(self.steps[-1], ClampedAffine) else self.steps
        return Chain((*before, last))

    def scaled(self, gain: Surd, bias: Surd) -> Chain:
        """The chain followed by ``gain * v + bias``."""
        return self._with_last(self._last().scaled(gain, bias))

    def clamped(self, low: Surd | None, high: Surd | None) -> Chain:
        """The chain followed by a clamp."""
        return self._with_last(self._last().clamped(low, high))

    def applied(self, function: str) -> Chain:
        """The chain followed by a function."""
        return Chain((*self.steps, Apply(function)))

    def compare(self, code: int, target: Fraction) -> int:
        """-1, 0 or 1 as the value at ``code`` is below, equal to or above ``target``; exact."""
        first, rest = self.steps[0], self.steps[1:]
        if isinstance(first, Apply):
            first, rest = ClampedAffine(), self.steps
        start = first.at(code)
        if not rest:
            return (start - Surd.of(target)).sign()

        def steps(exact: Callable[[Surd], arb]) -> arb:
            value = exact(start)
            for step in rest:
                if isinstance(step, Apply):
                    value = FUNCTIONS[step.function].ball(value)
                    continue
                value = value * exact(step.gain) + exact(step.bias)
                value = value if step.low is None else value.max(exact(step.low))
                value = value if step.high is None else value.min(exact(step.high))
            return value

        return certified_compare(steps, target)


@dataclass(frozen=True, slots=True)
class Levels:
    """The integers that a chain is rounded to: ``low..high``, saturating, or modulo their number if ``wrap``."""

    low: int
    high: int
    rounding: Rounding
    wrap: bool = False

    @property
    def count(self) -> int:
        """Number of steps between levels."""
        return self.high - self.low

    def reaches(self, chain: Chain, code: int, level: int) -> bool:
        """Whether the chain's value at ``code`` rounds to ``level`` or more."""
        boundary, inclusive = level_boundary(level, self.rounding)
        order = chain.compare(code, boundary)
        return order > 0 or (inclusive and order == 0)

    def of(self, chain: Chain, code: int) -> int:
        """The level of the chain's value at ``code`` (saturating), by bisection on the levels."""
        low, high = self.low, self.high
        while low < high:
            middle = (low + high + 1) // 2
            if self.reaches(chain, code, middle):
                low = middle
            else:
                high = middle - 1
        return low

    def of_limit(self, value: Surd | None, otherwise: int) -> int:
        """The level of a constant, or ``otherwise`` for None."""
        if value is None:
            return otherwise
        rational = value.rational
        if rational is not None:
            return min(max(round_fraction(rational, self.rounding), self.low), self.high)
        return self.of(Chain((ClampedAffine(ZERO, value),)), 0)
