"""Synthesis of a build by Yosys: the cells of each stage and of the whole; on request routed, and simulated as it was mapped."""

from __future__ import annotations

import time
from collections.abc import Callable

from hwgen.cost.area import Area, Target
from hwgen.rtl.build_directory import Build
from hwgen.synth.cells import area_of
from hwgen.synth.mapping import Netlist, mapped, stage_of_module
from hwgen.synth.netlist_sim import simulate_netlist
from hwgen.synth.nextpnr import check_routable, route_netlist
from hwgen.synth.record import StageArea, Synthesis
from hwgen.synth.tools import find_nextpnr, find_yosys

Progress = Callable[[str], None]


def synthesize(
    build: Build, target: Target, *, pnr: bool = False, netlist_samples: int = 0, seed: int = 0,
    progress: Progress = lambda _: None,
) -> Synthesis:
    """What Yosys makes of a build for a family of devices: cells in total and of each stage.

    pnr: also place and route (ECP5).  netlist_samples: simulate the netlist on so many random inputs, beside the reference.
    seed: of placement, and of those inputs.  progress: told of ``route`` and ``netlist`` as they begin.
    Raises HwgenError where a file of the build or a tool is missing, HwgenFailure where a tool stops.
    """
    start = time.perf_counter()
    tools = tools_for(target, pnr=pnr)
    digest = build.sources_sha256
    paths = [stage.path for stage in build.flow.stages]
    with mapped(build, target) as netlist:
        areas, other = _areas(netlist, len(paths))
        if pnr:
            progress("route")
        timing = route_netlist(netlist, paths, seed=seed) if pnr else None
        if netlist_samples:
            progress("netlist")
        run = simulate_netlist(build, netlist, netlist_samples, seed) if netlist_samples else None
    return Synthesis(
        target=target, sources_sha256=digest, total=sum(areas, other),
        stages=tuple(StageArea(path=p, area=a) for p, a in zip(paths, areas, strict=True)),
        other=other, timing=timing, netlist=run, seconds=round(time.perf_counter() - start, 3), tools=tools,
    )


def tools_for(target: Target, *, pnr: bool) -> dict[str, str]:
    """The programs that `synthesize` uses, with their versions.  Raises HwgenError where one is missing or does not serve."""
    if pnr:
        check_routable(target)
    tools = [find_yosys(), *([find_nextpnr()] if pnr else [])]
    return {tool.name: tool.version for tool in tools}


def _areas(netlist: Netlist, stages: int) -> tuple[tuple[Area, ...], Area]:
    """The areas of the stages, and of what belongs to none."""
    areas, other = [Area()] * stages, Area()
    for name, cells in netlist.cells.items():
        area = area_of({kind: n for kind, n in cells.items() if kind not in netlist.cells}, netlist.target)
        stage = stage_of_module(name)
        if stage is None:
            other += area
        else:
            areas[stage] += area
    return tuple(areas), other
