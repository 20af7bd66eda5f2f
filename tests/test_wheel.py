"""The wheel: what travels in it, and that it works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
SUFFIXES: Final = (".py", ".cpp", ".h", ".v", ".j2", ".jinja", ".css")


@pytest.mark.slow
def test_wheel_holds_code_templates_and_testbenches_and_works_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    made = tmp_path / "wheels"
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(made), str(ROOT)], check=True)
    (wheel,) = made.glob("hwgen-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    code = [p for package in ("hwgen", "passes") for p in (ROOT / package).rglob("*") if p.suffix in SUFFIXES]
    assert {str(p.relative_to(ROOT)) for p in code} <= names
    data = [*(ROOT / "rtl_templates").rglob("*.sv"), *(ROOT / "testbenches").glob("*/*.py")]
    assert {f"hwgen/_data/{p.relative_to(ROOT)}" for p in data} <= names
    assert not [n for n in names if "__pycache__" in n or "/build/" in n or n.startswith("tests/")]

    target = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    program = (
        "import hwgen, passes; from hwgen.resources import templates, testbenches; from importlib.metadata import entry_points; "
        "print(hwgen.__file__); print(len(list(templates().rglob('*.sv')))); print((testbenches() / 'Makefile').exists()); "
        "print(entry_points(group='hwgen.passes')['builtin'].load() is passes.ALL)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
    ).stdout.split()
    count = len(list((ROOT / "rtl_templates").rglob("*.sv")))
    assert said == [str(target / "hwgen" / "__init__.py"), str(count), "True", "True"]
