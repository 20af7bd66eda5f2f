"""Which tools and packages are found, and which are missing that something needs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError
from hwgen.sim.toolchain import find_compiler, find_verilator
from hwgen.synth.tools import Tool, find_nextpnr, find_yosys

OLDEST_PYTHON: Final = (3, 11)
_NEEDED_PACKAGES: Final = ("jinja2", "numpy", "onnx", "protobuf", "pydantic", "python-flint", "pyverilog", "rich", "typer")
_OPTIONAL_PACKAGES: Final = (
    ("torch", "torch modules as models", "hwgen[torch]"),
    ("brevitas", "Brevitas modules as models", "hwgen[brevitas]"),
    ("qonnx", "the third opinion in tests", "hwgen[qonnx]"),
    ("cocotb", "--cocotb and the testbenches", "hwgen[sim]"),
    ("pytest", "--cocotb and the testbenches", "hwgen[sim]"),
    ("hls4ml", "comparison with hls4ml", "hwgen[hls4ml]"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """name: of a tool or package.  found: its version and place, or None.  needed: `hwgen build` does not work without.

    use: what it is for.  fix: how to get it.
    """

    name: str
    found: str | None
    needed: bool
    use: str
    fix: str

    @property
    def missing(self) -> bool:
        """Needed and not there."""
        return self.needed and self.found is None


def _tool(name: str, arguments: tuple[str, ...] = ("--version",)) -> str | None:
    """First line of what a program says of its version, and where it is."""
    found = shutil.which(name)
    if found is None:
        return None
    try:
        said = subprocess.run([found, *arguments], capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line for line in said.splitlines() if line.strip()]
    return f"{lines[0].strip() if lines else 'no version'} ({found})"


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _verilator() -> str:
    found = find_verilator()
    return f"{found.version[0]}.{found.version[1]:03d} ({found.executable})"


def _compiler() -> str:
    found = find_compiler()
    return f"{found.version} ({found.executable})"


def _asked(name: str, ask: Callable[[], str], use: str) -> Finding:
    try:
        return Finding(name, ask(), needed=True, use=use, fix="")
    except HwgenError as error:
        return Finding(name, None, needed=True, use=use, fix=f"{error.what}; {error.fix}")


def _synthesis_tool(name: str, find: Callable[[], Tool], use: str) -> Finding:
    try:
        found = find().version
    except HwgenError as error:
        return Finding(name, None, needed=False, use=use, fix=error.fix)
    return Finding(name, found, needed=False, use=use, fix="")


def cache_folder() -> Path:
    """Where built simulators are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hwgen"


def _cache() -> Finding:
    folder = cache_folder()
    use, fix = "keeps built simulators", "make it writable, or set XDG_CACHE_HOME to a folder that is"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError:
        return Finding("cache folder", None, needed=True, use=use, fix=f"{folder} cannot be written; {fix}")
    return Finding("cache folder", str(folder), needed=True, use=use, fix=fix)


def examine() -> tuple[Finding, ...]:
    """Everything that hwgen stands on, what `hwgen build` needs first."""
    new_enough = sys.version_info >= OLDEST_PYTHON
    python = f"{platform.python_version()} ({sys.executable})" if new_enough else None
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return (
        Finding("python", python, needed=True, use="runs hwgen", fix=f"use Python {wanted} or later"),
        _asked("verilator", _verilator, "simulates the hardware"),
        _asked("C++ compiler", _compiler, "compiles simulators"),
        Finding(
            "perl", _tool("perl", ("-e", "print $^V")), needed=True, use="starts Verilator",
            fix="install it (Debian: apt-get install perl)",
        ),
        _cache(),
        *(
            Finding(p, _package(p), needed=True, use="hwgen itself", fix=f"install it with `pip install {p}`")
            for p in _NEEDED_PACKAGES
        ),
        _synthesis_tool("yosys", find_yosys, "hwgen synth, hwgen build --target"),
        _synthesis_tool("nextpnr-ecp5", find_nextpnr, "--pnr: the clock on an ECP5"),
        Finding("make", _tool("make"), needed=False, use="the testbenches", fix="install it (Debian: apt-get install make)"),
        *(
            Finding(p, _package(p), needed=False, use=use, fix=f"install it with `pip install '{extra}'`")
            for p, use, extra in _OPTIONAL_PACKAGES
        ),
    )
