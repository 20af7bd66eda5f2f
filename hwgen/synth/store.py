"""Results of synthesis in a build directory: ``synthesis/<target>.json``; and the sources that they are of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hwgen.cost.area import Target
from hwgen.errors import HwgenError
from hwgen.frontend.limits import read_bytes
from hwgen.rtl.atomic import write_text
from hwgen.rtl.build_directory import Build
from hwgen.synth.record import Synthesis

FOLDER: Final = "synthesis"
_SOURCE: Final = re.compile(r"rtl/\w+\.s?v|mem/\w+\.mem", re.ASCII)


def source_files(build: Build) -> tuple[str, ...]:
    """Names, inside the build, of its RTL and memories.  Raises HwgenError where one is missing or is no such name."""
    names = tuple(name for name in build.manifest.files if name.startswith(("rtl/", "mem/")))
    sources = [str(path.relative_to(build.folder)) for path in build.sources]
    wrong = [n for n in [*names, *sources] if not _SOURCE.fullmatch(n) or n not in names or not (build.folder / n).is_file()]
    if wrong:
        raise HwgenError("no-build", f"folder {build.folder.name!r}", f"{wrong[0]} is missing", "build again")
    return names


def result_path(build: Build, target: Target) -> Path:
    """Where the result for a target is kept."""
    return build.folder / FOLDER / f"{target}.json"


def load(build: Build, target: Target) -> Synthesis | None:
    """The result that is kept, or None.  Raises HwgenError where the file is not one."""
    path = result_path(build, target)
    if not path.is_file():
        return None
    try:
        return Synthesis.model_validate_json(read_bytes(path))
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise HwgenError("no-synthesis", f"{FOLDER}/{path.name}", what, "synthesize again, or remove the file") from error


def is_current(build: Build, synthesis: Synthesis) -> bool:
    """Whether the result is of the sources that the build holds now."""
    return synthesis.sources_sha256 == build.sources_sha256


def save(build: Build, synthesis: Synthesis) -> Path:
    """Puts a result in its place in one step; returns the place."""
    path = result_path(build, synthesis.target)
    write_text(path, synthesis.model_dump_json(indent=2) + "\n")
    return path
