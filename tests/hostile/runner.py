"""Runs a group of hostile cases, each in a process of its own with hard limits, and tells what came of it as JSON, one line a case.

    python -m hostile.runner GROUP

The program is loaded once; each case is a fork of it, so that a case costs what the command itself costs.
"""

from __future__ import annotations

import gc
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hostile.case import BAIT, REFUSED, Case
from hostile.watch import Watch

MAX_SECONDS: Final = 5.0
MAX_BYTES: Final = 1 << 30
_ADDRESS_SPACE: Final = 3 << 30
_KILL_SECONDS: Final = 20
"""A case that hangs is ended after this time, so that the others are still tried."""


_WITH_NAMES: Final = ("manifest.json", "model.hwg", "verification.json", "report.html")
"""Files of a build in which names of the model may stand, as strings of JSON or of the graph's text, or escaped."""


_COMMANDS: Final = ("build", "check", "import", "show", "inspect", "emit", "sim", "report", "synth", "estimate")


@dataclass(frozen=True)
class Outcome:
    """What a command left.  code: None where it was killed.  watched: what the audit hook saw.  changed: files made or changed."""

    name: str
    code: int | None
    err: str
    out: str
    seconds: float
    peak_bytes: int
    watched: tuple[str, ...]
    changed: tuple[str, ...]
    different: tuple[str, ...] = ()


def _files(folder: Path) -> dict[str, tuple[int, int, int]]:
    found: dict[str, tuple[int, int, int]] = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        found[str(path.relative_to(folder))] = (info.st_mode, info.st_size, info.st_mtime_ns if path.is_file() else 0)
    return found


def _child(case: Case, command: tuple[str, ...], folder: Path, home: Path, answer: int) -> None:
    """In the fork: limits, watch, the command, and its answer into a pipe."""
    from hwgen.cli.main import run

    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (_KILL_SECONDS, _KILL_SECONDS))
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    tempfile.tempdir = str(home)
    harmless = case.code != REFUSED
    allowed = (folder / "build", Path("/proc"), *((home, cache_folder()) if harmless else ()))
    watch = Watch(allowed, BAIT, programs=None if harmless else (cache_folder() / "hwgen" / "engine",))
    out, err = io.StringIO(), io.StringIO()
    watch.install()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code: int | None = run(list(command))
        except BaseException:  # noqa: BLE001 - whatever escapes is what is looked for
            code, _ = None, traceback.print_exc(file=err)
    found = {"code": code, "out": out.getvalue()[-2000:], "err": err.getvalue()[-4000:], "watched": watch.found}
    os.write(answer, json.dumps(found).encode())
    os._exit(0)


def cache_folder() -> Path:
    """Where compiled simulators are kept: a build may write there."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def run_case(name: str, case: Case, folder: Path, home: Path) -> Outcome:
    """Makes the case in ``folder`` and runs it.  home: folder for temporary files and the cache."""
    work = folder / "work"
    work.mkdir()
    (work / f"{BAIT}.py").write_text("raise SystemExit('the bait was imported')\n")
    command = tuple(str(a) for a in case.make(work))
    before = _files(folder)
    read, write = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            _child(case, command, work, home, write)
        finally:
            os._exit(9)
    os.close(write)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.alarm(_KILL_SECONDS)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    _, _, usage = os.wait4(child, 0)
    signal.alarm(0)
    seconds = time.perf_counter() - start
    found = json.loads(answer) if answer else {"code": None, "out": "", "err": "killed", "watched": []}
    after = _files(folder)
    changed = tuple(p for p in sorted({*before, *after}) if before.get(p) != after.get(p) and p not in ("work", "work/build"))
    return Outcome(
        name,
        found["code"],
        found["err"],
        found["out"],
        round(seconds, 3),
        usage.ru_maxrss * 1024,
        tuple(found["watched"]),
        changed,
        _different(work, home) if case.plain else (),
    )


def _different(work: Path, home: Path) -> tuple[str, ...]:
    """Files of the build that differ from the build of the plain model; its own names may stand in two of them."""
    ours, plain = (_contents(folder / "build" / "model") for folder in (work, home / "plain"))
    return tuple(n for n in sorted({*ours, *plain}) if ours.get(n) != plain.get(n) and n not in _WITH_NAMES)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def _warm_up() -> None:
    """Loads what the commands load; what the forks share is then not walked through, and so not copied, in each of them."""
    from hwgen.cli.main import run

    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for command in _COMMANDS:
            run([command, "nowhere.onnx"])
    gc.collect()
    gc.freeze()


def run_group(group: str, only: str = "") -> Iterator[Outcome]:
    """All cases of a group, or those whose name holds ``only``."""
    from hostile.corpus import CORPUS, PLAIN

    with tempfile.TemporaryDirectory(prefix="hwgen-hostile-") as name:
        home = Path(name) / "home"
        (home / "plain").mkdir(parents=True)
        PLAIN(home / "plain")
        _warm_up()
        for number, (key, case) in enumerate(CORPUS[group].items()):
            if only in key:
                folder = Path(name) / str(number)
                folder.mkdir()
                yield run_case(key, case, folder, home)


def main() -> None:
    for outcome in run_group(*sys.argv[1:]):
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
