"""SystemVerilog as a plain tree with places, by slang's parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_SIMULATED: Final = re.compile(rb"`ifndef SYNTHESIS\b.*?`endif\b", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A node or token of the syntax: its kind by slang's name, its bytes, its text, and its parts in order."""

    kind: str
    start: int
    end: int
    text: str
    parts: tuple[Part, ...]

    def walk(self) -> Iterator[Part]:
        """This part and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def find(self, *kinds: str) -> Part | None:
        """The first direct part of one of ``kinds``."""
        return next((part for part in self.parts if part.kind in kinds), None)


def parse(text: bytes) -> Part | None:
    """The tree of a file, without what only a simulator sees; None where it is no SystemVerilog."""
    from pyslang.parsing import Token
    from pyslang.syntax import SyntaxTree

    text = _SIMULATED.sub(lambda found: re.sub(rb"[^\n]", b" ", found[0]), text)
    tree = SyntaxTree.fromText(text.decode())

    def part(node: Any) -> Part:
        token = isinstance(node, Token)
        place = node.range if token else node.sourceRange
        start, end = place.start.offset, place.end.offset
        below = () if token else tuple(part(child) for child in node)
        return Part(str(node.kind).split(".")[1], start, end, text[start:end].decode(), below)

    return None if any(d.isError() for d in tree.diagnostics) else part(tree.root)
