"""What `build` and `synth` say of a synthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwgen.errors import clean

if TYPE_CHECKING:
    from hwgen.cli.screen import Screen
    from hwgen.cost.area import Area
    from hwgen.synth.record import Synthesis


def print_areas(screen: Screen, made: Synthesis) -> None:
    """The cells of each layer, of what belongs to none, and of all."""

    def row(name: str, area: Area) -> list[str | int | float | None]:
        return [name, area.luts, area.ffs, area.carries, area.dsps, area.brams]

    rows = [row(stage.path, stage.area) for stage in made.stages]
    rows += [row("(ports, reset, glue)", made.other), row("all", made.total)]
    screen.table([f"{made.target}: layer", "luts", "ffs", "carries", "dsps", "brams"], rows)
    screen.line()


def synthesis_facts(made: Synthesis) -> list[tuple[str, str]]:
    """Area, clock, critical path and the netlist's verification, with the tools that said so."""
    total = made.total
    facts = [("area", f"{made.target}: {total.luts} luts, {total.ffs} ffs, {total.dsps} dsps, {total.brams} brams")]
    if made.timing is not None:
        timing = made.timing
        used = ", ".join(f"{u.kind} {u.used} of {u.available}" for u in timing.used)
        facts += [("clock", f"{timing.fmax_mhz:g} MHz on {timing.device}, without pins"), ("used", used)]
        for index, step in enumerate(timing.critical_path):
            facts.append(("critical path" if not index else "", clean(f"{step.delay_ns:6.3f} ns  {step.stage}: {step.cell}")))
    if made.netlist is not None:
        verdict = "bit for bit equal" if not made.netlist.mismatches else "MISMATCH"
        facts.append(("netlist", f"{made.netlist.mismatches} of {made.netlist.samples} samples differ: {verdict}"))
    facts.append(("synthesized by", clean(", ".join(f"{name} {version}" for name, version in made.tools.items()))))
    return facts
