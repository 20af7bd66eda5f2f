"""Folders and files that appear whole or not at all."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step, where the system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


def check_replaceable(final: Path, marker: str) -> None:
    """Raises HwgenError where ``final`` exists and neither is empty nor holds the file ``marker``."""
    if final.exists() and not (final.is_dir() and ((final / marker).is_file() or not any(final.iterdir()))):
        raise HwgenError("output", f"folder {final.name!r}", "exists and is no build of hwgen", "choose another --out")


@contextmanager
def folder_beside(final: Path) -> Generator[Path]:
    """A new folder on the same file system as ``final``, to fill and `install`; gone afterwards if it was not installed."""
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise HwgenError("output", f"folder {final.name!r}", reason, "choose another --out") from error
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def install(fresh: Path, final: Path) -> None:
    """``fresh`` takes the place of ``final`` in one step; what was there before is left at ``fresh`` or removed."""
    fresh.chmod(0o755)
    if not final.exists():
        fresh.rename(final)
    elif not _exchange(fresh, final):
        old = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".old", dir=final.parent))
        final.rename(old / "build")
        fresh.rename(final)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def replaced_folder(final: Path, marker: str) -> Generator[Path]:
    """Gives a new folder to fill; on success it takes the place of ``final``, on failure ``final`` is as it was.

    An existing ``final`` is only replaced if it is empty or holds the file ``marker``.
    """
    check_replaceable(final, marker)
    with folder_beside(final) as fresh:
        yield fresh
        install(fresh, final)


def write_text(path: Path, text: str) -> None:
    """Writes beside the final name and renames.  Raises HwgenError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(beside).chmod(0o644)
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise HwgenError("output", f"file {path.name!r}", f"cannot be written: {error.strerror}", "choose another path") from error
