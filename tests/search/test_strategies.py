"""Strategies beat chance: by the volume of their fronts after the same number of trials, in the median of five seeds."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
from search.models import subject
from search.problems import GOALS, Problem
from search.test_driver import searched

from hwgen.search.pareto import hypervolume
from hwgen.search.results import Found
from hwgen.search.strategies.base import Task
from hwgen.search.strategies.table import strategy
from hwgen.search.study import Request, search

SEEDS = 5


@pytest.mark.parametrize("name", ["tpe", "greedy"])
def test_strategies_beat_chance_on_a_problem_of_known_shape(tmp_path: Path, name: str) -> None:
    found: dict[str, list[float]] = {}
    for one in ("random", name):
        for seed in range(SEEDS):
            problem = Problem(3, seed)
            trials = searched(tmp_path / f"{one}{seed}", one, problem, 72)
            losses = [GOALS.losses(t.outcome.measures) for t in trials if t.outcome.measures is not None]
            largest = problem.evaluator()(problem.space.largest, 0).measures["luts"]
            found.setdefault(one, []).append(hypervolume([(a, b / largest) for a, b in losses], (0.0, 1.0)))
    assert median(found[name]) > median(found["random"]), found


@pytest.mark.slow
def test_tpe_and_greedy_beat_chance_on_a_network(tmp_path: Path) -> None:
    made = subject(tmp_path, 3, (8, 8, 6, 4), 200)
    found: dict[str, list[Found]] = {}
    for name in ("random", "tpe", "greedy"):
        for seed in range(SEEDS):
            request = Request(strategy=name, trials=56, seed=seed)
            found.setdefault(name, []).append(search(made.graph, made.data, tmp_path / f"{name}{seed}", request))
    losses = {name: [[f.goals.losses(m) for _, m in f.judged] for f in several] for name, several in found.items()}
    everything = [v for several in losses.values() for one in several for v in one]
    reference = (max(v[0] for v in everything), max(v[1] for v in everything))
    volumes = {name: median(hypervolume(one, reference) for one in several) for name, several in losses.items()}
    assert volumes["tpe"] > volumes["random"] and volumes["greedy"] > volumes["random"], volumes


def test_greedy_begins_with_the_largest_point_the_smallest_and_each_dimension_alone() -> None:
    problem = Problem(2, 0)
    asked = strategy("greedy", Task(problem.space, GOALS, 0)).ask(11)
    top = problem.space.largest
    assert asked[:2] == [top, (0, 0, 0, 0)]
    assert [sum(a != b for a, b in zip(k, top, strict=True)) for k in asked[3:]] == [1] * 8


def test_greedy_asks_each_point_once_and_ends_with_the_space(tmp_path: Path) -> None:
    problem = Problem(1, 1)
    found = searched(tmp_path, "greedy", problem, 1000)
    assert len(found) == len({t.key for t in found}) == problem.space.size
