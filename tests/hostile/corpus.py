"""The whole corpus by group: all of it made by script when it is run; nothing large lies in the repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hostile import builds, files, graphs, models, names, numbers, texts, windows
from hostile.case import Group

CORPUS: Final[Mapping[str, Group]] = {
    "names": names.NAMES,
    "numbers": numbers.NUMBERS,
    "graphs": graphs.GRAPHS,
    "windows": windows.WINDOWS,
    "bytes": files.BYTES,
    "external": files.EXTERNAL,
    "arrays": files.ARRAYS,
    "paths": files.PATHS,
    "texts": texts.TEXTS,
    "configs": texts.CONFIGS,
    "builds": builds.BUILDS,
}
PLAIN: Final = models.plain
