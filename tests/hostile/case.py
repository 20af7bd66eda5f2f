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
ANY: Final = -1
"""Refused, failed or harmless: what matters is that nothing else happens."""

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


def file(
    data: bytes | str | Callable[[], bytes | str], *command: object, name: str = "model.onnx", code: int = REFUSED, says: str = ""
) -> Case:
    """One file, or what makes a large one; the command is ``build NAME`` unless another is given."""

    def make(folder: Path) -> Command:
        made = data() if callable(data) else data
        (folder / name).write_bytes(made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made)
        return command or ("build", name)

    return Case(make, code, says)
