"""What the hostile models share: the draft with one thing changed, as a case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from hostile.case import HARMLESS, REFUSED, Case, Command
from hostile.draft import Draft

OPTIONS: Final = ("--samples", 4)
Change = Callable[[Draft], object]


def model(spoil: Change, code: int = REFUSED, says: str = "", *, plain: bool = False) -> Case:
    """The draft with one thing changed, given to ``hwgen build``; to ``hwgen emit`` where it is harmless and its RTL its own."""

    def make(folder: Path) -> Command:
        draft = Draft()
        spoil(draft)
        draft.write(folder)
        return ("emit" if code == HARMLESS and not plain else "build", "model.onnx", *OPTIONS)

    return Case(make, code, says, plain)


def plain(folder: Path) -> None:
    """The build of the draft as it is, at ``build/model``: what a build with strange names must equal."""
    from hwgen.flow import BuildOptions, emit_model

    emit_model(Draft().write(folder), folder / "build" / "model", BuildOptions(samples=4))
