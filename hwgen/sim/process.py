"""Runs the programs of the toolchain so that none of them outlives an interruption of ours.

A compiler's driver starts other programs.  They get a terminal's Ctrl-C as we do; a signal to us alone does not reach them,
so everything below a program that is no longer wanted is ended by us.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from hwgen.errors import HwgenFailure

_running: Final[set[subprocess.Popen[str]]] = set()
_guard: Final = threading.Lock()


def run_tool(
    command: Sequence[str], folder: Path, *, env: Mapping[str, str] | None = None, log: IO[str] | None = None,
    text: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs ``command`` in ``folder`` and waits.  log: where its output goes, else it is part of the result.  text: its input.

    Raises HwgenFailure (``no-start``) where the system does not start it.
    """
    output = subprocess.PIPE if log is None else log
    errors = subprocess.PIPE if log is None else subprocess.STDOUT
    with _guard:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=env, stdin=subprocess.DEVNULL if text is None else subprocess.PIPE, stdout=output,
                stderr=errors, text=True, errors="replace",
            )
        except OSError as error:
            what = f"cannot be started: {error.strerror}"
            raise HwgenFailure("no-start", f"program {Path(command[0]).name!r}", what, "make room and run again") from error
        _running.add(process)
    try:
        said, complained = process.communicate(text)
    except BaseException:
        _end(process)
        raise
    finally:
        with _guard:
            _running.discard(process)
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


@contextmanager
def ended_together() -> Generator[None]:
    """Where programs run in several threads: what interrupts the block ends them all, so that the threads end too."""
    try:
        yield
    except BaseException:
        with _guard:
            left = list(_running)
        for process in left:
            _end(process)
        raise


def _end(process: subprocess.Popen[str]) -> None:
    """Kills a program and all that it started."""
    for child in _below(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()


def _below(root: int) -> list[int]:
    """The processes that descend from ``root``, the deepest first; none where the system does not tell."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                with contextlib.suppress(OSError, IndexError, ValueError):
                    parent = int((path / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                    children.setdefault(parent, []).append(int(path.name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found[::-1]
