"""Several processes at once in one folder, and one that is interrupted: results do not mix, and nobody is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from crash.builds import leftovers, model, start, whole

from hwgen import flow


def finish(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Exit codes and what was said, of all."""
    said = [p.communicate()[1] for p in processes]
    return [(p.returncode, text) for p, text in zip(processes, said, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 5])
def test_builds_at_once_leave_one_of_them_whole(tmp_path: Path, count: int) -> None:
    models = [model(tmp_path / f"m{k}", k) for k in range(count)]
    wanted = set()
    for path in models:
        flow.emit_model(path, tmp_path / "reference" / "out", flow.BuildOptions(samples=4))
        wanted.add(whole(tmp_path / "reference" / "out"))
    for verb in ("emit", "build"):
        done = finish([start(tmp_path, verb, path, "--out", "out", "--samples", 4) for path in models])
        assert [code for code, _ in done] == [0] * count, done
        assert whole(tmp_path / "out") in wanted
        assert leftovers(tmp_path, "out", "reference", *(f"m{k}" for k in range(count))) == []


@pytest.mark.slow
def test_simulations_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    flow.build(model(tmp_path / "one", 1), tmp_path / "out", samples=4)
    before = whole(tmp_path / "out")
    done = finish([start(tmp_path, "sim", "out", "--samples", 20, "--seed", k) for k in range(2)])
    assert [code for code, _ in done] == [0, 0], done
    pytest.importorskip("cocotb", reason="cocotb is not installed")
    done = finish([start(tmp_path, "sim", "out", "--samples", 5, "--seed", k, "--cocotb") for k in range(2)])
    assert [code for code, _ in done] == [0, 0], done
    assert whole(tmp_path / "out") == before
    assert {"job.json", "log.txt", "results.xml"} <= {p.name for p in (tmp_path / "out" / "cocotb").iterdir()}
    assert not [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


def descendants(root: int) -> set[int]:
    """Processes below ``root`` that are there now."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    found, waiting = set[int](), [root]
    while waiting:
        below = [child for child, parent in parents.items() if parent == waiting[-1]]
        waiting.pop()
        found.update(below)
        waiting += below
    return found


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False], ids=["of the process", "of the terminal"])
def test_an_interrupt_ends_the_tools_and_leaves_nothing(tmp_path: Path, alone: bool) -> None:
    """While the compiler is at work: the earlier build is whole, the exit code is 130, the compiler is gone."""
    flow.build(model(tmp_path / "one", 1), tmp_path / "out", samples=4)
    before = whole(tmp_path / "out")
    model(tmp_path / "two", 2)
    process = start(tmp_path, "build", "two/model.hwg", "--out", "out", XDG_CACHE_HOME=str(tmp_path / "home"))
    below: set[int] = set()
    while process.poll() is None and not any(name_of(child) in ("cc1plus", "as", "g++") for child in below):
        below = descendants(process.pid)
    assert process.poll() is None, process.communicate()
    below |= descendants(process.pid)
    os.kill(process.pid, signal.SIGINT) if alone else os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "hwgen: interrupted; nothing half-made was left"
    until = time.monotonic() + 10
    while (left := [child for child in below if Path(f"/proc/{child}").exists() and name_of(child)]) and time.monotonic() < until:
        continue
    assert not left, [name_of(child) for child in left]
    assert whole(tmp_path / "out") == before
    assert leftovers(tmp_path, "one", "two", "out", "home") == []


def name_of(process: int) -> str:
    """The program that a process runs; nothing where it is gone or only waits to be collected."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return "" if stat.rpartition(")")[2].split()[0] in ("Z", "X") else stat.partition("(")[2].rpartition(")")[0]


@pytest.mark.slow
def test_a_build_that_is_replaced_while_it_is_simulated_is_told_or_right(tmp_path: Path) -> None:
    """A simulation reads one build or the other, or says that it changed; it never reports a difference that is none."""
    models = [model(tmp_path / f"m{k}", k) for k in range(2)]
    flow.build(models[0], tmp_path / "out", samples=4)
    for _ in range(3):
        running = start(tmp_path, "sim", "out", "--samples", 4, "--json")
        for path in models:
            flow.emit_model(path, tmp_path / "out", flow.BuildOptions(samples=4))
        out, said = running.communicate()
        record = json.loads(out)
        assert running.returncode == 0 or "error" in record, said
