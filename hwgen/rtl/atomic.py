"""Folders and files that appear whole or not at all, whatever happens meanwhile: a kill, a full disk, another process.

Everything is written beside its final name, in a place that its maker holds locked, flushed to disk, and put in place by one
rename.  A place that was left behind is not locked (the system drops the lock of a process that dies), and goes away with
the next write of the same name; that of a process at work is locked and stays (docs/decisions/0023).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError, HwgenFailure

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_PARTIAL, _OLD = ".partial", ".old"
_KEPT: Final = "build"
"""Inside a place that ends in ``.old``: what stood at the final name while the new takes its place without an exchange."""
_ATTEMPTS: Final = 100
_FAILURES: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What happens to anyone: the disk is full or broken.  Any other error says that the place is no good one."""


# --- places -----------------------------------------------------------------------------------------------------------


def _lock(path: Path, *, wait: bool) -> int | None:
    """An open and locked file or folder; None where another process holds it, or where it is gone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        here = path.lstat()
        if (here.st_dev, here.st_ino) == (os.fstat(handle).st_dev, os.fstat(handle).st_ino):
            return handle
    except OSError:  # held, gone meanwhile, or a file system without locks
        pass
    os.close(handle)
    return None


def _remove(path: Path) -> None:
    """Takes away what may be taken away; the next write of the same name tries again."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _abandoned(parent: Path, prefix: str, suffix: str) -> Iterator[Path]:
    """Places of that name that no process holds; each is held by us until the next is asked for."""
    with contextlib.suppress(OSError):
        for path in [p for p in parent.iterdir() if p.name.startswith(prefix) and p.name.endswith(suffix)]:
            if path.lstat().st_uid == os.getuid() and (handle := _lock(path, wait=False)) is not None:
                try:
                    yield path
                finally:
                    os.close(handle)


def _sweep(final: Path) -> None:
    """Removes what killed processes left beside ``final``; puts back a build that one of them had moved aside."""
    prefix = f".{final.name}."
    for path in _abandoned(final.parent, prefix, _OLD):
        if not final.exists() and (path / _KEPT).exists():
            with contextlib.suppress(OSError):
                (path / _KEPT).rename(final)
        _remove(path)
    for path in _abandoned(final.parent, prefix, _PARTIAL):
        _remove(path)


def sweep(parent: Path) -> None:
    """Removes all that killed processes left in ``parent``."""
    for path in _abandoned(parent, ".", _PARTIAL):
        _remove(path)


@contextmanager
def _place(parent: Path, prefix: str, suffix: str) -> Generator[Path]:
    """A new folder that is locked until the end, and gone then, with whatever bears its name."""
    for _ in range(_ATTEMPTS):
        path = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=parent))
        handle = _lock(path, wait=True)
        if handle is not None or path.exists():  # not locked and there: a file system without locks, where nobody sweeps
            break
    else:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(parent))
    try:
        yield path
    finally:
        _remove(path)
        if handle is not None:
            os.close(handle)


@contextmanager
def work_folder(prefix: str) -> Generator[Path]:
    """A folder for work in progress among the system's temporary ones; gone afterwards, after a kill with the next of its kind."""
    parent = Path(tempfile.gettempdir())
    for path in _abandoned(parent, prefix, _PARTIAL):
        _remove(path)
    with _place(parent, prefix, _PARTIAL) as folder:
        yield folder


# --- errors and the disk ----------------------------------------------------------------------------------------------


@contextmanager
def _explained(kind: str, final: Path) -> Generator[None]:
    """An error of the system as our own."""
    try:
        yield
    except BrokenPipeError:  # of the terminal, which is no place to write to
        raise
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        if error.errno in _FAILURES:
            raise HwgenFailure("output", f"{kind} {final.name!r}", what, "make room on the disk and run again") from error
        raise HwgenError("output", f"{kind} {final.name!r}", what, "choose another place") from error


def _check_name(path: Path) -> None:
    """The one name that Python itself refuses, with another error."""
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a zero byte in its name")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):  # not every file system can
            raise
    finally:
        os.close(handle)


def _flush_tree(folder: Path) -> None:
    """Hands everything in ``folder`` to the disk: a rename must not outlive what it names."""
    for above, _, files in os.walk(folder):
        for name in files:
            path = Path(above, name)
            if not path.is_symlink():
                _flush(path)
        _flush(Path(above))


# --- folders ----------------------------------------------------------------------------------------------------------


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step, where the system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


def check_replaceable(final: Path, marker: str) -> None:
    """Raises HwgenError where ``final`` exists and neither is empty nor holds the file ``marker``."""
    with _explained("folder", final):
        _check_name(final)
        taken = final.is_symlink() or final.exists()
        if taken and not (final.is_dir() and ((final / marker).is_file() or not any(final.iterdir()))):
            raise HwgenError("output", f"folder {final.name!r}", "exists and is no build of hwgen", "choose another --out")


@contextmanager
def folder_beside(final: Path) -> Generator[Path]:
    """A new folder on the same file system as ``final``, to fill and `install`; gone afterwards if it was not installed.

    Raises HwgenError, or HwgenFailure where the disk is full, for what the system says to that, or to what the block writes.
    """
    with _explained("folder", final):
        final.parent.mkdir(parents=True, exist_ok=True)
        _sweep(final)
        with _place(final.parent, f".{final.name}.", _PARTIAL) as fresh:
            yield fresh


def install(fresh: Path, final: Path) -> None:
    """``fresh`` takes the place of ``final`` in one step; what was there before is left at ``fresh`` or removed.

    Two processes may do this at once: the later one stays, whole.
    """
    with _explained("folder", final):
        fresh.chmod(0o755)
        _flush_tree(fresh)
        for _ in range(_ATTEMPTS):
            if _exchange(fresh, final):
                break
            try:
                fresh.rename(final)  # nothing there, or an empty folder
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            if _replace_in_two_steps(fresh, final):
                break
        else:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(final))
        _flush(final.parent)


def _replace_in_two_steps(fresh: Path, final: Path) -> bool:
    """Where folders cannot be swapped: a process that dies in between leaves what `_sweep` puts back."""
    with _place(final.parent, f".{final.name}.", _OLD) as old:
        try:
            final.rename(old / _KEPT)
        except FileNotFoundError:
            return False
        try:
            fresh.rename(final)
        except BaseException:
            if not final.exists():
                (old / _KEPT).rename(final)
            raise
    return True


@contextmanager
def replaced_folder(final: Path, marker: str) -> Generator[Path]:
    """Gives a new folder to fill; on success it takes the place of ``final``, on failure ``final`` is as it was.

    An existing ``final`` is only replaced if it is empty or holds the file ``marker``.
    """
    check_replaceable(final, marker)
    with folder_beside(final) as fresh:
        yield fresh
        install(fresh, final)


# --- files ------------------------------------------------------------------------------------------------------------


def write_text(path: Path, text: str) -> None:
    """Writes beside the final name and renames.  Raises HwgenError where that cannot be done."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes beside the final name and renames.  Raises HwgenError where that cannot be done, or would replace more than a file."""
    with _explained("file", path):
        _check_name(path)
        if path.exists() and not path.is_file():
            raise HwgenError("output", f"file {path.name!r}", "is there and is no regular file", "choose another place")
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        with _place(path.parent, f".{path.name}.", _PARTIAL) as beside:
            fresh = beside / "file"
            fresh.write_bytes(data)
            fresh.chmod(mode)
            _flush(fresh)
            fresh.replace(path)
        _flush(path.parent)
