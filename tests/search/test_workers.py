"""Worker processes that die, and what is left of them when we do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from crash.builds import environment
from search.problems import Deadly, Refusing

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.search.space import Key
from hwgen.search.trial import Evaluator, seed_of
from hwgen.search.workers import Processes


@dataclass(frozen=True)
class Unknown:
    """`Recipe` that no worker can read: it stands in no module that it finds."""

    def evaluator(self) -> Evaluator:
        raise TypeError


Unknown.__module__ = "no_such_module"


def test_point_whose_process_dies_twice_fails_and_all_others_are_tried(tmp_path: Path) -> None:
    keys: list[Key] = [(k,) for k in range(12)]
    with Processes(Deadly(tmp_path, 2, 4), 7, 2) as pool:
        found = dict(pool.outcomes(keys))
        assert sorted(found) == list(range(12))
        for place in range(12):
            measures, error = found[place].measures, found[place].error
            assert error == ("the process that tried it died, twice" if place < 2 else None)
            assert measures == (None if place < 2 else {"place": place, "seed": seed_of(7, (place,)) % 1000})
        assert all(o.measures for _, o in pool.outcomes(keys[4:]))


def test_worker_that_cannot_begin_says_why() -> None:
    with pytest.raises(HwgenError, match="has no data here"), Processes(Refusing(), 0, 2) as pool:
        list(pool.outcomes([(0,), (1,)]))


def test_worker_that_dies_before_its_first_trial_is_no_fault_of_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("no_such_module")
    module.Unknown = Unknown  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "no_such_module", module)
    with pytest.raises(HwgenFailure, match="ended before its first trial, with exit code 1"), Processes(Unknown(), 0, 2) as pool:
        list(pool.outcomes([(0,), (1,)]))


PROGRAM = """
import sys
from pathlib import Path
from search.problems import Endless
from hwgen.search.workers import Processes

if __name__ == "__main__":
    with Processes(Endless(Path(sys.argv[1])), 0, 2) as pool:
        while True:
            list(pool.outcomes([(0,), (1,)]))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_when_the_process_that_wants_them_does(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    marks = tmp_path / "marks"
    marks.mkdir()
    process = subprocess.Popen([sys.executable, tmp_path / "program.py", marks], env=environment(), stderr=subprocess.DEVNULL)
    while len(found := list(marks.iterdir())) < 2:
        assert process.poll() is None, "it should run until it is stopped"
    process.send_signal(number)
    process.wait()
    waited = time.monotonic() + 60
    while any(Path(f"/proc/{mark.name}").exists() for mark in found):
        assert time.monotonic() < waited, "a worker outlived us"
