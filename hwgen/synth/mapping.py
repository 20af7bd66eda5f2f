"""From sources to a mapped netlist, by Yosys.

Before synthesis each stage's instances of the top, with the glue that belongs to it (`hwgen.dataflow.links`), become one module
that keeps its place in the hierarchy; inside it everything is flattened. The cells are counted a module at a time, and the total is
that of the same netlist, which is then flattened under names that begin with the stage's: the netlist that is placed and routed,
and simulated.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hwgen.cost.area import Target
from hwgen.dataflow.links import links_of
from hwgen.dataflow.stage import Dataflow
from hwgen.rtl.assemble import TOP, instance_of
from hwgen.rtl.atomic import work_folder
from hwgen.rtl.build_directory import Build
from hwgen.synth.store import source_files
from hwgen.synth.tools import find_yosys, run_tool

NETLIST_JSON: Final = "netlist.json"
NETLIST_VERILOG: Final = "netlist.v"
_STATISTICS: Final = "statistics.json"
_STAGE_MODULE: Final = re.compile(rf"{TOP}_stage(\d+)")
_SYNTHESIS: Final = {
    Target.ECP5: "synth_ecp5",
    Target.XCUP: "synth_xilinx -family xcup -flatten -noiopad -noclkbuf",
    Target.XC7: "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
    Target.ICE40: "synth_ice40",
}


@dataclass(frozen=True, slots=True)
class Netlist:
    """A mapped design in a folder that lives as long as the context that made it.

    folder: holds `NETLIST_JSON`, `NETLIST_VERILOG` and the memories.  cells: of each module, by type.
    """

    folder: Path
    top: str
    target: Target
    cells: Mapping[str, Mapping[str, int]]


def synthesis_commands(target: Target, top: str) -> list[str]:
    """The commands of Yosys that map ``top`` to a family, after its sources were read and elaborated."""
    # iCE40 has no distributed memory to obey the wish with: without it such memories become registers.
    relax = ["setattr -unset ram_style m:* a:ram_style=distributed %i"] if target is Target.ICE40 else []
    return [*relax, f"{_SYNTHESIS[target]} -top {top}", "check -assert"]


def instances_of_stages(flow: Dataflow) -> tuple[tuple[str, ...], ...]:
    """For each stage the names of its instances in the top, as patterns of Yosys: its own, and those of the glue that is its."""
    links = links_of(flow)
    return tuple(
        (f"u_{stage.name}_*", *(instance_of(glue) for glue in links.glue_of(links.place_of_stage(k))))
        for k, stage in enumerate(flow.stages)
    )


def _stage_commands(top: str, stages: Sequence[Sequence[str]]) -> list[str]:
    marks = [f"setattr -set submod \"stage{k}\" {' '.join(f'{top}/{p}' for p in one)}" for k, one in enumerate(stages)]
    return [*marks, f"submod {top}", f"setattr -mod -set keep_hierarchy 1 {top}_stage*"] if stages else []


def map_sources(folder: Path, sources: Sequence[str], top: str, target: Target, stages: Sequence[Sequence[str]] = ()) -> Netlist:
    """Synthesizes sources, named relative to ``folder``, there.  stages: of a generated top, by the instances of each."""
    script = [
        f"read_verilog -sv -defer {' '.join(sources)}",
        f"hierarchy -check -top {top}",
        *_stage_commands(top, stages),
        *synthesis_commands(target, top),
        f"tee -q -o {_STATISTICS} stat -json",
        *([f"setattr -mod -unset keep_hierarchy {top}_stage*"] if stages else []),
        "flatten -noscopeinfo",
        "delete t:$scopeinfo",
        "opt_clean",
        f"write_json {NETLIST_JSON}",
        f"write_verilog -noattr {NETLIST_VERILOG}",
    ]
    (folder / "synthesize.ys").write_text("".join(f"{line}\n" for line in script))
    run_tool(find_yosys(), ["-q", "-s", "synthesize.ys"], folder, f"synthesis for {target}", "build again")
    statistics = json.loads((folder / _STATISTICS).read_bytes())
    cells = {name.removeprefix("\\"): dict(m["num_cells_by_type"]) for name, m in statistics["modules"].items()}
    return Netlist(folder, top, target, cells)


@contextmanager
def mapped(build: Build, target: Target) -> Generator[Netlist]:
    """The netlist of a build, in a copy of its sources: the build itself is not written to."""
    names = source_files(build)
    with work_folder("hwgen-synth-") as work:
        for name in names:
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(build.folder / name, work / name)
        sources = [str(s.relative_to(build.folder)) for s in build.sources]
        yield map_sources(work, sources, TOP, target, instances_of_stages(build.flow))


def stage_of_module(name: str) -> int | None:
    """Index of the stage that a module or a prefix of a flattened name stands for."""
    match = _STAGE_MODULE.fullmatch(name)
    return int(match[1]) if match else None
