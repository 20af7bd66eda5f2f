"""The lab as a notebook: its text and its code, cell by cell, without outputs.

    python -m examples.mixed_precision.notebook [--check]

`LAB` is the source, a script in the percent form that editors and Jupytext know: ``# %%`` begins a cell of code,
``# %% [markdown]`` one of text, whose lines are comments.  `NOTEBOOK` is made from it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LAB: Final = Path(__file__).with_name("lab.py")
NOTEBOOK: Final = LAB.with_suffix(".ipynb")
_CODE: Final = "# %%"
_TEXT: Final = "# %% [markdown]"


@dataclass(frozen=True, slots=True)
class Cell:
    """kind: ``markdown`` or ``code``.  first_line: where its source begins in the script, from 1."""

    kind: str
    source: str
    first_line: int


def cells(script: str) -> list[Cell]:
    """The cells of a script in the percent form.  Raises ValueError for text outside of cells, and text that is no comment."""
    found: list[tuple[str, int, list[str]]] = []
    for number, line in enumerate(script.splitlines(), 1):
        if line in (_CODE, _TEXT):
            found.append(("code" if line == _CODE else "markdown", number + 1, []))
        elif not found:
            raise ValueError(f"line {number}: stands before the first {_CODE}")
        elif found[-1][0] == "code":
            found[-1][2].append(line)
        elif line and not line.startswith("#"):
            raise ValueError(f"line {number}: text of a cell is written as comments")
        else:
            found[-1][2].append(line.removeprefix("#").removeprefix(" "))
    return [Cell(kind, "\n".join(lines).strip("\n"), first) for kind, first, lines in found]


def notebook(made: Sequence[Cell]) -> dict[str, Any]:
    """The notebook of these cells, as nbformat 4.5 writes it."""
    def record(place: int, cell: Cell) -> dict[str, Any]:
        code: dict[str, Any] = {"execution_count": None, "outputs": []} if cell.kind == "code" else {}
        source = cell.source.splitlines(keepends=True)
        return {"cell_type": cell.kind, "id": f"cell-{place:02d}", "metadata": {}, **code, "source": source}

    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": [record(place, cell) for place, cell in enumerate(made)],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5,
    }


def text() -> str:
    """What `NOTEBOOK` must hold."""
    return json.dumps(notebook(cells(LAB.read_text(encoding="utf-8"))), indent=1, ensure_ascii=False) + "\n"


def main(check: bool) -> int:
    """1 where the notebook is not the script's and is only checked."""
    if not check:
        NOTEBOOK.write_text(text(), encoding="utf-8")
        return 0
    same = NOTEBOOK.read_text(encoding="utf-8") == text()
    print(f"{NOTEBOOK.name} {'is' if same else 'is not'} what {LAB.name} makes")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
