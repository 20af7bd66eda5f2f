"""Projects for the vendors' own tools: Tcl, constraints and all sources, in one folder that may be carried to another machine.

    src/                  the build's RTL and memory images, flat
    implement.tcl, constraints.xdc, package_ip.tcl          Vivado
    create_project.tcl, constraints.sdc                     Quartus
    README.md             which command does what
    hwgen_project.json    what it was made of

The tools look for ``$readmemh`` files by different rules: relative to the working directory, to the source file, or by name among
the files of the project. With bare names, all files in one folder, and that folder current, each of them finds the same file.
Every word that goes into Tcl is made here or matches a strict pattern; no name of a model, a user or a path is among them.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from hwgen.errors import HwgenError
from hwgen.rtl.assemble import TOP, assemble
from hwgen.rtl.atomic import replaced_folder
from hwgen.rtl.build_directory import Build
from hwgen.rtl.ports import input_ports, output_ports

if TYPE_CHECKING:
    from jinja2 import Environment

RECORD: Final = "hwgen_project.json"
"""The file that marks a folder as a project of ours: only such a folder, or an empty one, is replaced."""

_SLOWEST_MHZ: Final = 0.1
_FASTEST_MHZ: Final = 2000.0
_SAFE_WORD: Final = re.compile(r"[A-Za-z0-9_./-]+")


class VendorTool(enum.StrEnum):
    """The programs that projects are written for, by the names that the command line takes."""

    VIVADO = "vivado"
    QUARTUS = "quartus"


class ProjectRecord(BaseModel):
    """What a project was made of.  sources_sha256: of the build's RTL and memories."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: VendorTool
    part: str
    clock_mhz: float
    sources_sha256: str


@dataclass(frozen=True, slots=True)
class _Tool:
    """part: what its part names look like.  example: one.  files: template to file.  commands: what a user runs, in order."""

    part: re.Pattern[str]
    example: str
    files: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]


_TOOLS: Final = {
    VendorTool.VIVADO: _Tool(
        re.compile(r"x[acq][a-z0-9]{2,20}(-[A-Za-z0-9]{1,12}){1,4}"), "xcku5p-ffvb676-2-e",
        (
            ("vivado_implement.tcl.j2", "implement.tcl"), ("vivado_package_ip.tcl.j2", "package_ip.tcl"),
            ("vivado_constraints.xdc.j2", "constraints.xdc"), ("vivado_readme.md.j2", "README.md"),
        ),
        ("vivado -mode batch -source implement.tcl", "vivado -mode batch -source package_ip.tcl"),
    ),
    VendorTool.QUARTUS: _Tool(
        re.compile(r"[A-Z0-9]{8,24}"), "10CX220YF780E5G",
        (
            ("quartus_create_project.tcl.j2", "create_project.tcl"), ("quartus_constraints.sdc.j2", "constraints.sdc"),
            ("quartus_readme.md.j2", "README.md"),
        ),
        ("quartus_sh -t create_project.tcl", f"quartus_sh --flow compile {TOP}"),
    ),
}


def write_vendor_project(build: Build, out: Path, kind: VendorTool, part: str, clock_mhz: float) -> tuple[str, ...]:
    """Writes the project of a build to the folder ``out``; it appears whole or not at all, and the same input gives the same bytes.

    part: the device as the tool names it.  clock_mhz: the clock to aim at.  Returns the commands to run inside ``out``, in order.
    Raises HwgenError where the part or the clock make no sense, or ``out`` holds something else.
    """
    tool = _TOOLS[kind]
    if not tool.part.fullmatch(part):
        raise HwgenError("part", f"part {part!r}", f"is no name of a device of {kind}", f"name it like {tool.example}")
    if not (math.isfinite(clock_mhz) and _SLOWEST_MHZ <= clock_mhz <= _FASTEST_MHZ):
        where = f"clock of {clock_mhz} MHz"
        raise HwgenError("clock", where, f"is not from {_SLOWEST_MHZ} to {_FASTEST_MHZ:g} MHz", "choose another --clock")
    with replaced_folder(out, RECORD) as folder:
        sources, memories = _copy_sources(build, folder / "src")
        environment, digest = _environment(), build.sources_sha256
        streams = [port.name for port in (*input_ports(build.flow), *output_ports(build.flow))]
        for template, name in tool.files:
            text = environment.get_template(template).render(
                part=part, period_ns=f"{math.floor(1e6 / clock_mhz) / 1000:.3f}", top=TOP,
                ip_name=f"hwgen_{digest[:12]}", sources=sources, memories=memories, streams=streams,
            )
            (folder / name).write_text(text)
        record = ProjectRecord(tool=kind, part=part, clock_mhz=clock_mhz, sources_sha256=digest)
        (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n")
    return tool.commands


def _copy_sources(build: Build, folder: Path) -> tuple[list[str], list[str]]:
    """Sources in order and memory images, by their names in ``folder``; the top refers to memories by these names."""
    folder.mkdir()
    sources = build.sources
    for path in sources:
        (folder / path.name).write_bytes(path.read_bytes())
    top = folder / f"{TOP}.v"
    text, memories = top.read_text(), [PurePosixPath(memory.file) for memory in assemble(build.flow).memories]
    for memory in memories:
        text = text.replace(f'"{memory}"', f'"{memory.name}"')
        (folder / memory.name).write_bytes((build.folder / memory).read_bytes())
    top.write_text(text)
    return [path.name for path in sources], [memory.name for memory in memories]


def _checked(value: Any) -> Any:
    """What a template is about to print, if it can only be one plain word of Tcl."""
    if not _SAFE_WORD.fullmatch(str(value)):
        raise HwgenError("vendor-project", f"word {value!r}", "would not be one plain word of Tcl", "build again")
    return value


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("vendor_templates")), undefined=StrictUndefined, finalize=_checked,
        autoescape=select_autoescape(default=False), trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )
