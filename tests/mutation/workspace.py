"""A private copy of the repository in which one mutant at a time is judged by pytest."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final, Literal

from mutation.judges import Step
from mutation.verdict_plugin import TEST_SECONDS, VARIABLE, Verdict

Status = Literal["killed", "timeout", "survived", "stillborn"]

_COPIED: Final = ("hwgen", "passes", "rtl_templates", "testbenches", "tests", "examples", "pyproject.toml", "README.md", "docs")
_NOT_COPIED: Final = shutil.ignore_patterns("build", "__pycache__", "*.pyc", ".hypothesis", "node_modules")
_SEED: Final = "20240229"
_MEMORY_BYTES: Final = 8 << 30
_PASSED, _NO_TESTS, _WRONG_TREE = 0, 5, 99
"""Exit codes of pytest, and the plugin's."""


class Broken(Exception):
    """The run cannot go on: the tests fail without any mutant, or do not run on the copy."""


class Stopped(Exception):
    """The run was stopped from outside."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.  test: the first that failed.  says: its last words.  seconds: of processor time.

    slowest: of these, what the slowest test took, where all passed.
    """

    status: Status
    test: str = ""
    says: str = ""
    seconds: float = 0.0
    slowest: float = 0.0


class Workspace:
    """A copy of ``root`` in ``folder``, which is emptied first."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        shutil.rmtree(folder, ignore_errors=True)
        self.tree = folder / "tree"
        self.tree.mkdir(parents=True)
        for name in _COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, self.tree / name, ignore=_NOT_COPIED)
            elif source.is_file():
                shutil.copy2(source, self.tree / name)
        self._share_runtime()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def _share_runtime(self) -> None:
        """A cache of models of its own; what Verilator's runtime compiles to is everyone's."""
        base = os.environ.get("XDG_CACHE_HOME")
        runtime = (Path(base) if base else Path.home() / ".cache") / "hwgen" / "runtime"
        runtime.mkdir(parents=True, exist_ok=True)
        (self.folder / "cache" / "hwgen").mkdir(parents=True)
        (self.folder / "cache" / "hwgen" / "runtime").symlink_to(runtime)

    def stop(self) -> None:
        """End what runs here, from another thread; the run raises Stopped."""
        self._stopped = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def put(self, path: str, text: bytes) -> None:
        """Give a source file another text, and forget what was compiled from the old one."""
        file = self.tree / path
        file.write_bytes(text)
        for stale in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            stale.unlink()

    def forget_models(self) -> None:
        """Delete the simulators that were built here."""
        shutil.rmtree(self.folder / "cache" / "hwgen" / "models", ignore_errors=True)
        shutil.rmtree(self.tree / "testbenches" / "build", ignore_errors=True)

    def run(self, step: Step, limit_seconds: float, test_seconds: float | None = None, *, keep_bytecode: bool = False) -> Outcome:
        """Run the tests of a step up to the first that fails.

        limit_seconds: of processor time for each process; ten times as long by the clock, for what waits for ever.
        test_seconds: of processor time for each test.
        Raises Broken where the tests did not see this copy.
        """
        verdict = self.folder / "verdict.json"
        verdict.unlink(missing_ok=True)
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HWGEN_", "_HWGEN_", "PYTEST_"))},
            "PYTHONPATH": os.pathsep.join((str(self.tree), str(self.tree / "tests"))),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
            "TMPDIR": str(scratch),
            VARIABLE: str(verdict),
            **({} if test_seconds is None else {TEST_SECONDS: str(test_seconds)}),
            **({} if keep_bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}),
            **({} if step.files[0].startswith("testbenches") else {"HWGEN_SEED": _SEED}),
        }
        quiet = ("-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "mutation.verdict_plugin")
        command = [sys.executable, "-m", "pytest", "-x", *quiet, "--rootdir", str(self.tree), *step.select, *step.files]
        with (self.folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.tree, env=environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=lambda: _limit(ceil(limit_seconds)),  # noqa: PLW1509  (the child only lowers its own limits)
            )
            self._process = process
            try:
                code = process.wait(10 * limit_seconds)
            except subprocess.TimeoutExpired:
                code = -signal.SIGXCPU
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._process = None
        if self._stopped:
            raise Stopped
        said = Verdict.read(verdict)
        if code == -signal.SIGXCPU:
            longest = min(limit_seconds, test_seconds or limit_seconds)
            return Outcome("timeout", says=f"stopped after {longest:.0f} s", seconds=longest)
        if code == _WRONG_TREE:
            raise Broken((self.folder / "log.txt").read_text()[-600:])
        if code in (_PASSED, _NO_TESTS):
            return Outcome("survived", seconds=said.seconds, slowest=said.slowest)
        return Outcome("stillborn" if said.refused else "killed", said.test, said.says or f"pytest: exit {code}", said.seconds)


def _limit(cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))  # a soft limit says why it stops
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
