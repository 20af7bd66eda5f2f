"""Objectives and constraints: what is best, what is on the front, and what comes nearest where nothing fits."""

from __future__ import annotations

import pytest
from search.problems import GOALS

from hwgen.errors import HwgenError
from hwgen.search.goals import Constraint, Goals, Objective

MEASURED = [
    {"accuracy": 0.98, "luts": 4000.0}, {"accuracy": 0.97, "luts": 2000.0}, {"accuracy": 0.96, "luts": 2500.0},
    {"accuracy": 0.90, "luts": 1000.0},
]


def test_front_leaves_out_what_is_worse_in_all_and_starts_with_the_best_of_the_first_objective() -> None:
    assert GOALS.front(MEASURED) == [0, 1, 3]


def test_front_keeps_to_constraints() -> None:
    goals = Goals(GOALS.objectives, (Constraint.parse("luts<=3000"), Constraint.parse("accuracy >= 0.95")))
    assert goals.front(MEASURED) == [1]


def test_nearest_exceeds_least_in_parts_of_the_limits() -> None:
    goals = Goals(GOALS.objectives, (Constraint.parse("luts<=900"), Constraint.parse("accuracy>=0.95")))
    assert goals.front(MEASURED) == []
    assert goals.nearest(MEASURED) == 3  # 11 % and 5 %, the others 122 % and more
    assert goals.nearest([]) is None


def test_one_objective_has_one_best() -> None:
    assert Goals((Objective("luts", False),)).front([{"luts": 3.0}, {"luts": 2.0}, {"luts": 2.0}]) == [1]


@pytest.mark.parametrize("text", ["luts", "luts<4000", "luts<=", "luts<=many", "<=5", "luts<=inf", "luts<=nan", "a b<=5"])
def test_constraint_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(HwgenError, match="cannot be read; write luts<=4000") as error:
        Constraint.parse(text)
    assert error.value.code == "constraint" and text in error.value.where


def test_constraint_prints_as_it_is_read() -> None:
    for text in ("luts<=4000", "accuracy>=0.95"):
        assert str(Constraint.parse(text)) == text
