"""Who may import whom: the arrows of the house, held by reading every import statement."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

ALLOWED: Final[dict[str, set[str]]] = {
    # room: the rooms below it that it may use, besides itself and hwgen.errors
    "formats": {"numerics"},
    "numerics": {"formats"},
    "ir": {"formats", "numerics"},
    "dataflow": {"formats", "numerics", "ir", "ops"},
    "ops": {"formats", "numerics", "ir", "dataflow", "cost"},
    "frontend": {"formats", "numerics", "ir", "ops"},
    "rtl": {"formats", "numerics", "ir", "ops", "dataflow"},
    "sim": {"formats", "numerics", "ir", "ops", "dataflow", "rtl"},
    "cost": {"formats", "numerics", "ir", "ops", "dataflow"},
    "synth": {"formats", "ir", "ops", "dataflow", "rtl", "sim", "cost"},
}
"""What is not listed (the command line, the report, the search, the verbs of hwgen itself) stands at the top."""

COMMON: Final = (
    "hwgen.__version__", "hwgen.errors", "hwgen.resources", "hwgen.frontend.limits",
    "hwgen.rtl.atomic", "hwgen.sim.cache", "hwgen.sim.process", "hwgen.sim.toolchain",
)
"""What every room may use: the error, where data files lie, the gate that foreign files pass, and the machine: files that appear
whole, what is compiled once and kept, programs that end with us, and the compiler."""

TOP: Final = {"cli", "report", "search"}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports, wherever the statement stands, names of `from` included."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by full name, not relatively"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from ((node.lineno, str(a.value)) for a in node.args[:1] if isinstance(a, ast.Constant))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else ""


def room_of_module(name: str) -> str | None:
    """The room of hwgen that a module name lies in; None for other packages and for common ground."""
    parts = name.split(".")
    if parts[0] != "hwgen" or len(parts) < 2 or name.startswith(COMMON):
        return None
    return parts[1]


def test_hwgen_imports_no_pass() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("hwgen") if room_of(path) != "cli"
        for line, name in imported(path) if name.split(".")[0] == "passes"
    ]
    assert not found, f"passes are found through entry points: {found}"


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_room_imports_only_what_lies_below(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(f"hwgen/{room}")
        for line, name in imported(path)
        if (other := room_of_module(name)) is not None and other != room and other not in ALLOWED[room]
    ]
    assert not found, found


def test_nothing_imports_the_rooms_at_the_top_but_a_build_that_ends_with_its_page() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in [*sources("hwgen"), *sources("passes")] if room_of(path) not in TOP
        for line, name in imported(path)
        if room_of_module(name) in (TOP - {"report"} if path.name == "flow.py" and not room_of(path) else TOP)
    ]
    assert not found, found


def test_passes_use_nothing_of_the_hardware_below() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("passes")
        for line, name in imported(path)
        if room_of_module(name) in {"rtl", "sim", "synth"}
    ]
    assert not found, found


def test_every_room_is_known_here() -> None:
    rooms = {path.parent.name for path in (ROOT / "hwgen").glob("*/*.py")}
    assert rooms <= set(ALLOWED) | TOP, f"say in this test what {rooms - set(ALLOWED) - TOP} may import"
