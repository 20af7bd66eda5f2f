"""Makes the n-th change of a file go wrong: the process dies there, or the system says no.

Every change that Python makes goes through an audit event before it happens: opening for writing, making, renaming, removing.
Those are counted, so that each place where a build can be interrupted is tried, and the same one again.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

_CHANGES: Final = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "shutil.rmtree",
)
_STARTS: Final = ("subprocess.Popen",)


class Faults:
    """Counts changes inside a folder and the programs that are started; ``act`` is called before the one numbered ``at``."""

    def __init__(self, folder: str, at: int, act: Callable[[], None], *, again: bool = False) -> None:
        self.count, self._folder, self._at, self._act, self._again = 0, folder, at, act, again

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            counted = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and self._inside(path)
        else:
            counted = event in _STARTS or (event in _CHANGES and (self._inside(arguments[0]) or event in ("os.remove", "os.rmdir")))
        if counted:
            self.count += 1
            if self.count == self._at or (self._again and self.count > self._at):
                self._act()

    def _inside(self, path: object) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self._folder)


def kill() -> None:
    """What `kill -9` of the whole group does."""
    os.killpg(0, signal.SIGKILL)


def refuse(code: int) -> Callable[[], None]:
    """What the system says of a full or an unwritable disk."""

    def act() -> None:
        raise OSError(code, os.strerror(code))

    return act


def main() -> None:
    """``python -m crash.faults FOLDER AT KIND COMMAND…``: runs a command of hwgen; 0 for AT: prints how many."""
    folder, at, kind, *command = sys.argv[1:]
    act = kill if kind == "kill" else refuse(getattr(errno, kind))
    faults = Faults(folder, int(at), act, again=kind != "kill")
    from hwgen.cli.main import run

    sys.addaudithook(faults)
    code = run(command)
    if int(at) == 0:
        sys.stdout.write(f"{faults.count}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
