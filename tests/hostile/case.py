"""A hostile case: files in an empty folder, a command on them, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BAIT: Final = "hwgen_bait"
"""A module in each case's folder, first on the path of imports; files name it where a careless reader would import it."""
REFUSED: Final = 2
HARMLESS: Final = 0
FAILED: Final = 1

Command = Sequence[object]
"""Arguments of ``hwgen``."""
Make = Callable[[Path], Command]


@dataclass(frozen=True)
class Case:
    """make: fills a folder (the working directory of the command) and gives the command.

    code: exit code that is expected.  says: what the line on stderr holds.  plain: the build's files, but for the manifest
    and the graph's text, equal those of the same model with plain names.
    """

    make: Make
    code: int = REFUSED
    says: str = ""
    plain: bool = False


Group = Mapping[str, Case]


def file(data: bytes | str, *command: object, name: str = "model.onnx", code: int = REFUSED, says: str = "") -> Case:
    """One file; the command is ``build NAME`` unless another is given."""
    raw = data.encode() if isinstance(data, str) else data

    def make(folder: Path) -> Command:
        (folder / name).write_bytes(raw)
        return command or ("build", name)

    return Case(make, code, says)
