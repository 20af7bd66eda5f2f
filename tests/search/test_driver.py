"""Searches on small problems: the same trials whoever tries them, whenever they end, and however often they begin again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from search.problems import GOALS, Problem

from hwgen.errors import HwgenError
from hwgen.search.driver import Plan, Pool, run
from hwgen.search.journal import NAME, Header, Outcome, TrialRecord, opened
from hwgen.search.space import Key
from hwgen.search.strategies.base import Task
from hwgen.search.strategies.table import STRATEGIES, strategy
from hwgen.search.trial import Recipe, seed_of
from hwgen.search.workers import Here, Processes

BATCH = 4


def header(name: str, seed: int) -> Header:
    return Header(
        hwgen="0", libraries={}, model_sha256="", data_sha256="", space_sha256="", objectives=("accuracy", "luts"), constraints=(),
        strategy=name, seed=seed, batch=BATCH, trial="",
    )


def searched(folder: Path, name: str, problem: Problem, trials: int, pool: Pool | None = None) -> list[TrialRecord]:
    """A search in ``folder``, gone on with where it is there."""
    made = strategy(name, Task(problem.space, GOALS, problem.seed, "output_error"))
    with opened(folder, header(name, problem.seed), resume=True) as journal:
        plan = Plan(problem.space, made, trials, BATCH)
        return run(plan, journal, pool or Here(problem, problem.seed), lambda record: None)


@dataclass
class Shuffled:
    """`Pool` whose outcomes come in any order, and that stops after so many."""

    problem: Recipe
    seed: int
    random: Random
    most: int = 1 << 30

    def outcomes(self, keys: Sequence[Key]) -> Iterator[tuple[int, Outcome]]:
        found = list(Here(self.problem, self.seed).outcomes(keys))
        self.random.shuffle(found)
        for one in found:
            if not self.most:
                raise KeyboardInterrupt
            self.most -= 1
            yield one


def lines(folder: Path) -> list[bytes]:
    return sorted((folder / NAME).read_bytes().splitlines())


@pytest.mark.parametrize("name", [n for n in STRATEGIES if n != "exhaustive"])
def test_order_of_arrival_and_interruptions_change_nothing(tmp_path: Path, random: Random, seed: int, name: str) -> None:
    problem, trials = Problem(2, seed % 1000, fails=7), 37
    expected = searched(tmp_path / "whole", name, problem, trials)
    assert [r.number for r in expected] == list(range(trials))
    there = 0
    while there < trials:
        pool = Shuffled(problem, problem.seed, random, random.randrange(1, 9))
        try:
            there = len(searched(tmp_path / "parts", name, problem, trials, pool))
        except KeyboardInterrupt:
            continue
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")


@pytest.mark.parametrize("name", ["random", "tpe", "greedy"])
def test_more_trials_later_are_those_of_a_longer_search(tmp_path: Path, seed: int, name: str) -> None:
    problem = Problem(2, seed % 1000)
    for trials in (5, 6, 18):
        searched(tmp_path / "grown", name, problem, trials)
    assert lines(tmp_path / "grown") == (searched(tmp_path / "once", name, problem, 18) and lines(tmp_path / "once"))


def test_processes_find_what_one_process_finds(tmp_path: Path, seed: int) -> None:
    problem = Problem(2, seed % 1000, fails=5)
    alone = searched(tmp_path / "alone", "greedy", problem, 24)
    with Processes(problem, problem.seed, 2) as pool:
        together = searched(tmp_path / "together", "greedy", problem, 24, pool)
    assert together == alone
    assert lines(tmp_path / "together") == lines(tmp_path / "alone")


def test_failed_trials_are_kept_with_their_reason_and_the_search_goes_on(tmp_path: Path) -> None:
    found = searched(tmp_path, "random", Problem(2, 3, fails=3), 30)
    failed = [r for r in found if r.outcome.error is not None]
    assert len(found) == 30 and 3 < len(failed) < 20
    assert all("is one that fails; try another [test]" in str(r.outcome.error) for r in failed)


def test_seed_of_a_trial_is_of_the_search_and_the_point_alone() -> None:
    keys: list[Key] = [(0, 1), (1, 0), (1, 1), (11,), (1, 1, 0)]
    seeds = {seed_of(seed, key) for seed in range(20) for key in keys}
    assert len(seeds) == 20 * len(keys) and all(0 <= s < 1 << 63 for s in seeds)
    assert seed_of(3, (1, 2)) == seed_of(3, (1, 2)) == 5006137073773042194


def test_exhaustive_takes_each_point_once_and_ends(tmp_path: Path) -> None:
    problem = Problem(1, 0)
    found = searched(tmp_path, "exhaustive", problem, 1000)
    assert sorted(r.key for r in found) == sorted({problem.space.point(n) for n in range(problem.space.size)})


def test_point_that_is_asked_again_is_not_tried_again(tmp_path: Path) -> None:
    problem, tried = Problem(1, 0), list[Key]()

    class Counting(Here):
        def outcomes(self, keys: Sequence[Key]) -> Iterator[tuple[int, Outcome]]:
            tried.extend(keys)
            return super().outcomes(keys)

    found = searched(tmp_path, "random", problem, 60, Counting(problem, 0))
    assert len(found) == 60 and len(tried) == len(set(tried)) == len({r.key for r in found}) < 37


def test_journal_that_the_strategy_would_not_have_made_is_refused(tmp_path: Path) -> None:
    problem = Problem(1, 0)
    with opened(tmp_path, header("random", 0), resume=True) as journal:
        asked = strategy("random", Task(problem.space, GOALS, 0)).ask(BATCH)[0]
        other = problem.space.point(0) if asked != problem.space.point(0) else problem.space.point(1)
        journal.add(TrialRecord(number=0, key=other, outcome=Outcome(error="")))
    with pytest.raises(HwgenError, match=r"has trial 0 at .* where the strategy asks"):
        searched(tmp_path, "random", problem, 4)


def test_unknown_strategy_names_the_near_one() -> None:
    with pytest.raises(HwgenError, match=r"did you mean greedy\?"):
        strategy("gredy", Task(Problem(1, 0).space, GOALS, 0))
