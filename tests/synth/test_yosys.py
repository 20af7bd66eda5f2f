"""Synthesis by Yosys: cells counted against designs counted by hand, the stages of a build, and what stops it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hwgen.cost.area import Area, Target
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.flow import BuildOptions, lower, plan_dataflow
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.samples import draw
from hwgen.synth.cells import area_of
from hwgen.synth.mapping import map_sources, stage_of_module
from hwgen.synth.record import Synthesis
from hwgen.synth.store import is_current, load, save
from hwgen.synth.yosys import synthesize
from tests.networks import mlp

COUNTED = """
module counted (input clk, input [3:0] a, input [3:0] b, input [3:0] c, output reg [3:0] q, output reg [3:0] r);
  // four functions of four inputs, four registers; a sum that needs no logic before it would be no LUT
  always @(posedge clk) q <= {a[0] & b[0] ^ c[0] | a[3], a[1] ^ b[1] ^ c[1] ^ b[3], ~(a[2] | b[2] | c[2] | c[3]), a[0] & a[1]};
  always @(posedge clk) r <= q;
endmodule
"""


@pytest.fixture(scope="module")
def build_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two layers of four."""
    folder = tmp_path_factory.mktemp("synth") / "tiny"
    lowered = lower(mlp((4, 4, 3), 1)).graph
    flow = plan_dataflow(lowered, BuildOptions(parallelism="2x2"))
    emit(lowered, flow, folder, source_sha256="0" * 64, values=evaluate(lowered, {flow.input.name: draw(flow, 4, 1)}))
    return folder


@pytest.mark.parametrize("target", [Target.ECP5, Target.XC7])
def test_cells_of_a_design_are_those_counted_by_hand(target: Target, tmp_path: Path) -> None:
    (tmp_path / "counted.v").write_text(COUNTED)
    netlist = map_sources(tmp_path, ["counted.v"], "counted", target)
    assert area_of(netlist.cells["counted"], target) == Area(luts=4, ffs=8)


def test_each_cell_counts_as_what_it_occupies() -> None:
    assert area_of({"LUT4": 3, "CCU2C": 2, "TRELLIS_DPR16X4": 1, "PFUMX": 9}, Target.ECP5) == Area(luts=11, carries=2)
    assert area_of({"RAM32M": 2, "LUT6": 1, "RAMB36E1": 3, "DSP48E1": 4}, Target.XC7) == Area(luts=9, dsps=4, brams=6)
    assert area_of({"SB_DFFESR": 2, "SB_RAM40_4K": 1, "SB_LUT4": 5}, Target.ICE40) == Area(luts=5, ffs=2, brams=1)


def test_unknown_cells_are_an_error_and_not_left_out() -> None:
    with pytest.raises(HwgenFailure, match="7 cells 'EHXPLLL'"):
        area_of({"LUT4": 1, "EHXPLLL": 7}, Target.ECP5)


def test_only_our_stage_modules_are_stages() -> None:
    assert [stage_of_module(n) for n in ("hwgen_top_stage0", "hwgen_top_stage12", "hwgen_top", "x_hwgen_top_stage1")] == [
        0, 12, None, None,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("target", list(Target))
def test_stages_and_the_rest_are_the_whole(target: Target, build_dir: Path) -> None:
    build = Build(build_dir)
    result = synthesize(build, target)
    assert [s.path for s in result.stages] == [s.path for s in build.flow.stages]
    assert sum((s.area for s in result.stages), result.other) == result.total
    assert all(s.area.ffs > s.area.carries >= 0 and s.area.luts for s in result.stages), "every stage has cells"
    assert 0 < result.other.ffs < result.total.ffs / 4, "the outer ports and the reset are small"
    save(build, result)
    kept = load(Build(build_dir), target)
    assert kept == result
    assert is_current(build, result)


@pytest.mark.slow
def test_every_multiplier_is_a_multiplier_block_on_ecp5(build_dir: Path) -> None:
    build = Build(build_dir)
    result = synthesize(build, Target.ECP5)
    assert result.total.dsps == sum(s.first.multipliers for s in build.flow.stages) == 8


def test_a_build_without_a_memory_is_not_synthesized(build_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(build_dir, copy)
    lost = min((copy / "mem").iterdir())
    lost.unlink()
    with pytest.raises(HwgenError, match=f"mem/{lost.name} is missing"):
        synthesize(Build(copy), Target.ECP5)


def test_yosys_itself_stops_where_a_memory_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "rom.v").write_text(
        "module rom (input clk, input [3:0] a, output reg [7:0] q); reg [7:0] m [15:0];\n"
        'initial $readmemh("mem/lost.mem", m); always @(posedge clk) q <= m[a]; endmodule\n'
    )
    with pytest.raises(HwgenFailure, match=r"mem/lost\.mem"):
        map_sources(tmp_path, ["rom.v"], "rom", Target.ECP5)


def test_a_result_of_other_sources_is_not_current(build_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(build_dir, copy)
    build = Build(copy)
    result = Synthesis(
        target=Target.ECP5, sources_sha256=build.sources_sha256, total=Area(), stages=(), other=Area(), seconds=0.0, tools={}
    )
    assert is_current(build, result)
    memory = min((copy / "mem").iterdir())
    memory.write_text(memory.read_text().replace("0", "1"))
    assert not is_current(Build(copy), result)
