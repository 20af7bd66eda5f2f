"""Where the hand-written RTL and the testbench library are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from hwgen.errors import HwgenError


def _folder(name: str) -> Path:
    package = Path(__file__).resolve().parent
    for candidate in (package / "_data" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise HwgenError("installation", f"folder {name!r}", "is missing from the installation", "install hwgen again")


def templates() -> Path:
    """Folder of the SystemVerilog templates."""
    return _folder("rtl_templates")


def testbenches() -> Path:
    """Folder of the cocotb testbenches."""
    return _folder("testbenches")
