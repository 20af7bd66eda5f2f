"""What lies between an integer value and the next quantizer, one real function a channel.

A chain of affine maps, clamps (ReLU), choices by size (leaky ReLU) and tabulated functions.  Affine maps and clamps in a row
compose to one clamped affine map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from hwgen.numerics.functions import FIRST_PRECISION, FUNCTIONS, certified_compare, enclosure, evaluated, sign
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

    def of(self, a: Surd) -> Surd:
        """``v(a)``; an exact zero where it is zero, however its square roots are written."""
        value = self.gain * a + self.bias
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
class Choose:
    """``above(v)`` where v > edge, ``below(v)`` where v < edge; at the edge ``above`` if ``edge_above``, else ``below``."""

    edge: Surd
    below: Chain
    above: Chain
    edge_above: bool = True

    def sides(self, value: arb, edge: arb) -> tuple[Chain, ...]:
        """The chains that numbers of a ball go through, given the ball of the edge."""
        return (self.above,) if value > edge else (self.below,) if value < edge else (self.below, self.above)

    def branch(self, value: Surd) -> Chain:
        """The chain that ``value`` goes through."""
        side = (value - self.edge).sign()
        return self.above if side > 0 or (side == 0 and self.edge_above) else self.below


Step = ClampedAffine | Apply | Choose


@dataclass(frozen=True, slots=True)
class Chain:
    """``steps`` in order; the real function of one channel.  A chain of one ClampedAffine is *affine*."""

    steps: tuple[Step, ...] = (ClampedAffine(),)

    @property
    def affine(self) -> ClampedAffine | None:
        """The chain as one clamped affine map, or None if it is more than that."""
        return self.steps[0] if len(self.steps) == 1 and isinstance(self.steps[0], ClampedAffine) else None

    def _with_last(self, change: Callable[[ClampedAffine], ClampedAffine]) -> Chain:
        last = self.steps[-1]
        if isinstance(last, ClampedAffine):
            return Chain((*self.steps[:-1], change(last)))
        return Chain((*self.steps, change(ClampedAffine())))

    def scaled(self, gain: Surd, bias: Surd) -> Chain:
        """The chain followed by ``gain * v + bias``."""
        return self._with_last(lambda last: last.scaled(gain, bias))

    def clamped(self, low: Surd | None, high: Surd | None) -> Chain:
        """The chain followed by a clamp, ``low <= high``."""
        return self._with_last(lambda last: last.clamped(low, high))

    def applied(self, function: str) -> Chain:
        """The chain followed by a function."""
        return Chain((*self.steps, Apply(function)))

    def chosen(self, edge: Surd, below: Chain, above: Chain, *, edge_above: bool = True) -> Chain:
        """The chain followed by one of two others; see `Choose`."""
        return Chain((*self.steps, Choose(edge, below, above, edge_above)))

    def then(self, step: Step) -> Chain:
        """The chain followed by ``step``; affine maps in a row become one."""
        if isinstance(step, ClampedAffine):
            return self.scaled(step.gain, step.bias).clamped(step.low, step.high)
        return Chain((*self.steps, step))

    def at(self, code: int) -> Point:
        """The value at ``code``."""
        return _point(Surd.of(code), self.steps)

    def compare(self, code: int, target: Fraction | Surd) -> int:
        """-1, 0 or 1 as the value at ``code`` is below, equal to or above ``target``; exact."""
        return self.at(code).compare(Surd.of(target))


@dataclass(slots=True)
class Point:
    """A value: ``rest`` of ``start``; ``rest`` begins with a function whose value is no known sum of roots, or is empty."""

    start: Surd
    rest: tuple[Step, ...] = ()
    _ball: arb | None = None

    @property
    def exact(self) -> Surd | None:
        """The value where it is known as a sum of square roots, else None."""
        return None if self.rest else self.start

    @property
    def ball(self) -> arb:
        """An enclosure, mostly narrow."""
        if self._ball is None:
            self._ball = evaluated(self._steps)
        return self._ball

    def _steps(self, exact: Callable[[Surd], arb]) -> arb:
        return _enclosed(exact(self.start), self.rest, exact)

    def compare(self, target: Surd) -> int:
        """-1, 0 or 1 as the value is below, equal to or above ``target``.  Raises HwgenError where that stays uncertain."""
        if not self.rest:
            return (self.start - target).sign()
        found = sign(self.ball - enclosure(target, FIRST_PRECISION))
        if found is not None:
            return found
        match _limit(self.start, self.rest):
            case Point() as known:
                return known.compare(target)
            case (number, side) if (number - target).sign() == 0:
                return side
            case _:
                return certified_compare(self._steps, target)


def _point(value: Surd, steps: tuple[Step, ...]) -> Point:
    """The value of ``steps`` for ``value``; exact as far as it goes."""
    while steps:
        step, rest = steps[0], steps[1:]
        match step:
            case ClampedAffine():
                value = step.of(value)
            case Choose():
                rest = (*step.branch(value).steps, *rest)
            case Apply():
                known = FUNCTIONS[step.function].exact(value)
                if known is None:
                    return Point(value, steps)
                value = known
        steps = rest
    return Point(value)


def _limit(start: Surd, steps: tuple[Step, ...]) -> tuple[Surd, int] | Point | None:
    """A number that ``steps`` of ``start`` is near and is not, and the side of it on which it lies.

    The first step is a function.  A point where a clamp makes the value of it; None where no such number is known.
    """
    first, rest = steps[0], steps[1:]
    limit = FUNCTIONS[first.function].limit(start) if isinstance(first, Apply) else None
    while limit is not None and rest:
        step, rest = rest[0], rest[1:]
        if not isinstance(step, ClampedAffine) or step.gain.sign() == 0:
            return None
        number, side = step.gain * limit[0] + step.bias, limit[1] * step.gain.sign()
        if (step.of(limit[0]) - number).sign():  # a clamp lies between the number and the value, perhaps
            return None
        bound = step.high if side > 0 else step.low
        if bound is not None and (bound - number).sign() == 0:
            return _point(bound, rest)
        limit = number, side
    return limit


def _enclosed(value: arb, steps: tuple[Step, ...], exact: Callable[[Surd], arb]) -> arb:
    """A ball that holds the value of ``steps`` for every number in the ball ``value``."""
    for index, step in enumerate(steps):
        match step:
            case Apply():
                value = FUNCTIONS[step.function].ball(value)
            case ClampedAffine():
                value = value * exact(step.gain) + exact(step.bias)
                value = value if step.low is None else value.max(exact(step.low))
                value = value if step.high is None else value.min(exact(step.high))
            case Choose():
                edge, rest = exact(step.edge), steps[index + 1 :]
                sides = [_enclosed(value, (*c.steps, *rest), exact) for c in step.sides(value, edge)]
                return sides[0] if len(sides) == 1 else sides[0].union(sides[1])
    return value


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
        return self._passes(chain.at(code), level)

    def _passes(self, point: Point, level: int) -> bool:
        boundary, inclusive = level_boundary(level, self.rounding)
        order = point.compare(Surd.of(boundary))
        return order > 0 or (inclusive and order == 0)

    def of(self, chain: Chain, code: int) -> int:
        """The level of the chain's value at ``code`` (saturating)."""
        point = chain.at(code)
        known = None if point.exact is None else point.exact.rational
        if known is not None:
            return min(max(round_fraction(known, self.rounding), self.low), self.high)
        ball = point.ball
        near = float(ball.mid()) if ball.is_finite() else 0.0
        likely = round(min(max(near, self.low), self.high))
        low, high = self.low, self.high
        guesses = [likely - 1, likely + 1, likely]
        while low < high:
            middle = guesses.pop() if guesses else (low + high + 1) // 2
            if not low < middle <= high:
                continue
            if self._passes(point, middle):
                low = middle
            else:
                high = middle - 1
        return low

    def of_limit(self, value: Surd | None, otherwise: int) -> int:
        """The level of a constant, or ``otherwise`` for None."""
        if value is None:
            return otherwise
        return self.of(Chain((ClampedAffine(ZERO, value),)), 0)
