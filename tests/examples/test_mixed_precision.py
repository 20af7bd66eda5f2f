"""The lab on mixed precision: its notebook is its script, and what it builds is what its search tried."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from examples.mixed_precision.notebook import LAB, NOTEBOOK, cells, text

ROOT = Path(__file__).resolve().parents[2]


def test_notebook_holds_the_cells_of_the_script_and_no_outputs() -> None:
    written = NOTEBOOK.read_text(encoding="utf-8")
    assert written == text(), "run python -m examples.mixed_precision.notebook"
    made = json.loads(written)
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
    lines = LAB.read_text(encoding="utf-8").splitlines()
    for cell, source in zip(cells(LAB.read_text(encoding="utf-8")), made["cells"], strict=True):
        assert "".join(source["source"]) == cell.source
        first = cell.source.partition("\n")[0]
        assert lines[cell.first_line - 1] == (first if cell.kind == "code" else f"# {first}".rstrip())


@pytest.mark.parametrize(("script", "line"), [("import os\n# %%\n", 1), ("# %% [markdown]\n# text\nx = 1\n", 3)])
def test_lines_that_belong_to_no_cell_are_named(script: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line}: "):
        cells(script)


@pytest.mark.slow
def test_cells_run_one_by_one_and_build_what_was_tried() -> None:
    for package in ("sklearn", "optuna", "matplotlib"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "examples.mixed_precision.run"], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "what is built is what was tried" in done.stdout
    plots = ROOT / "build" / "mixed_precision"
    for name in ("strategies", *(f"{study}/plots/{plot}" for study in ("grid", "greedy") for plot in ("front", "bits", "best"))):
        assert (plots / f"{name}.svg").read_bytes().startswith(b"<?xml"), name
