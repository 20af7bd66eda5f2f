"""Vendor projects: the Tcl is run with the vendors' commands recorded, and must read what the build holds and nothing else."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from networks import mlp

from hwgen.dataflow.cycles import size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan
from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.ir.graph import Graph
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import Build, emit
from hwgen.rtl.printer import parse_netlist
from hwgen.sim.samples import draw
from hwgen.synth.vendor import RECORD, VendorTool, write_vendor_project

PARTS: Final = {VendorTool.VIVADO: "xcku5p-ffvb676-2-e", VendorTool.QUARTUS: "10CX220YF780E5G"}
FOREIGN: Final = "tidy name; but foreign [model]"

_VIVADO: Final = """
    set_msg_config read_verilog read_mem read_xdc synth_design opt_design place_design phys_opt_design route_design
    report_utilization report_timing_summary report_power write_checkpoint create_project add_files set_property current_fileset
    update_compile_order close_project ipx::package_project ipx::current_core ipx::infer_bus_interface
    ipx::associate_bus_interfaces ipx::create_xgui_files ipx::update_checksums ipx::check_integrity ipx::save_core
"""
"""Of UG835 and UG1118."""
_QUARTUS: Final = """
    project_new set_global_assignment set_instance_assignment get_part_info export_assignments project_close
"""
"""Of the scripting reference manual: ::quartus::project and ::quartus::device."""
_CONSTRAINTS: Final = "create_clock get_ports derive_clock_uncertainty set_false_path"
VENDOR_COMMANDS: Final = frozenset(f"{_VIVADO} {_QUARTUS} {_CONSTRAINTS}".split())


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A build of a network whose names are all foreign."""
    graph = lower(mlp((5, 9, 4), 3)).graph
    graph = Graph(FOREIGN, graph.nodes, graph.outputs)
    flow = size_fifos(plan(graph, from_text(graph, "2x3")))
    folder = tmp_path_factory.mktemp("build") / "a build"
    emit(graph, flow, folder, source_sha256="", values=evaluate(graph, draw(flow, 4, 0)))
    return Build(folder)


@pytest.fixture(params=list(VendorTool))
def tool(request: pytest.FixtureRequest) -> VendorTool:
    """Each vendor's program."""
    return request.param


def written(build: Build, folder: Path, tool: VendorTool, clock_mhz: float = 200.0) -> Path:
    out = folder / "a [project] of $mine"
    write_vendor_project(build, out, tool, PARTS[tool], clock_mhz)
    return out


def record(script: Path) -> list[tuple[str, ...]]:
    """Run a script; the vendor commands that it called, each with its words.  A command that no vendor has fails."""
    tkinter = pytest.importorskip("tkinter", reason="this Python has no tkinter, which carries Tcl")
    interpreter: Any = tkinter.Tcl()
    calls: list[tuple[str, ...]] = []

    def called(*words: str) -> str:
        assert words[0] in VENDOR_COMMANDS, f"{words[0]} is no command of the vendor's"
        calls.append(words)
        return "answer"

    interpreter.createcommand("unknown", called)
    interpreter.createcommand("package", lambda *words: "")
    start = interpreter.eval("pwd")
    try:
        interpreter.call("source", str(script))
    finally:
        interpreter.call("cd", start)
    return calls


def words_of(calls: list[tuple[str, ...]], command: str) -> list[tuple[str, ...]]:
    return [words[1:] for words in calls if words[0] == command]


def file_names(folder: Path, names: list[str]) -> list[str]:
    """The names, all of which are files of ``folder``."""
    missing = [name for name in names if not (folder / name).is_file()]
    assert not missing, f"no such files: {missing}"
    return names


def sources_of(build: Build) -> list[str]:
    return [path.name for path in build.sources]


def memories_of(build: Build) -> list[str]:
    return sorted(path.name for path in (build.folder / "mem").iterdir())


def test_vivado_reads_every_source_in_order_and_every_memory_and_builds_the_top(build: Build, tmp_path: Path) -> None:
    out = written(build, tmp_path, VendorTool.VIVADO)
    calls = record(out / "implement.tcl")
    read = words_of(calls, "read_verilog")
    assert file_names(out / "src", [words[-1] for words in read]) == sources_of(build)
    assert all(words[:-1] == (("-sv",) if words[-1].endswith(".sv") else ()) for words in read)
    assert sorted(file_names(out / "src", [words[0] for words in words_of(calls, "read_mem")])) == memories_of(build)
    assert words_of(calls, "read_xdc") == [(str(out / "constraints.xdc"),)]
    (synthesis,) = words_of(calls, "synth_design")
    assert synthesis == ("-top", "hwgen_top", "-part", PARTS[VendorTool.VIVADO], "-mode", "out_of_context")
    steps = [words[0] for words in calls if words[0].endswith("_design")]
    assert steps == ["synth_design", "opt_design", "place_design", "phys_opt_design", "route_design"]


def test_vivado_packages_all_files_and_both_streams_with_their_clock_and_reset(build: Build, tmp_path: Path) -> None:
    out = written(build, tmp_path, VendorTool.VIVADO)
    calls = record(out / "package_ip.tcl")
    added = file_names(out / "src", [words[-1] for words in words_of(calls, "add_files")])
    assert sorted(added) == sorted([*sources_of(build), *memories_of(build)])
    assert ("top", "hwgen_top", "answer") in words_of(calls, "set_property")
    assert [words[:-1] for words in words_of(calls, "ipx::associate_bus_interfaces")] == [
        ("-busif", "s_axis", "-clock", "aclk"), ("-busif", "m_axis", "-clock", "aclk"), ("-clock", "aclk", "-reset", "aresetn"),
    ]
    inferred = {words[:2] for words in words_of(calls, "ipx::infer_bus_interface")}
    for stream in ("s_axis", "m_axis"):
        ports = " ".join(f"{stream}_{signal}" for signal in ("tvalid", "tready", "tdata", "tlast"))
        assert (ports, "xilinx.com:interface:axis_rtl:1.0") in inferred
    assert words_of(calls, "ipx::save_core")


def test_quartus_has_every_source_in_order_and_finds_every_memory(build: Build, tmp_path: Path) -> None:
    out = written(build, tmp_path, VendorTool.QUARTUS)
    calls = record(out / "create_project.tcl")
    assignments = [(words[1], words[2]) for words in words_of(calls, "set_global_assignment")]
    read = [file for name, file in assignments if name in ("SYSTEMVERILOG_FILE", "VERILOG_FILE")]
    assert file_names(out, read) == [f"src/{name}" for name in sources_of(build)]
    assert all((name == "SYSTEMVERILOG_FILE") == file.endswith(".sv") for name, file in assignments if file in read)
    memories = file_names(out, [file for name, file in assignments if name == "MISC_FILE"])
    assert sorted(memories) == [f"src/{name}" for name in memories_of(build)]
    assert {("TOP_LEVEL_ENTITY", "hwgen_top"), ("DEVICE", PARTS[VendorTool.QUARTUS]), ("SEARCH_PATH", "src"),
            ("VERILOG_MACRO", "SYNTHESIS=1"), ("SDC_FILE", "constraints.sdc")} <= set(assignments)


def test_constraints_name_the_clock_and_never_ask_for_less_than_was_wished(build: Build, tmp_path: Path, tool: VendorTool) -> None:
    out = written(build, tmp_path, tool, clock_mhz=300.0)
    (constraints,) = [*out.glob("*.xdc"), *out.glob("*.sdc")]
    assert words_of(record(constraints), "create_clock") == [("-name", "aclk", "-period", "3.333", "answer")]


def test_the_top_is_the_build_s_but_for_the_bare_names_of_memories(build: Build, tmp_path: Path, tool: VendorTool) -> None:
    out = written(build, tmp_path, tool)
    ours, verified = (parse_netlist((f / "hwgen_top.v").read_text()) for f in (out / "src", build.folder / "rtl"))
    assert (ours.ports, ours.nets) == (verified.ports, verified.nets)
    for one, other in zip(ours.instances, verified.instances, strict=True):
        assert (one.module, one.name, one.connections) == (other.module, other.name, other.connections)
        assert one.parameters == tuple((k, v.removeprefix("mem/") if isinstance(v, str) else v) for k, v in other.parameters)
    named = [v for one in ours.instances for _, v in one.parameters if isinstance(v, str)]
    assert sorted(file_names(out / "src", named)) == memories_of(build)
    for name in memories_of(build):
        assert (out / "src" / name).read_bytes() == (build.folder / "mem" / name).read_bytes()


def test_same_build_gives_same_bytes(build: Build, tmp_path: Path, tool: VendorTool) -> None:
    one, other = written(build, tmp_path / "one", tool), written(build, tmp_path / "other", tool)
    names = [sorted(str(f.relative_to(out)) for f in out.rglob("*") if f.is_file()) for out in (one, other)]
    assert names[0] == names[1]
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names[0])


def test_no_name_of_the_model_and_no_path_appears(build: Build, tmp_path: Path, tool: VendorTool) -> None:
    out = written(build, tmp_path, tool)
    text = "".join(f.read_text() for f in out.rglob("*") if f.is_file())
    foreign = [FOREIGN, str(tmp_path), str(build.folder), *(s.path for s in build.manifest.stages), "a build", "$mine"]
    assert not [name for name in foreign if name in text]


@pytest.mark.parametrize("part", ["", "xcku5p; exec rm", "xcku5p-ffvb676-2-e\n", "[exec]", "xc7$part-1", "../xc7z020-1", "a" * 200])
def test_a_part_that_is_no_part_is_refused_and_nothing_written(build: Build, tmp_path: Path, tool: VendorTool, part: str) -> None:
    with pytest.raises(HwgenError, match="no name of a device"):
        write_vendor_project(build, tmp_path / "out", tool, part, 100.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("clock_mhz", [0.0, -1.0, float("nan"), float("inf"), 1e9, 1e-9])
def test_a_clock_that_is_none_is_refused(build: Build, tmp_path: Path, tool: VendorTool, clock_mhz: float) -> None:
    with pytest.raises(HwgenError, match="MHz"):
        write_vendor_project(build, tmp_path / "out", tool, PARTS[tool], clock_mhz)


def test_only_a_project_of_ours_is_replaced(build: Build, tmp_path: Path, tool: VendorTool) -> None:
    out = written(build, tmp_path, tool)
    (out / "left.txt").write_text("from before")
    written(build, tmp_path, tool)
    assert (out / RECORD).is_file() and not (out / "left.txt").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("mine")
    with pytest.raises(HwgenError, match="no build of hwgen"):
        write_vendor_project(build, other, tool, PARTS[tool], 100.0)


@pytest.mark.parametrize("name", ["a;exit.sv", "[exit].sv", "$env(HOME).sv", "../../outside.sv"])
def test_a_build_with_a_foreign_source_gives_no_project(build: Build, tmp_path: Path, tool: VendorTool, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(build.folder, copy)
    (copy / "rtl" / name).write_text("module other; endmodule\n")
    sources = f"rtl/{name}\nrtl/hwgen_top.v\n"
    (copy / "filelist.f").write_text(sources)
    files = {**build.manifest.files, "filelist.f": hashlib.sha256(sources.encode()).hexdigest()}
    (copy / "manifest.json").write_text(build.manifest.model_copy(update={"files": files}).model_dump_json())
    with pytest.raises(HwgenError):
        write_vendor_project(Build(copy), tmp_path / "out", tool, PARTS[tool], 100.0)
    assert not (tmp_path / "out").exists()
