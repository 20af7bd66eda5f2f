"""``hwgen synth``: what the hardware of a build costs, and how fast it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwgen.cli.options import DEFAULT_SAMPLES, Json, Pnr, Samples, Seed, TargetName
from hwgen.errors import EXIT_FAILED, HwgenError

if TYPE_CHECKING:
    from hwgen.synth.vendor import VendorTool


def synth(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="A build directory.")],
    target: TargetName = None,
    pnr: Pnr = False,
    netlist_sim: Annotated[
        bool, typer.Option("--netlist-sim", help="Simulate the netlist after synthesis, and compare it with the reference.")
    ] = False,
    samples: Samples = None,
    seed: Seed = None,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="vivado|quartus", help="Write a project for that tool (with --part, --clock, --out)."),
    ] = None,
    part: Annotated[str | None, typer.Option("--part", metavar="NAME", help="The device, as the vendor's tool names it.")] = None,
    clock: Annotated[float, typer.Option("--clock", metavar="MHZ", help="The clock that the project aims at.")] = 200.0,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The project's folder (BUILD-vivado).")] = None,
    json: Json = False,
) -> None:
    """Synthesize a build with Yosys.

    LUTs, flip-flops, DSPs and memories of each layer; with --pnr the clock and what limits it.
    --seed decides placement, and the inputs of --netlist-sim.
    """
    from hwgen import flow
    from hwgen.cli.screen import Screen
    from hwgen.cli.synthesis import print_areas, synthesis_facts
    from hwgen.errors import clean
    from hwgen.rtl.build_directory import Build
    from hwgen.synth.vendor import write_vendor_project

    if build.is_file():
        raise HwgenError(
            "no-build", f"file {build.name!r}", "is a model, not a build directory", "use `hwgen build MODEL --target ...`"
        )
    if target is None and (project is None or pnr or netlist_sim):
        raise HwgenError("usage", "--target", "is missing", "give one of ecp5, xcup, xc7, ice40")
    if project is not None and part is None:
        raise HwgenError("usage", "--project", "needs a device", "give --part, e.g. xcku5p-ffvb676-2-e or 10CX220YF780E5G")
    existing = Build(build)
    screen = Screen(as_json=json)
    made = None
    commands: tuple[str, ...] = ()
    folder = out or build.resolve().with_name(f"{build.resolve().name}-{project}")
    with screen.working() as progress:
        if project is not None and part is not None:
            commands = write_vendor_project(existing, folder, _vendor_tool(project), part, clock)
        if target is not None:
            made = flow.synthesize(
                build, target, pnr=pnr, seed=seed or 0, netlist_samples=(samples or DEFAULT_SAMPLES) if netlist_sim else 0,
                progress=progress,
            )
    written = {"tool": project, "folder": str(folder), "commands": list(commands)} if project is not None else None
    screen.result(
        {"synthesis": made and made.model_dump(mode="json"), "project": written, "build_dir": str(build)}
    )
    if made is not None:
        print_areas(screen, made)
        screen.facts([*synthesis_facts(made), ("seconds", f"{made.seconds:.2f}"), ("build directory", clean(build))])
    if project is not None:
        screen.facts([("project", clean(folder)), *(("run there", clean(command)) for command in commands)])
    if made is not None and made.netlist is not None and made.netlist.mismatches:
        raise typer.Exit(EXIT_FAILED)


def _vendor_tool(name: str) -> VendorTool:
    from hwgen.synth.vendor import VendorTool

    try:
        return VendorTool(name)
    except ValueError:
        raise HwgenError("usage", "--project", f"{name!r} is no tool", f"give one of {', '.join(VendorTool)}") from None
