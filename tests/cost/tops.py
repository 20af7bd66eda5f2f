"""Tops of single units, for Yosys: what estimates are compared with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hwgen.cost.area import Area, Target
from hwgen.dataflow.unit import Unit
from hwgen.rtl.literal import integer_literal
from hwgen.rtl.templates import closure
from hwgen.synth.cells import area_of
from hwgen.synth.mapping import map_sources

Port = tuple[str, int, bool]
"""Name, bits, and whether it is an input."""


def write_sources(units: Sequence[Unit], ports: Callable[[Unit], Sequence[Port]], folder: Path) -> list[str]:
    """A top with each unit in a module ``unit<k>`` of its own that stays one; the templates and memories beside it.

    ports: of a unit, all but clock and reset.  Returns the files, by name.
    """
    modules: list[str] = []
    outer, inside = ["input wire clk_i", "input wire rst_i"], []
    for k, unit in enumerate(units):
        settings = [f".{name}({integer_literal(value)})" for name, value in unit.parameters]
        for memory in unit.memories:
            words = [0] * memory.depth
            for place, field in enumerate(memory.fields):
                words = [w | int(v) << (place * field.bits) for w, v in zip(words, field.values, strict=True)]
            (folder / f"{k}.mem").write_text("".join(f"{word:x}\n" for word in words))
            settings.append(f'.{memory.parameter}("{k}.mem")')
        kinds = [(name, f"{'input' if is_input else 'output'} wire [{bits - 1}:0]") for name, bits, is_input in ports(unit)]
        names = ["clk_i", "rst_i", *(name for name, _ in kinds)]
        header = ", ".join(["input wire clk_i", "input wire rst_i", *(f"{kind} {name}" for name, kind in kinds)])
        wires = ", ".join(f".{name}({name})" for name in names)
        body = f"{unit.module} #({', '.join(settings)}) u_unit ({wires});"
        modules.append(f"(* keep_hierarchy *)\nmodule unit{k} ({header});\n  {body}\nendmodule\n")
        outer += [f"{kind} {name}_{k}" for name, kind in kinds]
        inside.append(f"  unit{k} u_{k} (.clk_i(clk_i), .rst_i(rst_i), {', '.join(f'.{n}({n}_{k})' for n, _ in kinds)});\n")
    (folder / "top.v").write_text("".join([*modules, f"module top ({', '.join(outer)});\n", *inside, "endmodule\n"]))
    templates = closure({unit.module for unit in units})
    for file in templates:
        shutil.copy(file, folder)
    return [*(file.name for file in templates), "top.v"]


def hold_to_yosys(
    units: Sequence[Unit], ports: Callable[[Unit], Sequence[Port]], costs: Mapping[str, Callable[[Unit, Target], Area]],
    target: Target, folder: Path, *, ffs_within: float,
) -> None:
    """Fails where an estimate's blocks are not those that Yosys counts, or its LUTs and flip-flops not of the right size."""
    netlist = map_sources(folder, write_sources(units, ports, folder), "top", target)
    for k, unit in enumerate(units):
        seen, guess = area_of(netlist.cells[f"unit{k}"], target), costs[unit.module](unit, target)
        said = f"{unit.module} {unit.parameters}: {guess} for {seen}"
        assert (guess.dsps, guess.brams) == (seen.dsps, seen.brams), said
        assert guess.luts <= 1.5 * seen.luts and seen.luts <= 1.5 * guess.luts, said
        assert abs(guess.ffs - seen.ffs) <= ffs_within * seen.ffs, said
