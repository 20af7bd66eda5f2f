"""Reading what a path names."""

from __future__ import annotations

from pathlib import Path

from hwgen.flow import import_model
from hwgen.ir.graph import Graph
from hwgen.rtl.build_directory import Build


def read_any(path: Path) -> Graph:
    """The graph of a model file, or the lowered graph of a build directory."""
    return Build(path).graph if path.is_dir() else import_model(path)
