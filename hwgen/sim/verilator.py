"""Build simulators with Verilator, quickly and only once.

Verilator writes C++; this module compiles it itself, against the Verilator runtime that it compiled once before. Both are kept, by
the hash of all that went in (`hwgen.sim.cache`).

Memory files (``$readmemh``) are not part of a build: the simulator reads them when it runs, relative to its working directory.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Final

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.rtl.atomic import work_folder, write_bytes
from hwgen.rtl.literal import integer_literal
from hwgen.sim import cache
from hwgen.sim.cache import cache_folder, kept, prune
from hwgen.sim.process import ended_together, run_tool
from hwgen.sim.toolchain import Compiler, Verilator, find_compiler, find_verilator

PREFIX: Final = "Vtop"
"""The C++ class of every model, whatever its top module: a harness includes ``Vtop.h``."""

_KEPT_MODELS: Final = 512
_UNITY_LIMIT_BYTES: Final = 2_000_000
"""Generated C++ up to this size is compiled as one unit (reading the headers once); more is dealt out to all cores."""

_CXX_FLAGS: Final = ("-std=gnu++17", "-faligned-new", "-fcf-protection=none", "-w")
_DEFINES: Final = ("-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE_FST=0", "-DVM_TRACE_SAIF=0")
_HEADERS: Final = "#include <verilated.h>\n#include <cstring>\n#include <memory>\n#include <vector>\n"
_RUNTIME_FLAGS: Final = ("-O2",)
_SPLIT_FLAGS: Final = ("--output-split", "5000", "--output-split-cfuncs", "500")
_DEFAULT_FLAGS: Final = ("-Wall", "--assert", "--x-assign", "unique", "--x-initial", "unique", *_SPLIT_FLAGS)


def build_model(
    sources: Sequence[Path],
    top: str,
    *,
    parameters: Mapping[str, int | str] | None = None,
    harness: Sequence[Path] = (),
    includes: Sequence[Path] = (),
    flags: Sequence[str] = (),
    cxx_flags: Sequence[str] = ("-O1",),
    defines: Sequence[str] = (),
    link_flags: Sequence[str] = (),
    vpi: bool = False,
    trace: bool = False,
    out: Path | None = None,
    keep: bool = True,
) -> Path:
    """Compile a design and its C++ harness into a program; return its path.

    sources: SystemVerilog files.  top: the top module.  parameters: of the top module, integers or strings.
    harness: C++ files, one with ``main``; they include ``Vtop.h``.  includes: folders for their ``#include``s; every file in them
    counts as an input.  flags: more for Verilator, after ``-Wall`` (a warning is an error), assertions on, and uninitialised
    registers set at random (``Verilated::randReset(2)`` or ``+verilator+rand+reset+2`` at run time; ``+verilator+seed+N``).
    cxx_flags: of the design and the harness.  defines: macros of the harness (``NAME``, ``NAME=text``).  link_flags: after the
    objects.  vpi: the ports of the top can be reached through VPI.  trace: the model can write VCD.  out: also put the program
    there (beside its name, then renamed).
    keep: for the next time; where not, the program is only at ``out``.

    The same inputs give the same, already built program.  Raises HwgenFailure with the tool's own words: ``verilator-failed``
    where the design does not pass Verilator, ``compile-failed`` where the C++ does not compile or link.
    """
    verilator, compiler = find_verilator(), find_compiler()
    command = [
        *_DEFAULT_FLAGS,
        *(("--vpi", "--public-depth", "1") if vpi else ()),
        *(("--trace", "--trace-structs") if trace else ()),
        *flags,
        *(f"-G{name}={_literal(value)}" for name, value in (parameters or {}).items()),
    ]
    words = [top, *command, "|", *cxx_flags, "|", *defines, "|", *link_flags, *_CXX_FLAGS, _tools_key(verilator, compiler)]
    files = [*sources, *harness, *(f for folder in includes for f in sorted(folder.rglob("*")) if f.is_file())]
    key = _digest(words, files)
    models = cache_folder("models")
    built = kept(models, key)
    if built is None:
        with work_folder("hwgen-build-") as work:
            _run_verilator(verilator, [*command, "--top-module", top, *_absolute(sources)], work, top)
            include = ("-I.", *(f"-I{folder.resolve()}" for folder in includes), *_include(verilator))
            traced = tuple(f"-DVM_TRACE{kind}={int(trace)}" for kind in ("", "_VCD"))
            units = _units(work, _absolute(harness))
            compile_flags = (*_CXX_FLAGS, *cxx_flags, *traced, *_DEFINES, *include)
            if not keep:
                compile_flags += _parsed_headers(verilator, compiler, compile_flags, work)
            objects = _compile(compiler, units, (*compile_flags, *(f"-D{macro}" for macro in defines)), work, top)
            runtime = _runtime(verilator, compiler, _runtime_files(work), trace)
            program = work / "program"
            link = [str(compiler.executable), *map(str, objects), *map(str, runtime), "-o", str(program)]
            _run([*link, *link_flags, "-pthread"], work, "compile-failed", top)
            if _digest(words, files) != key:
                raise HwgenFailure("changed", top, "its sources were changed while they were compiled", "run it again")
            if out is not None and not keep:
                return _copy(program, out)
            built = cache.keep(program, models, key)
        prune(models, _KEPT_MODELS)
    return built if out is None else _copy(built, out)


def _copy(program: Path, out: Path) -> Path:
    write_bytes(out, program.read_bytes(), mode=0o755)
    return out


def build_cocotb_model(
    sources: Sequence[Path],
    top: str,
    *,
    parameters: Mapping[str, int | str] | None = None,
    flags: Sequence[str] = (),
    trace: bool = False,
) -> Path:
    """``build_model`` with cocotb's main program and libraries; run it with ``cocotb_environment``.

    Also raises HwgenError (``no-cocotb``) where cocotb is not installed.
    """
    config = _cocotb_config()

    libraries = Path(config.libs_dir)
    return build_model(
        sources,
        top,
        parameters=parameters,
        harness=[Path(config.share_dir) / "lib" / "verilator" / "verilator.cpp"],
        flags=(*flags, "--timescale", "1ns/1ps"),
        link_flags=(f"-Wl,-rpath,{libraries}", f"-L{libraries}", "-lcocotbvpi_verilator"),
        vpi=True,
        trace=trace,
    )


def cocotb_environment(top: str, test_module: str, *, results: Path, seed: int) -> dict[str, str]:
    """The variables under which a cocotb model runs the tests of ``test_module``; it writes ``results`` (JUnit XML)."""
    config = _cocotb_config()
    import find_libpython

    library = os.environ.get("LIBPYTHON_LOC") or find_libpython.find_libpython()
    if library is None:
        raise HwgenError("no-libpython", "cocotb", "this Python has no shared library", "use a Python with libpython.so")
    return {
        **os.environ,
        "GPI_USERS": f"{library};{config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "COCOTB_TOPLEVEL": top,
        "COCOTB_TEST_MODULES": test_module,
        "COCOTB_RESULTS_FILE": str(results),
        "COCOTB_RANDOM_SEED": str(seed),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "TOPLEVEL_LANG": "verilog",
    }


def _cocotb_config() -> ModuleType:
    try:
        from cocotb_tools import config
    except ModuleNotFoundError:
        raise HwgenError("no-cocotb", "cocotb", "not installed", "install it with `pip install cocotb`") from None
    return config


def _literal(value: int | str) -> str:
    return f'"{value}"' if isinstance(value, str) else integer_literal(value)


def _absolute(paths: Iterable[Path]) -> list[str]:
    return [str(path.resolve()) for path in paths]


def _include(verilator: Verilator) -> tuple[str, str]:
    return f"-I{verilator.include}", f"-I{verilator.include / 'vltstd'}"


def _digest(words: Iterable[str], files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for word in words:
        total.update(word.encode() + b"\0")
    for file in files:
        total.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:32]


def _tools_key(verilator: Verilator, compiler: Compiler) -> str:
    stat = verilator.executable.stat()
    return f"{verilator.root} {verilator.version} {stat.st_size} {compiler.executable} {compiler.version}"


def _run(command: Sequence[str], work: Path, code: str, where: str, env: Mapping[str, str] | None = None) -> None:
    done = run_tool(command, work, env=env)
    if done.returncode == 0:
        return
    said = "\n".join(part for part in (done.stdout.strip(), done.stderr.strip()) if part)
    complaints = [line for line in said.splitlines() if re.search(r"%Error|%Warning|error:|undefined reference", line)]
    first = complaints[0] if complaints else said or f"exit status {done.returncode}"
    failure = HwgenFailure(code, where, f"{Path(command[0]).name} says: {first}", "the whole output is in the notes of this error")
    failure.add_note(said)
    raise failure


def _run_verilator(verilator: Verilator, arguments: Sequence[str], work: Path, top: str) -> None:
    command = [str(verilator.executable), "--cc", "--prefix", PREFIX, "-Mdir", str(work), *arguments]
    _run(command, work, "verilator-failed", top, verilator.environment())


def _runtime_files(work: Path) -> list[str]:
    """The runtime's parts that this model needs, by Verilator's own list: ["verilated", "verilated_threads", ...]."""
    text = (work / f"{PREFIX}_classes.mk").read_text()
    blocks = re.findall(r"^VM_GLOBAL_(?:FAST|SLOW) \+= \\\n((?:[ \t]+\w+ \\\n)*)", text, re.MULTILINE)
    return sorted({name for block in blocks for name in re.findall(r"\w+", block)})


def _units(work: Path, harness: Sequence[str]) -> list[Path]:
    """One file that includes all there is to compile, or as many as there are cores where that is much."""
    generated = sorted(work.glob(f"{PREFIX}*.cpp"), key=lambda path: -path.stat().st_size)
    size = sum(path.stat().st_size for path in generated)
    count = 1 if size <= _UNITY_LIMIT_BYTES else os.cpu_count() or 1
    parts: list[list[str]] = [[] for _ in range(count)]
    weight = [0] * count
    for path in generated:
        lightest = weight.index(min(weight))
        parts[lightest].append(path.name)
        weight[lightest] += path.stat().st_size
    parts[-1].extend(harness)
    units = [work / f"unit{number}.cc" for number in range(count)]
    for unit, names in zip(units, parts, strict=True):
        unit.write_text("".join(f'#include "{name}"\n' for name in names))
    return units


def _compile(compiler: Compiler, units: Sequence[Path], flags: Sequence[str], work: Path, where: str) -> list[Path]:
    def one(unit: Path) -> Path:
        made = unit.with_suffix(".o")
        _run([str(compiler.executable), *flags, "-c", str(unit), "-o", str(made)], work, "compile-failed", where)
        return made

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool, ended_together():
        return list(pool.map(one, units))


def _parsed_headers(verilator: Verilator, compiler: Compiler, flags: tuple[str, ...], work: Path) -> tuple[str, ...]:
    """Flags with which gcc takes what every model includes already parsed; none for another compiler.

    Reading it is half of the time that a small model takes.
    """
    if not re.search(r"g\+\+|gcc", compiler.version, re.IGNORECASE):
        return ()
    header = work / "headers.h"
    header.write_text(_HEADERS)
    header.with_suffix(".h.gch").symlink_to(_precompiled(verilator, compiler, flags))
    return ("-include", str(header))


@lru_cache(maxsize=8)
def _precompiled(verilator: Verilator, compiler: Compiler, flags: tuple[str, ...]) -> Path:
    """`_HEADERS` as gcc has parsed them, from the cache; looked at once a process, because it is large."""
    folder = cache_folder("runtime")
    key = _digest([*flags, _HEADERS, _tools_key(verilator, compiler)], sorted(verilator.include.glob("*.h")))
    made = kept(folder, key)
    if made is None:
        with work_folder("hwgen-runtime-") as work:
            source, target = work / "headers.h", work / "headers.h.gch"
            source.write_text(_HEADERS)
            command = [str(compiler.executable), *flags, "-x", "c++-header", str(source), "-o", str(target)]
            _run(command, work, "compile-failed", "Verilator's headers")
            made = cache.keep(target, folder, key)
    return made


def _runtime(verilator: Verilator, compiler: Compiler, names: Sequence[str], trace: bool) -> list[Path]:
    """Objects of Verilator's runtime, compiled where the cache lacks them."""
    include = verilator.include
    flags = (*_CXX_FLAGS, *_RUNTIME_FLAGS, f"-DVM_TRACE={int(trace)}", f"-DVM_TRACE_VCD={int(trace)}", *_DEFINES)
    files = [*sorted(include.glob("*.cpp")), *sorted(include.glob("*.h"))]
    folder = cache_folder("runtime", _digest([*flags, compiler.version, str(verilator.version)], files))

    def one(name: str) -> Path:
        made = kept(folder, name)
        if made is None:
            with work_folder("hwgen-runtime-") as work:
                source, target = str(include / f"{name}.cpp"), work / f"{name}.o"
                command = [str(compiler.executable), *flags, *_include(verilator), "-c", source, "-o", str(target)]
                _run(command, work, "compile-failed", f"Verilator's {name}.cpp")
                made = cache.keep(target, folder, name)
        return made

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool, ended_together():
        return list(pool.map(one, names))
