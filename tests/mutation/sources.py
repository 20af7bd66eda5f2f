"""What is mutated: templates, passes, and the exact numerics."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Final

from mutation import python_operators, rtl_operators
from mutation.mutant import Mutant, named

PATTERNS: Final = (
    "hwgen/numerics/*.py", "hwgen/ops/requantize.py", "hwgen/ops/linear.py", "hwgen/dataflow/cycles.py",
    "passes/*/*.py", "rtl_templates/*/*.sv",
)


def sources(root: Path) -> list[str]:
    """The files, relative to ``root``; the ones that are judged fastest come first."""
    return [file.relative_to(root).as_posix() for pattern in PATTERNS for file in sorted(root.glob(pattern)) if file.stat().st_size]


def operators_for(path: str) -> ModuleType:
    """The operators of a file's language: a module with ``edits(text)`` and ``is_syntax(text)``."""
    return rtl_operators if path.endswith(".sv") else python_operators


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """All mutants of one file."""
    text = (root / path).read_bytes()
    return named(path, text, operators_for(path).edits(text))
