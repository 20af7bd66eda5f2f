"""Arrays that a user gives: an ``.npy`` file for the only input, an ``.npz`` file with one for each input by its name, or a folder
of ``0.npy``, ``1.npy``, … in the order of the inputs.  Nothing is unpickled, and sizes are believed only if the file has them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import FloatArray
from hwgen.ir.graph import Array

_MAX_BYTES: Final = 1 << 30
_MAX_INPUTS: Final = 1 << 10
_T = TypeVar("_T")
Given = Array | tuple[Array, ...] | dict[str, Array]
"""Of the only input, of all in order, or of each by its name."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A file or folder, and the option that names it."""

    path: Path
    option: str

    def bad(self, what: str, fix: str = "write it with numpy.save(file, array), samples first") -> HwgenError:
        """The error that says what is wrong with it."""
        return HwgenError("bad-file", f"{self.option} {self.path.name!r}", what, fix)

    def arrays(self) -> Given:
        """What it holds: real numbers, one sample a row."""
        try:
            folder = self.path.is_dir()
        except ValueError:  # a zero byte in the path
            folder = False
        if folder:
            count = min(len(list(self.path.glob("*.npy"))), _MAX_INPUTS)
            if not count:
                raise self.bad("holds no file 0.npy")
            return tuple(_Source(self.path / f"{k}.npy", self.option).file() for k in range(count))
        return self.archive() if self.path.suffix == ".npz" else self.file()

    def file(self) -> Array:
        """The one array of an ``.npy`` file."""
        self._check_size()
        return self._checked(self._understood(lambda: np.load(self.path, mmap_mode="r", allow_pickle=False)))

    def archive(self) -> dict[str, Array]:
        """The arrays of an ``.npz`` file."""
        self._check_size()

        def read() -> dict[str, Array]:
            with zipfile.ZipFile(self.path) as archive:
                members = archive.infolist()
            if sum(m.file_size for m in members) > _MAX_BYTES or len(members) > _MAX_INPUTS:
                raise self.bad(f"holds {len(members)} arrays; the limits are {_MAX_INPUTS}, and {_MAX_BYTES} bytes in all")
            with np.load(self.path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}

        return {name: self._checked(array) for name, array in self._understood(read).items()}

    def _check_size(self) -> None:
        try:
            sound, size = self.path.is_file(), self.path.stat().st_size
        except (OSError, ValueError):
            sound, size = False, 0
        if not sound:
            raise self.bad("is not a file", "check the path")
        if size > _MAX_BYTES:
            raise self.bad(f"has {size} bytes; the limit is {_MAX_BYTES}")

    def _understood(self, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except HwgenError:
            raise
        except Exception as error:
            raise self.bad("is no NumPy array of numbers, or is truncated") from error

    def _checked(self, loaded: object) -> Array:
        if not isinstance(loaded, np.ndarray) or loaded.dtype.kind not in "fiub":
            raise self.bad("is not one array of real numbers")
        if loaded.ndim < 2 or not loaded.size:
            raise self.bad(f"has shape {loaded.shape}; one sample a row is expected")
        return np.array(loaded)


def _each(given: Given, made: Callable[[Array], Array]) -> Given:
    """The same arrays, each changed alike."""
    if isinstance(given, tuple):
        return tuple(map(made, given))
    return {name: made(array) for name, array in given.items()} if isinstance(given, dict) else made(given)


def load_array(path: Path, option: str) -> Given:
    """(samples, …) real numbers.  Raises HwgenError for what is no such array, or is not finite."""

    def made(array: Array) -> Array:
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise HwgenError("not-finite", f"{option} {path.name!r}", "holds NaN or infinity", "remove these samples")
        return array if array.dtype.name in ("float32", "float64") else array.astype(np.float64)

    return _each(_Source(path, option).arrays(), made)


def load_codes(path: Path, option: str) -> Given:
    """(samples, …) integer codes."""
    source = _Source(path, option)

    def made(array: Array) -> Array:
        if array.dtype.kind not in "iu":
            raise source.bad(f"holds {array.dtype}", "codes are integers; --inputs takes reals")
        return array.astype(np.int64)

    return _each(source.arrays(), made)


def load_single(path: Path, option: str) -> FloatArray:
    """`load_array` of what must be one array."""
    found = load_array(path, option)
    if not isinstance(found, np.ndarray):
        raise HwgenError("bad-file", f"{option} {path.name!r}", "holds several arrays", "give the one of the only input")
    return found


def first_samples(given: Given, samples: int | None) -> Given:
    """The first of them; all where ``samples`` is None."""
    return _each(given, lambda array: array[:samples])
