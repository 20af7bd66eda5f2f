"""Passes and pipelines: what every pass keeps to, how one is named in text, and how they are found.

A pass is a frozen dataclass; its fields are its options.  It is called on a graph and gives a new graph and an account
of what it changed and of what it left, with the reason: ``graph, info = FoldConstants()(graph)``.
Passes live in packages of their own and are found through the entry point group ``hwgen.passes``.
"""

from __future__ import annotations

import abc
import dataclasses
import difflib
import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Final

from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph
from hwgen.ops.checking import check


class Effect(enum.Enum):
    """What a pass promises about the values that a graph computes."""

    EXACT = "exact"
    """The same real numbers."""
    FLOAT_CLOSE = "float-close"
    """The same up to float64 rounding of parameters; only used on what is not quantized yet."""
    CHANGES_NUMERICS = "changes-numerics"
    """Other numbers, by intent (a precision is chosen)."""


@dataclass(frozen=True, slots=True)
class Note:
    """where: the node's path.  what: what was done there, or why nothing was."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Info:
    """Account of one run of a pass."""

    name: str
    effect: Effect
    changed: tuple[Note, ...]
    left: tuple[Note, ...]


@dataclass(slots=True)
class Notes:
    """Collects the account while a pass runs."""

    _changed: list[Note] = field(default_factory=list[Note])
    _left: list[Note] = field(default_factory=list[Note])

    def changed(self, where: str, what: str) -> None:
        """Something was rewritten."""
        self._changed.append(Note(where, what))

    def left(self, where: str, why: str) -> None:
        """Something was looked at and left."""
        self._left.append(Note(where, why))

    def info(self, name: str, effect: Effect) -> Info:
        """The account."""
        return Info(name, effect, tuple(self._changed), tuple(self._left))


@dataclass(frozen=True)
class Pass(abc.ABC):
    """Base of all passes."""

    name: ClassVar[str]
    effect: ClassVar[Effect]

    @abc.abstractmethod
    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        """The new graph; says in ``notes`` what it did and what it left."""

    def __call__(self, graph: Graph) -> tuple[Graph, Info]:
        """Runs the pass between two verifications."""
        check(graph)
        notes = Notes()
        result = self.rewrite(graph, notes)
        check(result)
        return result, notes.info(self.name, self.effect)


def run(graph: Graph, passes: Iterable[Pass]) -> tuple[Graph, tuple[Info, ...]]:
    """``passes`` in order."""
    infos: list[Info] = []
    for one in passes:
        graph, info = one(graph)
        infos.append(info)
    return graph, tuple(infos)


@cache
def known_passes() -> dict[str, type[Pass]]:
    """Every installed pass by name."""
    found: dict[str, type[Pass]] = {}
    for point in entry_points(group="hwgen.passes"):
        classes: Sequence[type[Pass]] = point.load()
        found.update({c.name: c for c in classes})
    return found


_STEP: Final = re.compile(r"\s*([a-z-]+)\s*(?:\{([^{}]*)\})?\s*")


def _option(text: str) -> Any:
    """An option's value: integer, true, false, or text (quoted where it holds a comma)."""
    text = text.strip()
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text.strip('"'))


def pass_of(name: str, **options: Any) -> Pass:
    """The pass ``name`` with its options checked."""
    known = known_passes()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
        raise HwgenError("pass", f"pass {name!r}", "is not known", hint)
    fields = {f.name for f in dataclasses.fields(known[name])}
    for key in options:
        if key not in fields:
            raise HwgenError("pass", f"pass {name!r}", f"has no option {key!r}", f"its options are {sorted(fields)}")
    try:
        return known[name](**options)
    except TypeError as error:
        raise HwgenError("pass", f"pass {name!r}", str(error), "give the options that it needs") from error


def parse_pipeline(text: str) -> tuple[Pass, ...]:
    """Passes from text: ``fold-constants, assign-precision{format="fixed<8,3>"}``."""
    passes: list[Pass] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or not match[1]:
            raise HwgenError("pass", f"pipeline at {text[at:at + 20]!r}", "is not a pass", "write name{option=value}, name, …")
        options: dict[str, Any] = {}
        for part in re.findall(r'([a-z_]+)\s*=\s*("[^"]*"|[^,]+)', match[2] or ""):
            options[part[0]] = _option(part[1])
        passes.append(pass_of(match[1], **options))
        at = match.end()
        if at < len(text):
            if text[at] != ",":
                raise HwgenError("pass", f"pipeline at {text[at:at + 20]!r}", "expected a comma", "separate passes by commas")
            at += 1
    return tuple(passes)
