"""An audit hook that notes what a process must not do while it reads a hostile file.

Noted: every file that is opened for writing, made, renamed or removed outside the folders allowed, programs that are started
(but those allowed), sockets, unpickling, and the import of the bait module.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES: Final = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.mkfifo",
    "os.mknod",
    "shutil.rmtree",
)
_STARTS: Final = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn", "pty.spawn")
_FORBIDDEN: Final = (
    "pickle.find_class",
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "urllib.Request",
    "webbrowser.open",
)


def _prefixes(folders: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(f"{folder.resolve()}{os.sep}" for folder in folders)


class Watch:
    """allowed: folders in which files may change.  programs: folders of the programs that may be started; None: all may."""

    def __init__(self, allowed: tuple[Path, ...], bait: str, *, programs: tuple[Path, ...] | None) -> None:
        self._allowed, self._bait = _prefixes(allowed), bait
        self._programs = None if programs is None else _prefixes(programs)
        self.found: list[str] = []

    def _inside(self, path: object, folder: object = -1, event: str = "") -> bool:
        """folder: an open folder that the path is relative to, as ``shutil.rmtree`` goes; -1 for the working directory."""
        if not isinstance(path, bytes | str | os.PathLike):
            return True  # an open file: it was looked at when it was opened
        base = Path(f"/proc/self/fd/{folder}").readlink() if isinstance(folder, int) and folder >= 0 else Path.cwd()
        given = base / os.fsdecode(path)
        if event == "os.mkdir" and given.exists():
            return True  # nothing is made where it is there
        return str(given) == os.devnull or f"{given.parent.resolve() / given.name}{os.sep}".startswith(self._allowed)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = (isinstance(flags, int) and flags & _WRITES) or (isinstance(mode, str) and set(mode) & set("wax+"))
            if writes and not self._inside(path):
                self.found.append(f"opens {path} for writing")
        elif event in _CHANGES:
            paths = [a for a in arguments if isinstance(a, bytes | str | os.PathLike)]
            folders = [a for a in arguments if isinstance(a, int)]
            folder = folders[-1] if event in ("os.remove", "os.rmdir") and folders else -1
            if not all(self._inside(p, folder, event) for p in paths):
                self.found.append(f"{event} of {arguments}")
        elif event in _STARTS:
            if self._programs is not None and not str(arguments[0]).startswith(self._programs):
                self.found.append(f"starts {arguments[:2]}")
        elif event in _FORBIDDEN:
            self.found.append(f"{event} of {arguments[:2]}")
        elif event == "import" and str(arguments[0]).partition(".")[0] == self._bait:
            self.found.append(f"imports {arguments[0]}")

    def install(self) -> None:
        """From now on; an audit hook cannot be taken away again."""
        sys.addaudithook(self)
