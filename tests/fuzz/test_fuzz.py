"""The fuzzer: 30 random networks, the cases that were kept, and that it finds and shrinks what is broken on purpose."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from fuzz.campaign import CASES, FAILURES, Job, Result, run_job
from fuzz.case import FuzzCase, load
from fuzz.check import Alteration, check
from fuzz.compose import draw_case

from hwgen.dataflow.stage import Fork, Stage
from hwgen.dataflow.unit import WindowTiming
from hwgen.errors import HwgenFailure, Problems
from hwgen.ir.text import print_graph
from hwgen.ops.table import INTEGER
from hwgen.sim.samples import count

TESTBENCHES = Path(__file__).resolve().parents[2] / "testbenches"
KEPT = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())
ATTEMPTS = 14

LOST_BIT = Alteration(
    "hg_accumulator.sv",
    "(in_first_i ? in_bias_i[l] : old[l]) + AccWidth'($signed(in_data_i[l]))",
    "AccWidth'($signed((AccWidth-1)'((in_first_i ? in_bias_i[l] : old[l]) + AccWidth'($signed(in_data_i[l])))))",
)
LOST_SIGN = Alteration("hg_requant_scale_lane.sv", "SumWidth'($signed(offset[k]))", "SumWidth'(offset[k])")
EARLY_COLUMN = Alteration("hg_window.sv", "row_moves && write_col_q < col_base", "row_moves && write_col_q <= col_base")
FORGOTTEN_BRANCH = Alteration("hg_stream_fork.sv", "{Outputs{in_valid_i}} & ~done_q", "{Outputs{in_valid_i}}")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(15))
def test_random_network_equals_its_references(number: int, seed: int) -> None:
    result = run_job(Job(seed, number, FAILURES))
    assert result.folder is None, f"{result.what}; to repeat: cd testbenches && python -m fuzz {result.name}"


@pytest.mark.slow
@pytest.mark.parametrize("name", KEPT)
def test_kept_case_is_as_it_should_be(name: str) -> None:
    assert check(load(CASES / name)).failure is None


def first_failure(
    out: Path, alteration: Alteration | None = None, suits: Callable[[FuzzCase], bool] = lambda case: True,
    most_attempts: int = ATTEMPTS,
) -> Result:
    """Of a few networks that suit, the first that fails."""
    numbers = (number for number in range(0, 400, 2) if suits(draw_case(5, number)))
    for number in islice(numbers, 6):
        result = run_job(Job(5, number, out, alteration, most_attempts))
        if result.folder is not None:
            return result
    raise AssertionError("nothing was found in six networks")


@pytest.mark.slow
@pytest.mark.parametrize("alteration", [LOST_BIT, LOST_SIGN], ids=["accumulator a bit too narrow", "offset without sign"])
def test_a_broken_template_is_found_shrunk_and_repeated(alteration: Alteration, tmp_path: Path) -> None:
    result = first_failure(tmp_path, alteration)
    assert result.folder is not None and result.what.startswith("bits: ")
    case = load(result.folder)
    assert [n.op for n in case.graph.nodes][2:] == ["decode"], "one layer is left"
    assert len(case.trials) == 1 and case.codes is not None and count(case.codes) == 1
    again = check(case, alteration).failure
    assert again is not None and f"{again.kind}: {again.what}" == result.what, "the folder repeats the failure"
    assert check(case).failure is None, "and only with what was broken"


def windows(case: FuzzCase) -> bool:
    """Whether a window of several columns moves down."""
    timings = (p.unit.timing for s in case.flow().stages for p in s.units)
    return any(isinstance(t, WindowTiming) and t.kernel_cols > 1 and len(t.row_steps) > 0 for t in timings)


def forks(case: FuzzCase) -> bool:
    """Whether branches wait for each other: their FIFOs hold what they must."""
    return case.fifo_depth > 0 and any(isinstance(e, Fork) for e in case.flow().elements)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alteration", "suits"), [(EARLY_COLUMN, windows), (FORGOTTEN_BRANCH, forks)],
    ids=["a window's columns are written a column early", "a branch gets a beat again"],
)
def test_what_only_windows_or_branches_show_is_found_and_shrunk(
    alteration: Alteration, suits: Callable[[FuzzCase], bool], tmp_path: Path
) -> None:
    result = first_failure(tmp_path, alteration, suits, 24)
    assert result.folder is not None
    case = load(result.folder)
    assert len([n for n in case.graph.nodes if n.op in INTEGER]) <= 3 and len(case.trials) == 1
    assert suits(case), "what matters is left"
    assert check(case, alteration).failure is not None and check(case).failure is None


@pytest.mark.slow
def test_a_cycle_model_off_by_one_is_found_shrunk_and_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Stage.latency_cycles.fget
    assert right is not None
    with monkeypatch.context() as patch:
        patch.setattr(Stage, "latency_cycles", property(lambda stage: right(stage) + (len(stage.units) > 1)))
        result = first_failure(tmp_path)
        assert result.folder is not None and result.what.startswith("cycles: ")
        case = load(result.folder)
        assert check(case).failure is not None, "the folder repeats the failure"
    assert max(len(s.units) for s in case.flow().stages) > 1, "what matters is left"
    assert check(case).failure is None, "and only with what was broken"


def test_a_failure_to_lower_is_a_case_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("off the end")

    with monkeypatch.context() as patch:
        patch.setattr("passes.transform.lower.host_nodes", broken)
        result = run_job(Job(5, 1, tmp_path))
        assert result.folder is not None and "off the end" in result.what
        case = load(result.folder)
        assert case.real and check(case).failure is not None
    assert check(case).failure is None


def test_a_case_depends_on_its_seed_and_number_alone(seed: int) -> None:
    for number in range(6):
        one, two = draw_case(seed, number), draw_case(seed, number)
        assert print_graph(one.graph) == print_graph(two.graph)
        assert (one.parallelism, one.fifo_depth, one.trials) == (two.parallelism, two.fifo_depth, two.trials)
        assert one.codes is not None and two.codes is not None and one.codes.keys() == two.codes.keys()
        assert all(np.array_equal(one.codes[name], two.codes[name]) for name in one.codes)


def test_an_error_of_a_worker_is_told_in_full() -> None:
    problem = HwgenFailure("deadlock", "model 'm'", "stops", "give it room")
    for error in (problem, Problems((problem, problem))):
        again = copy.copy(error)  # by its reduction, as it comes from another process
        assert (type(again), str(again), vars(again).keys()) == (type(error), str(error), vars(error).keys())


def fuzz(*arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fuzz", *arguments], cwd=TESTBENCHES, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )


@pytest.mark.slow
def test_one_command_repeats_a_case() -> None:
    with fuzz(KEPT[0]) as process:
        said, _ = process.communicate()
    assert (process.returncode, said) == (0, f"{KEPT[0]}: as it should be\n")
    with fuzz("no-such-case") as process:
        said, complained = process.communicate()
    assert (process.returncode, said) == (2, "") and "no-such-case" in complained


def processes_in_group(group: int) -> int:
    """How many there are."""
    count = 0
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            count += os.getpgid(int(place.name)) == group
    return count


@pytest.mark.slow
@pytest.mark.parametrize("when", ["at once", "workers are born", "at work"])
def test_an_interrupted_campaign_leaves_nothing_half_made(when: str, tmp_path: Path) -> None:
    before = sorted(FAILURES.iterdir()) if FAILURES.is_dir() else []
    with fuzz("--count", "20", "--jobs", "2", env={**os.environ, "TMPDIR": str(tmp_path)}, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline().startswith("seed ")
        while when == "workers are born" and process.poll() is None and processes_in_group(process.pid) < 4:
            os.sched_yield()  # itself, two workers, and the tracker of their semaphores
        while when == "at work" and not any(tmp_path.glob("*/*")) and process.poll() is None:
            os.sched_yield()
        os.killpg(process.pid, signal.SIGINT)
        said, complained = process.communicate()
    assert process.returncode == 130 and said.endswith("interrupted\n"), complained
    assert "Traceback" not in complained
    assert list(tmp_path.iterdir()) == [] and (sorted(FAILURES.iterdir()) if FAILURES.is_dir() else []) == before
