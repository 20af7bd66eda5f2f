"""Which template files a design needs: its modules and all that these instantiate."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from hwgen.resources import templates

_NAME: Final = re.compile(r"\bhg_\w+\b")


@cache
def template_files() -> dict[str, Path]:
    """Every template by module name."""
    return {f.stem: f for f in sorted(templates().rglob("*.sv"))}


@cache
def _uses(module: str) -> frozenset[str]:
    text = re.sub(r"//[^\n]*", "", template_files()[module].read_text())
    return frozenset(_NAME.findall(text)) & template_files().keys() - {module}


def closure(modules: Iterable[str]) -> tuple[Path, ...]:
    """Files of ``modules`` and of everything below them, by name."""
    needed: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in needed:
            needed.add(module)
            waiting += _uses(module)
    return tuple(template_files()[m] for m in sorted(needed))
