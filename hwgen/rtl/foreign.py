"""The gate for a build directory's hardware: what is read, compiled and simulated lies inside, and does nothing but compute.

A build may be edited by hand, and may come from anyone.  A source that equals hwgen's own template is trusted; any other is
read for what could reach beyond the design: system tasks that open or run something, macros, foreign functions, and names
of files other than the build's memories.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hwgen.errors import HwgenError
from hwgen.frontend.limits import MAX_FILE_BYTES, read_bytes
from hwgen.rtl.templates import template_files

MAX_SOURCE_BYTES: Final = 1 << 26
_LONGEST_TEXT_BYTES: Final = {"manifest.json": 1 << 24, "filelist.f": 1 << 20}
_SPARE_BYTES: Final = 4096
"""What a memory file may have more than twice its words: comments of an editor."""
_SOURCE: Final = re.compile(r"rtl/[A-Za-z0-9_]{1,100}\.s?v", re.ASCII)
_TOKEN: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/                       # comments
      |(?P<text>"[^"\n]*")
      |(?P<system>\$\w*)|(?P<macro>`\w*)|(?P<escape>\\)
      |(?P<foreign>\b(?:import|export|bind|config|library|include|checker|program)\b)
      |(?P<file>\.\w*File\s*\(\s*(?:\w*File|"[^"\n]*")?(?P<end>\s*\))?)""",
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_TASKS: Final = frozenset(
    f"${name}" for name in (
        "bits", "clog2", "countones", "display", "error", "fatal", "finish", "info", "isunknown", "onehot", "onehot0", "past",
        "readmemh", "readmemb", "signed", "stop", "strobe", "time", "unsigned", "warning", "write",
    )
)
_MACROS: Final = frozenset(("`ifdef", "`ifndef", "`elsif", "`else", "`endif", "`default_nettype", "`timescale"))
_MEMORY: Final = re.compile(r'"(?:mem/\w{1,200}\.mem)?"', re.ASCII)


def _damaged(folder: Path, what: str, fix: str = "build again") -> HwgenError:
    return HwgenError("no-build", f"folder {folder.name!r}", what, fix)


def inside(folder: Path, name: str) -> Path:
    """The regular file ``name`` of a build; raises HwgenError where it is missing, a link, or behind one."""
    path = folder / name
    try:
        sound = stat.S_ISREG(path.lstat().st_mode) and path.resolve(strict=True) == folder.resolve() / name
    except (OSError, ValueError, RuntimeError) as error:
        raise _damaged(folder, f"file {name!r} is missing or cannot be read") from error
    if not sound:
        raise _damaged(folder, f"file {name!r} is a link or no regular file", "copy what it names into the build")
    return path


def read_text_inside(folder: Path, name: str) -> str:
    """The contents of a text file of a build."""
    try:
        return read_bytes(inside(folder, name), _LONGEST_TEXT_BYTES.get(name, MAX_FILE_BYTES)).decode()
    except UnicodeDecodeError as error:
        raise _damaged(folder, f"file {name!r} is not text") from error


def check_hardware(folder: Path, sources: Sequence[str], memory_bytes: int) -> list[Path]:
    """The sources, in order, when all of them and all memories may be used; raises HwgenError that names the file.

    memory_bytes: size of the largest memory file as hwgen writes it.
    """
    if len(set(sources)) != len(sources) or not sources:
        raise _damaged(folder, "its list of sources is empty, or names one twice")
    for name in sources:
        if _SOURCE.fullmatch(name) is None:
            raise _damaged(folder, f"its list of sources holds {name!r}", "list files of rtl/ only, one a line")
        _check_source(folder, name)
    memories = folder / "mem"
    if memories.is_symlink():
        raise _damaged(folder, "mem is a link", "copy the memories into the build")
    for path in sorted(memories.iterdir()) if memories.is_dir() else []:
        size = inside(folder, f"mem/{path.name}").stat().st_size
        if size > 2 * memory_bytes + _SPARE_BYTES:
            raise _damaged(folder, f"file 'mem/{path.name}' has {size} bytes, far more than its words need")
    return [folder / name for name in sources]


def _check_source(folder: Path, name: str) -> None:
    data = read_bytes(inside(folder, name), MAX_SOURCE_BYTES)
    template = template_files().get(Path(name).stem)
    if template is not None and data == template.read_bytes():
        return
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise _damaged(folder, f"source {name!r} is no ASCII text") from error
    for token in _TOKEN.finditer(text):
        if _is_harmless(token):
            continue
        line = text.count("\n", 0, token.start()) + 1
        what = f"line {line} of {name!r} holds {token[0][:40]!r}, which may reach beyond the design"
        raise _damaged(folder, what, "take it out, or build again")


def _is_harmless(token: re.Match[str]) -> bool:
    match token.lastgroup:
        case "text":
            return not set("/\\") & set(token[0]) or _MEMORY.fullmatch(token[0]) is not None
        case "system":
            return token[0] in _TASKS
        case "macro":
            return token[0] in _MACROS
        case "escape" | "foreign":
            return False
        case "file" | "end":  # a memory's file is a name of ours or a parameter handed down
            names = re.findall(r'"[^"\n]*"', token[0])
            return token["end"] is not None and all(_MEMORY.fullmatch(n) for n in names)
        case _:
            return True
