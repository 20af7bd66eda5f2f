"""Every hostile file: one line and exit 2, or harmless where it only looks so; in time, in memory, and nothing else happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from hostile.case import ANY, REFUSED, Case
from hostile.corpus import CORPUS

ROOT: Final = Path(__file__).resolve().parents[2]
MAX_SECONDS: Final = float(os.environ.get("HWGEN_HOSTILE_SECONDS") or 5)
MAX_BYTES: Final = 1 << 30


def outcomes(group: str) -> list[dict[str, Any]]:
    """The group, in processes of its own (`hostile.runner`)."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("HWGEN_DEBUG", None)
    command = [sys.executable, "-m", "hostile.runner", group]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def complaints(case: Case, found: dict[str, Any]) -> list[str]:
    """What is not as it must be."""
    code, err = found["code"], found["err"]
    wrong = [*found["watched"], *(f"{name} differs from the plain build's" for name in found["different"])]
    if code != case.code and not (case.code == ANY and code in (0, 1, 2)):
        wrong.append(f"exit code {code}, not {case.code}")
    if "internal error" in err or "Traceback" in err or "not-understood" in err:
        wrong.append("an error that nobody thought of")
    if code == REFUSED and (
        err.count("\n") != 1 or not err.startswith("hwgen") or len(err) > 1500 or not err.rstrip("\n").isprintable()
    ):
        wrong.append("not one line that can be shown")
    if code == REFUSED and (err.count(": ") < 1 or "; " not in err or case.says not in err):
        wrong.append(f"does not name place, reason and way out ({case.says!r})")
    if code == REFUSED and found["changed"]:
        wrong.append(f"leaves {found['changed']}")
    if code == REFUSED and found["out"]:
        wrong.append("says something on stdout")
    # time counts where the file is refused: a harmless one may have work to do
    if code == REFUSED and found["seconds"] > MAX_SECONDS:
        wrong.append(f"takes {found['seconds']} s")
    if found["peak_bytes"] > MAX_BYTES:
        wrong.append(f"takes {found['peak_bytes'] >> 20} MiB")
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("group", CORPUS)
def test_hostile_files_of_a_group_do_no_harm(group: str) -> None:
    found = {one["name"]: one for one in outcomes(group)}
    assert set(found) == set(CORPUS[group]), "every case was run"
    bad = {
        name: (wrong, found[name]["err"][-300:]) for name, case in CORPUS[group].items() if (wrong := complaints(case, found[name]))
    }
    assert not bad, "\n".join(f"{name}: {wrong} {said!r}" for name, (wrong, said) in bad.items())


def test_the_corpus_is_large_and_its_cases_are_named_once() -> None:
    assert sum(len(group) for group in CORPUS.values()) > 1000
    for refused in (group for name, group in CORPUS.items() if name != "numbers"):
        assert sum(case.code == REFUSED for case in refused.values()) > 15
