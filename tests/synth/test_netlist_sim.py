"""The netlist beside the reference: a broken one is seen, and a cell or mode that nobody models is no guess."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hwgen.cost.area import Target
from hwgen.errors import HwgenFailure
from hwgen.rtl.build_directory import Build
from hwgen.sim.toolchain import find_verilator
from hwgen.synth.mapping import NETLIST_VERILOG, mapped
from hwgen.synth.netlist_sim import MODELS, cell_models, simulate_netlist

LUT_OF_A_WEIGHT = re.compile(r"LUT4 #\(\s*\.INIT\(16'h([0-9a-f]{4})\)\s*\) \\hwgen_top_stage1\.u_s1_matvec\.w_")


@pytest.mark.slow
def test_one_broken_lut_is_seen(build_dir: Path) -> None:
    build = Build(build_dir)
    with mapped(build, Target.ECP5) as netlist:
        file = netlist.folder / NETLIST_VERILOG
        text = file.read_text()
        found = LUT_OF_A_WEIGHT.search(text)
        assert found is not None, "no LUT holds a weight"
        flipped = f"{int(found[1], 16) ^ 0xFFFF:04x}"
        file.write_text(text[: found.start(1)] + flipped + text[found.end(1) :])
        assert simulate_netlist(build, netlist, 20, 1).mismatches > 0


def test_a_cell_without_a_model_is_refused() -> None:
    with pytest.raises(HwgenFailure, match="no model of cell 'EHXPLLL'"):
        cell_models(Target.ECP5, {"LUT4", "EHXPLLL"})


def test_models_bring_what_they_are_made_of_and_nothing_else() -> None:
    text = cell_models(Target.ECP5, {"CCU2C"})
    assert re.findall(r"^module (\w+)", text, re.MULTILINE) == ["CCU2C", "LUT2", "LUT4"]


def lint(text: str, folder: Path) -> str:
    """What Verilator says of a top of cells of ours."""
    (folder / "top.v").write_text(text)
    verilator = find_verilator()
    files = [str(folder / "top.v"), *map(str, MODELS.glob("*.v"))]
    command = [str(verilator.executable), "--lint-only", "-Wno-lint", "-Wno-style", "--top-module", "top", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=verilator.environment()).stderr


def test_pins_and_parameters_that_are_not_modelled_stop_the_simulation(tmp_path: Path) -> None:
    cell = "module top (input c, output p); MULT18X18D {parameters} u (.A0(c), {pins} .P0(p)); endmodule"
    assert not lint(cell.format(parameters="", pins=""), tmp_path)
    assert "CLK0" in lint(cell.format(parameters="", pins=".CLK0(c),"), tmp_path)
    assert "REG_OUTPUT_CLK" in lint(cell.format(parameters='#(.REG_OUTPUT_CLK("CLK0"))', pins=""), tmp_path)
