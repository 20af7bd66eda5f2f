"""Chains of affine maps and clamps compose as functions do."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.numerics.interval import Interval, accumulator_bounds
from hwgen.numerics.scalar_map import Chain
from hwgen.numerics.surd import Surd


def test_steps_compose_as_they_do_one_by_one(random: Random) -> None:
    for _ in range(300):
        chain, steps = Chain(), []
        for _ in range(random.randint(1, 6)):
            if random.random() < 0.5:
                gain, bias = Fraction(random.randint(-6, 6), 4), Fraction(random.randint(-20, 20), 3)
                chain = chain.scaled(Surd.of(gain), Surd.of(bias))
                steps.append(lambda v, g=gain, b=bias: g * v + b)
            else:
                low, high = sorted(Fraction(random.randint(-30, 30), 2) for _ in range(2))
                given_low = low if random.random() < 0.7 else None
                given_high = high if random.random() < 0.7 else None
                chain = chain.clamped(*(None if v is None else Surd.of(v) for v in (given_low, given_high)))
                steps.append(lambda v, lo=given_low: v if lo is None else max(v, lo))
                steps.append(lambda v, hi=given_high: v if hi is None else min(v, hi))
        assert chain.affine is not None, "all of it is one clamped affine map"
        for code in range(-20, 21):
            value = Fraction(code)
            for step in steps:
                value = step(value)
            assert chain.compare(code, value) == 0, f"{chain} at {code} is not {value}"


def test_accumulator_bounds_are_reached_and_never_passed(random: Random) -> None:
    for _ in range(100):
        rows, columns = random.randint(1, 5), random.randint(1, 6)
        weight = np.array([[random.randint(-9, 9) for _ in range(columns)] for _ in range(rows)])
        x = Interval(*sorted((random.randint(-7, 7), random.randint(-7, 7))))
        bias = np.array([random.randint(-50, 50) for _ in range(rows)]) if random.random() < 0.5 else None
        low, high = accumulator_bounds(weight, x, bias)
        for o in range(rows):
            extremes = [sorted((int(w) * x.low, int(w) * x.high)) for w in weight[o]]
            own = 0 if bias is None else int(bias[o])
            assert low[o] == own + sum(e[0] for e in extremes)
            assert high[o] == own + sum(e[1] for e in extremes)


def test_bounds_that_int64_may_not_hold_are_refused() -> None:
    weight = np.full((1, 4), 1 << 40)
    with pytest.raises(HwgenError, match="62 bits"):
        accumulator_bounds(weight, Interval(0, 1 << 21))


def test_bounds_whose_sum_of_weights_overflows_are_refused() -> None:
    weight = np.full((1, 8), 1 << 61)
    with pytest.raises(HwgenError, match="62 bits"):
        accumulator_bounds(weight, Interval(0, 1))
