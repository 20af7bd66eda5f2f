"""One small change of one source file, and its name."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Bytes ``start`` to ``end`` of a file become ``new``.  operator: the kind of mistake that this is."""

    start: int
    end: int
    new: str
    operator: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """An edit of ``path`` (relative to the repository, with slashes).

    id: path, operator, and a hash of the line, of the place in it and of the change: it stays while other lines change.
    """

    id: str
    path: str
    edit: Edit

    @property
    def kind(self) -> str:
        """What the file belongs to: ``templates``, ``passes``, ``operators``, or ``numerics`` with the cycle model."""
        kinds = {"rtl_templates/": "templates", "passes/": "passes", "hwgen/ops/": "operators"}
        return next((kind for room, kind in kinds.items() if self.path.startswith(room)), "numerics")

    def apply(self, text: bytes) -> bytes:
        """The changed file."""
        return text[: self.edit.start] + self.edit.new.encode() + text[self.edit.end :]

    def diff(self, text: bytes) -> str:
        """The change as a unified diff."""
        before, after = text.decode().splitlines(), self.apply(text).decode().splitlines()
        return "\n".join(difflib.unified_diff(before, after, f"a/{self.path}", f"b/{self.path}", n=2, lineterm=""))

    def line(self, text: bytes) -> int:
        """Number of the line that it changes, from 1."""
        return text.count(b"\n", 0, self.edit.start) + 1


def named(path: str, text: bytes, edits: Iterable[Edit]) -> list[Mutant]:
    """Mutants of a file in the order of the text, each change once; a change that changes nothing is none."""
    seen: Counter[str] = Counter()
    mutants: list[Mutant] = []
    for edit in sorted(set(edits)):
        old = text[edit.start : edit.end].decode()
        if old == edit.new:
            continue
        begin = text.rfind(b"\n", 0, edit.start) + 1
        end = text.find(b"\n", edit.start)
        line = text[begin : end if end >= 0 else len(text)].decode()
        column = edit.start - begin - (len(line) - len(line.lstrip()))
        content = "\0".join((line.strip(), str(column), old, edit.new, edit.operator))
        seen[content] += 1
        digest = hashlib.sha256(f"{content}\0{seen[content]}".encode()).hexdigest()[:8]
        mutants.append(Mutant(f"{path}:{edit.operator}:{digest}", path, edit))
    return mutants
