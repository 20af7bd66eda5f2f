"""What is mutated: templates, passes, the exact numerics, and what makes integers and hardware of operators."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Final

from mutation import python_operators, rtl_operators
from mutation.mutant import Mutant, named

OPERATORS: Final = (
    # operators on integers: their values, bounds, and units
    "classify", "concat", "depthwise", "eltwise", "lane_pool", "lookup", "matvec", "permute", "rearrange", "requant_pieces",
    "requantize", "slicing", "window", "window_conv",
    # what lowering to them has in common: codes on grids, in widths and in orders that are exact
    "clamps", "common_grid", "linear", "lowering", "requantizing", "rising", "two_streams", "weights", "widen",
)
"""Other operators only give what these compute with; whole networks against their frameworks are their tests."""
PATTERNS: Final = (
    "hwgen/numerics/*.py", *(f"hwgen/ops/{name}.py" for name in OPERATORS),
    "hwgen/dataflow/cycles.py", "hwgen/dataflow/description.py", "hwgen/dataflow/unit.py",
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
