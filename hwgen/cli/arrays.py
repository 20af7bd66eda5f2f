"""Arrays that a user gives as ``.npy`` files: nothing is unpickled, and sizes are believed only if the file has them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import FloatArray, IntArray
from hwgen.ir.graph import Array

_MAX_BYTES: Final = 1 << 30


def _load(path: Path, option: str) -> Array:
    def bad(what: str) -> HwgenError:
        return HwgenError("bad-file", f"{option} {path.name!r}", what, "write it with numpy.save(file, array), samples first")

    try:
        sound, size = path.is_file(), path.stat().st_size
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        sound, size = False, 0
    if not sound:
        raise HwgenError("bad-file", f"{option} {path.name!r}", "is not a file", "check the path")
    if size > _MAX_BYTES:
        raise bad(f"has {size} bytes; the limit is {_MAX_BYTES}")
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        raise bad("is no NumPy array of numbers, or is truncated") from error
    if not isinstance(loaded, np.ndarray) or loaded.dtype.kind not in "fiub":
        raise bad("is not one array of real numbers")
    if loaded.ndim < 2 or not loaded.size:
        raise bad(f"has shape {loaded.shape}; one sample a row is expected")
    return np.array(loaded)


def load_array(path: Path, option: str) -> FloatArray:
    """(samples, …) real numbers.  Raises HwgenError for what is no such array, or is not finite."""
    array = _load(path, option)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise HwgenError("not-finite", f"{option} {path.name!r}", "holds NaN or infinity", "remove these samples")
    return array if array.dtype.name in ("float32", "float64") else array.astype(np.float64)


def load_codes(path: Path, option: str, low: int, high: int) -> IntArray:
    """(samples, …) integer codes within ``low..high``."""
    array = _load(path, option)
    if array.dtype.kind not in "iu":
        raise HwgenError("bad-file", f"{option} {path.name!r}", f"holds {array.dtype}", "codes are integers; --inputs takes reals")
    if int(array.min()) < low or int(array.max()) > high:
        raise HwgenError(
            "bad-file", f"{option} {path.name!r}", f"codes from {array.min()} to {array.max()}", f"the input takes {low} to {high}"
        )
    return array.astype(np.int64)
