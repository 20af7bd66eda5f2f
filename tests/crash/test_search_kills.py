"""Searches that are killed anywhere and begun again end as one that nobody disturbed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from crash.builds import MORE, kill, start
from search.models import Subject, subject

from hwgen.search.journal import NAME, read_only
from hwgen.search.results import FRONT
from hwgen.search.study import Request, search

KILLS = 10
TRIALS = 72


def done(study: Path) -> int:
    """Trials that are there."""
    return (study / NAME).read_bytes().count(b'"kind":"trial"') if (study / NAME).exists() else 0


def watched(study: Path, until: float, spins: int, runs: Callable[[], bool]) -> None:
    """Waits until so many trials are there, and a little more."""
    while runs() and done(study) < until:
        pass
    while runs() and spins:
        spins -= 1


def check_same(study: Path, whole: Path) -> None:
    assert sorted((study / NAME).read_bytes().splitlines()) == sorted((whole / NAME).read_bytes().splitlines())
    assert read_only(study)[1] == read_only(whole)[1]
    assert (study / FRONT).read_bytes() == (whole / FRONT).read_bytes()


def searched(made: Subject, out: Path) -> None:
    search(made.graph, made.data, out, Request(trials=TRIALS, resume=True))


@pytest.mark.slow
def test_search_killed_at_random_moments_loses_no_trial_that_was_done_and_ends_the_same(tmp_path: Path, random: Random) -> None:
    made, study, kept = subject(tmp_path, 1), tmp_path / "killed", 0
    searched(made, tmp_path / "whole")
    context = multiprocessing.get_context("fork")
    for left in range(KILLS + MORE, 0, -1):
        process = context.Process(target=searched, args=(made, study))
        process.start()
        until = kept + random.uniform(0, 1.6 * (TRIALS - kept) / left)
        watched(study, until, random.randrange(1, 3000), process.is_alive)
        process.kill()
        process.join()
        before, kept = kept, done(study)
        assert kept >= before, f"{kept} trials of {before} are left"
    searched(made, study)
    check_same(study, tmp_path / "whole")


@pytest.mark.slow
def test_search_with_workers_that_is_killed_leaves_nobody_and_goes_on(tmp_path: Path) -> None:
    made, study = subject(tmp_path, 1), tmp_path / "killed"
    searched(made, tmp_path / "whole")
    options = ["search", made.model, "--data", made.path, "--trials", TRIALS, "--out", "killed", "--resume", "--no-plots"]
    options += ["--workers", 2]
    for until in (9, 40):
        process = start(tmp_path, *options)
        watched(study, until, 0, lambda process=process: process.poll() is None)
        kill(process)  # waits for the end of what the workers hold open as well
        assert done(study) >= until
    final = start(tmp_path, *options)
    said = final.communicate()[1]
    assert final.returncode == 0, said
    check_same(study, tmp_path / "whole")
