"""What is compiled once and kept: files in the user's cache folder, each named by what it was made from and by what it holds.

``XDG_CACHE_HOME``/hwgen, else ``~/.cache/hwgen``.  An entry appears whole (`hwgen.rtl.atomic`), by several makers at once too, and
is used only while its contents have the hash that its name says: one that was cut off or changed is made again.  The folder
may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError
from hwgen.rtl.atomic import sweep, write_bytes

_DIGITS: Final = 16


def cache_folder(*names: str) -> Path:
    """A folder of the cache, made where it is missing.  Raises HwgenError where that cannot be done."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache").joinpath("hwgen", *names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HwgenError(
            "output", f"cache folder {str(folder)!r}", f"cannot be made: {error.strerror}",
            "set XDG_CACHE_HOME to a folder that can be written",
        ) from error
    return folder


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def kept(folder: Path, key: str) -> Path | None:
    """The entry that was made from ``key``; None where there is none, or one that is damaged, which is removed."""
    for path in sorted(folder.glob(f"{key}-*")):
        with contextlib.suppress(OSError):  # another process may prune
            if path.name == f"{key}-{_hash(path.read_bytes())}":
                os.utime(path)
                return path
            path.unlink()
    return None


def keep(source: Path, folder: Path, key: str) -> Path:
    """Puts a file into the cache as made from ``key``."""
    data = source.read_bytes()
    target = folder / f"{key}-{_hash(data)}"
    write_bytes(target, data, mode=source.stat().st_mode & 0o777)
    return target


def prune(folder: Path, most: int) -> None:
    """Leaves the ``most`` entries used last, and nothing that a killed process left; others may prune at the same time."""
    sweep(folder)
    aged: list[tuple[float, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                aged.append((path.stat().st_mtime, path))
    for _, path in sorted(aged)[:-most]:
        path.unlink(missing_ok=True)
