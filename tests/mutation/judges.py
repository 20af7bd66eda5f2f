"""Which tests judge a source file: from names, imports and instances, never from a list.

A template: the cocotb tests of the module and of those that instantiate it, nearest first, quick cases before the rest; then
the tests of its checks.  A Python file: of the tests that mirror its package those that import it, then those elsewhere that do,
then the rest of its mirror, from the fewest imports between to the most, and last those of what it works with: of the frontends
where it says what nodes of models mean, of the operators where it calls their rules; without what is marked slow.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T", str, Path)
_MODULE: Final = re.compile(r"\bhg_\w+\b")
_WORKS_WITH: Final = {"hwgen/ops/importing.py": "tests/frontend", "hwgen/ops/lowering.py": "tests/ops"}
"""What a source imports, and the tests that so concern it too."""
_FAR: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Step:
    """One run of pytest, from the repository's root.  files: the test files, relative.  select: its other options."""

    files: tuple[str, ...]
    select: tuple[str, ...]


def steps_for(root: Path, path: str) -> list[Step]:
    """What judges the source file ``path``, in the order in which it is tried."""
    return _template_steps(root, Path(path).stem) if path.endswith(".sv") else _python_steps(root, path)


# templates


@cache
def _instances(root: Path) -> Mapping[str, frozenset[str]]:
    """The templates that each one instantiates."""
    files = {file.stem: file for file in sorted((root / "rtl_templates").rglob("*.sv"))}
    plain = {name: re.sub(r"//[^\n]*", "", file.read_text()) for name, file in files.items()}
    return {name: frozenset(_MODULE.findall(text)) & files.keys() - {name} for name, text in plain.items()}


def _template_steps(root: Path, module: str) -> list[Step]:
    users = _layers(module, lambda name: (user for user, used in _instances(root).items() if name in used))
    benches = [
        tuple(f"testbenches/modules/test_{name}.py" for name in layer if (root / f"testbenches/modules/test_{name}.py").is_file())
        for layer in users
    ]
    # a module without a testbench of its own is checked as a part of those that have one
    tested = next(layer for layer, files in zip(users, benches, strict=True) if files)
    checks = Step(("tests/rtl/test_templates.py",), ("-k", f"refused and ({' or '.join(sorted({module, *tested}))})"))
    quick = [Step(files, ("-m", "quick")) for files in benches if files]
    rest = [Step(files, ("-m", "not quick")) for files in benches if files]
    return [quick[0], checks, *quick[1:], *rest]


# Python


@cache
def _imports(root: Path, path: Path) -> frozenset[Path]:
    """Files of the repository that a file imports, at the top or inside.

    What a package's ``__init__`` hands on counts as imported from its own file.
    """
    found: set[Path] = set()
    bases = [root, *(root / room for room in ("tests", "testbenches") if path.is_relative_to(root / room))]
    for node in ast.walk(ast.parse(path.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            for base in bases:
                whole = base.joinpath(*name.split("."))
                found.update(f for f in (whole.with_suffix(".py"), whole / "__init__.py") if f.is_file())
    handed_on = [_imports(root, file) for file in found if file.name == "__init__.py" and file != path]
    return frozenset(found.union(*handed_on) - {path})


def _python_steps(root: Path, path: str) -> list[Step]:
    room = Path(path).parent.parts
    mirror = root / "tests" / (room[0] if room[0] == "passes" else room[1])
    tests = sorted((root / "tests").rglob("test_*.py"))
    near = [file for file in tests if file.is_relative_to(mirror)]
    direct = {file for file in tests if root / path in _imports(root, file)}
    others = [root / room for interface, room in _WORKS_WITH.items() if root / interface in _imports(root, root / path)]
    others = [room for room in others if room != mirror]
    rest: dict[int, list[Path]] = {}
    for file in (file for file in near if file not in direct):
        rest.setdefault(_distance(root, file, root / path), []).append(file)
    layers = (
        sorted(direct.intersection(near), key=lambda file: (file.name != f"test_{Path(path).name}", file)),
        sorted(direct.difference(near)),
        *(rest[distance] for distance in sorted(rest)),
        *([file for file in tests if file.is_relative_to(room) and file not in direct] for room in others),
    )
    select = ("-m", "not slow", "--hypothesis-seed=0")
    return [Step(tuple(f.relative_to(root).as_posix() for f in files), select) for files in layers if files]


def _distance(root: Path, test: Path, source: Path) -> int:
    """Imports from a test to a source, one of another; `_FAR` where none leads there: it may be loaded by name."""
    layers = _layers(test, lambda file: _imports(root, file))
    return next((number for number, layer in enumerate(layers) if source in layer), _FAR)


def needs(root: Path, test: str) -> list[str]:
    """What a test file's outcome rests on: itself, what it imports, and the templates."""
    found = {file for layer in _layers(root / test, lambda file: _imports(root, file)) for file in layer}
    found.update((root / "rtl_templates").rglob("*.sv"))
    return sorted(file.relative_to(root).as_posix() for file in found)


def _layers(start: T, nexts: Callable[[T], Iterable[T]]) -> list[list[T]]:
    """What is reached from ``start`` in 0, 1, 2 ... steps, each in order."""
    layers, seen = [[start]], {start}
    while layers[-1]:
        reached = {after for one in layers[-1] for after in nexts(one)} - seen
        layers.append(sorted(reached))
        seen |= reached
    return layers[:-1]
