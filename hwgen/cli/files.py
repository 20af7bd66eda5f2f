"""Reading what a path names, and writing files that appear whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hwgen.errors import HwgenError
from hwgen.flow import import_model
from hwgen.ir.graph import Graph
from hwgen.rtl.build_directory import Build


def read_any(path: Path) -> Graph:
    """The graph of a model file, or the lowered graph of a build directory."""
    return Build(path).graph if path.is_dir() else import_model(path)


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
