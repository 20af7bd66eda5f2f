"""Synthesis by Yosys: cells counted against designs counted by hand, the stages of a build, and what stops it."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

import pytest

from hwgen.cost.area import Area, Target
from hwgen.dataflow.stage import Fork
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.rtl.assemble import assemble
from hwgen.rtl.build_directory import Build
from hwgen.synth.cells import area_of
from hwgen.synth.mapping import instances_of_stages, map_sources, stage_of_module
from hwgen.synth.record import NetlistRun, Synthesis
from hwgen.synth.store import is_current, load, save
from hwgen.synth.yosys import synthesize

COUNTED = """
module counted (input clk, input [3:0] a, input [3:0] b, input [3:0] c, output reg [3:0] q, output reg [3:0] r);
  // four functions of four inputs, four registers; a sum that needs no logic before it would be no LUT
  always @(posedge clk) q <= {a[0] & b[0] ^ c[0] | a[3], a[1] ^ b[1] ^ c[1] ^ b[3], ~(a[2] | b[2] | c[2] | c[3]), a[0] & a[1]};
  always @(posedge clk) r <= q;
endmodule
"""


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


def test_every_instance_of_a_graph_s_top_belongs_to_one_stage_or_to_the_inputs_and_ports(branching_dir: Path) -> None:
    flow = Build(branching_dir).flow
    owners = {i.name: [k for k, names in enumerate(instances_of_stages(flow)) if any(fnmatch(i.name, n) for n in names)]
              for i in assemble(flow).netlist.instances}
    assert all(len(found) <= 1 for found in owners.values()), owners
    image_fork = next(e for e in flow.elements if isinstance(e, Fork) and e.takes[0] is flow.inputs[0])
    branches = {f"u_{image_fork.name}", *(f"u_{image_fork.name}_b{k}" for k in range(len(image_fork.gives)))}
    outside = {"u_reset", "u_axis_in_0", "u_axis_in_1", "u_axis_out_0", "u_axis_out_1"}
    assert {name for name, found in owners.items() if not found} == outside | branches


@pytest.mark.slow
def test_a_netlist_of_branches_and_several_ports_is_the_network_bit_for_bit(branching_dir: Path) -> None:
    build = Build(branching_dir)
    seen = synthesize(build, Target.ECP5, netlist_samples=10, seed=2)
    assert seen.netlist == NetlistRun(samples=10, mismatches=0)
    assert sum((s.area for s in seen.stages), seen.other) == seen.total
    assert [s.path for s in seen.stages] == [s.path for s in build.flow.stages]


@pytest.mark.slow
def test_stages_and_the_rest_are_the_whole(result: Synthesis, build_dir: Path) -> None:
    build = Build(build_dir)
    assert [s.path for s in result.stages] == [s.path for s in build.flow.stages]
    assert sum((s.area for s in result.stages), result.other) == result.total
    assert all(s.area.luts and s.area.ffs for s in result.stages), "every stage has cells"
    assert 0 < result.other.ffs < result.total.ffs / 4, "the outer ports and the reset are small"


@pytest.mark.slow
def test_multipliers_and_memories_are_blocks_where_the_family_has_them(result: Synthesis, build_dir: Path) -> None:
    # Yosys leaves narrow products to LUTs on Xilinx; iCE40 has no multipliers to speak of
    multipliers, dsps = Build(build_dir).flow.multipliers, result.total.dsps
    assert {Target.ECP5: dsps == multipliers, Target.ICE40: dsps == 0}.get(result.target, 0 < dsps <= multipliers)
    assert result.total.brams > 0, "the weights of the first layer are deep enough for block memory"


@pytest.mark.slow
def test_the_netlist_is_the_network_bit_for_bit(result: Synthesis) -> None:
    assert result.netlist == NetlistRun(samples=20, mismatches=0)


@pytest.mark.slow
def test_a_result_is_kept_in_the_build_and_known_as_its_own(result: Synthesis, build_dir: Path) -> None:
    build = Build(build_dir)
    save(build, result)
    assert load(Build(build_dir), result.target) == result
    assert is_current(build, result)


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
