"""hwgen.sim.cocotb_runner: whole designs under random traffic, and what is said of one that is wrong."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwgen import resources
from hwgen.dataflow.cycles import size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import integer_format, plan
from hwgen.errors import HwgenError
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.ops.matvec import MatvecAttrs
from hwgen.ops.run import evaluate
from hwgen.pipeline import run
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.cocotb_runner import input_codes, run_cocotb
from passes import (
    ArgmaxOnChip,
    AssignInputFormat,
    AssignPrecision,
    FoldBatchNorm,
    FoldConstants,
    FoldScalarArithmetic,
    Lower,
)


@dataclass(frozen=True)
class Network:
    """Dense layers.  sizes: of the input and of each layer.  activation: ONNX operator behind all but the last.

    before: an operator between the input and the first layer.
    """

    sizes: tuple[int, ...]
    activation: str = "Relu"
    input_format: str = "fixed<6,3>"
    precision: str = "fixed<5,2>"
    parallelism: str = "3x5"
    argmax: bool = False
    before: str | None = None

    def write(self, path: Path, seed: int) -> None:
        rng = np.random.default_rng(seed)
        nodes, initializers, value = [], [], "x"
        if self.before is not None:
            nodes.append(helper.make_node(self.before, ["x"], ["before"], name="before"))
            value = "before"
        for k, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False), start=1):
            weight, bias = rng.normal(0, 0.7, (outputs, inputs)), rng.normal(0, 0.5, outputs)
            initializers += [
                numpy_helper.from_array(weight.astype(np.float32), f"w{k}"),
                numpy_helper.from_array(bias.astype(np.float32), f"b{k}"),
            ]
            nodes.append(helper.make_node("Gemm", [value, f"w{k}", f"b{k}"], [f"y{k}"], name=f"fc{k}", transB=1))
            value = f"y{k}"
            if k < len(self.sizes) - 1:
                nodes.append(helper.make_node(self.activation, [value], [f"a{k}"], name=f"act{k}"))
                value = f"a{k}"
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, self.sizes[0]])],
            [helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, self.sizes[-1]])],
            initializers,
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)

    def build(self, folder: Path, seed: int = 1) -> Build:
        path = folder / "network.onnx"
        self.write(path, seed)
        passes = [
            FoldConstants(),
            FoldScalarArithmetic(),
            FoldBatchNorm(),
            AssignInputFormat(self.input_format),
            *([ArgmaxOnChip()] if self.argmax else []),
            AssignPrecision(self.precision),
            FoldConstants(),
            Lower(),
        ]
        graph, _ = run(read_onnx(path).require(), passes)
        flow = size_fifos(plan(graph, from_text(graph, self.parallelism)))
        codes = input_codes(flow, 4, seed)
        out = folder / "build"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        emit(graph, flow, out, source_sha256=digest, values=evaluate(graph, codes))
        return Build(out)


TESTS = 5
"""Cocotb tests of a design."""
SMALL = Network((5, 4, 3), input_format="binary", parallelism="2x3")
DEEP = Network((16, 32, 16, 7))
DESIGNS = {
    "three_layers": DEEP,
    "bipolar_input": Network((13, 11, 4), input_format="binary", parallelism="4x3"),
    "argmax_in_the_last_stage": Network((7, 9, 5), argmax=True),
    "argmax_over_beats": Network((7, 9, 11), argmax=True, parallelism="2x3"),
    "thresholds": Network((10, 12, 3), precision="fixed<2,1>"),
    "bipolar_weights_and_activations": Network((10, 12, 3), input_format="binary", precision="binary"),
    "ternary": Network((10, 7, 3), precision="ternary"),
    "tables": Network((9, 8, 6), activation="Tanh", precision="fixed<6,2>"),
    "table_first": Network((9, 8, 6), activation="Sigmoid", before="Tanh", parallelism="4x4"),
    "one_multiplier_a_layer": Network((4, 3, 2), parallelism="1x1"),
    "unrolled": Network((6, 5, 4), parallelism="full"),
    "one_element": Network((1, 1), parallelism="1x1"),
}


def test_small_design_is_right(tmp_path: Path) -> None:
    result = run_cocotb(SMALL.build(tmp_path), samples=10, seed=5)
    assert (result.samples, result.passed, result.failures) == (10, TESTS, ())


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_design_is_right(name: str, tmp_path: Path, seed: int) -> None:
    result = run_cocotb(DESIGNS[name].build(tmp_path, seed), samples=50, seed=seed)
    assert (result.passed, result.failures) == (TESTS, ())


# --- designs that are wrong -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutation:
    """file: of the build.  old, new: text there, once.  says: what some failure holds.  silent: what none may hold."""

    file: str
    old: str
    new: str
    says: str
    silent: str = "no failure may hold this"


MUTATIONS = {
    "sign_extension_dropped": Mutation(
        "rtl/hg_accumulator.sv",
        "AccWidth'($signed(in_data_i[l]))",
        "AccWidth'(in_data_i[l])",
        "layer 'fc2', matvec, value 'y2.acc",
        "'fc1'",  # whose accumulator is no wider than a sum
    ),
    "lanes_swapped": Mutation(
        "rtl/hwgen_top.v",
        ".in_data_i(c0_out_data),",
        ".in_data_i({c0_out_data[7:4], c0_out_data[11:8], c0_out_data[3:0]}),",
        "layer 'fc2', matvec, value 'y2.acc",
        "'fc1'",
    ),
    "bus_not_sign_extended": Mutation(
        "rtl/hwgen_top.v", ".SignExtend(1)", ".SignExtend(0)", "layer 'fc3', output, value 'y3", "matvec"
    ),
    "valid_falls": Mutation(
        "rtl/hg_stream_fifo.sv",
        "out_valid_o = count_q != '0;",
        "out_valid_o = count_q != '0 && !in_valid_i;",
        "stream, value 'y3.accumulator' (s2_out): valid fell",
    ),
    "tlast_on_the_first_beat": Mutation(
        "rtl/hg_axis_out.sv", "beat_q == BeatWidth'(Beats - 1)", "beat_q == '0", "m_axis_tlast is 1 at beat 0 of 2"
    ),
    "framing_error_silent": Mutation(
        "rtl/hg_axis_in.sv", "error_q <= 1'b1", "error_q <= 1'b0", "misplaced_tlast_is_reported_until_reset: tlast of beat"
    ),
    "counter_not_reset": Mutation(
        "rtl/hg_axis_out.sv", "if (rst_i) ", "if (1'b0 && rst_i) ", "reset_in_the_middle_leaves_nothing_behind: m_axis_tlast"
    ),
    "a_register_more": Mutation(
        "rtl/hg_matvec.sv", ".TreeLevelsPerStage(TreeLevelsPerStage)", ".TreeLevelsPerStage(1)", "latency is", "layer"
    ),
    "fifo_too_small": Mutation("rtl/hwgen_top.v", ".Depth(7)", ".Depth(3)", "interval is"),
    "fifo_overflows": Mutation("rtl/hwgen_top.v", ".room_i(s1_room)", ".room_i(1'b1)", "layer 'fc2': the simulator stopped"),
    "no_room_ever": Mutation("rtl/hwgen_top.v", ".room_i(s1_room)", ".room_i(1'b0)", "layer 'fc2', matvec, value 'y2.acc"),
}


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return DEEP.build(tmp_path_factory.mktemp("deep")).folder


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_one_changed_line_is_found_and_placed(name: str, deep: Path, tmp_path: Path) -> None:
    mutation, folder = MUTATIONS[name], tmp_path / "build"
    shutil.copytree(deep, folder, symlinks=True)
    text = (folder / mutation.file).read_text()
    assert text.count(mutation.old) == 1
    (folder / mutation.file).write_text(text.replace(mutation.old, mutation.new))
    failures = run_cocotb(Build(folder), samples=21, seed=7).failures
    assert any(mutation.says in said for said in failures), failures
    assert not any(mutation.silent in said for said in failures), failures


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "bit", "layer"),
    [
        ("s0_matvec_weight", 4, "layer 'fc1', matvec, value 'y1.accumulator'"),
        ("s0_requant_scale1", 3, "layer 'fc1', requant_scale, value 'a1.q'"),
        ("s1_matvec_weight", 0, "layer 'fc2', matvec, value 'y2.accumulator'"),
        ("s2_matvec_weight", 0, "layer 'fc3', matvec, value 'y3.accumulator'"),
    ],
)
def test_one_changed_bit_of_a_memory_is_found_and_placed(file: str, bit: int, layer: str, deep: Path, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    shutil.copytree(deep, folder, symlinks=True)
    memory = folder / "mem" / f"{file}.mem"
    first, *rest = memory.read_text().splitlines()
    memory.write_text("\n".join([f"{int(first, 16) ^ 1 << bit:0{len(first)}x}", *rest, ""]))
    failures = run_cocotb(Build(folder), samples=21, seed=7).failures
    assert layer in failures[0] and "element 0: expected" in failures[0], failures
    assert not any(other in said for said in failures for other in {"'fc1'", "'fc2'", "'fc3'"} - {layer[6:11]}), failures


# --- the runner -------------------------------------------------------------------------------------------------------


def test_inputs_hold_the_extremes_and_reach_an_accumulator_s_ends(tmp_path: Path) -> None:
    build = DEEP.build(tmp_path)
    (codes,) = input_codes(build.flow, 12, 3).values()
    format_, attrs = integer_format(build.flow.inputs[0].value), build.flow.stages[0].node.attrs
    assert (codes[0] == format_.low).all() and (codes[1] == format_.high).all()
    assert len(np.unique(codes[6:])) > 20
    assert isinstance(attrs, MatvecAttrs)
    row = attrs.weight[np.abs(attrs.weight).sum(axis=1).argmax()]
    sums = codes.reshape(12, -1) @ row
    ends = [np.where(row > 0, *pair) @ row for pair in ((format_.low, format_.high), (format_.high, format_.low))]
    assert [sums.min(), sums.max()] == ends


def test_missing_cocotb_is_told_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, find = SMALL.build(tmp_path), importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "cocotb" else find(name, *rest))
    with pytest.raises(HwgenError, match=r"cocotb: is not installed; install it with `pip install hwgen\[sim\]`"):
        run_cocotb(build, samples=1, seed=1)


@pytest.mark.slow
def test_make_takes_a_build_directory(tmp_path: Path) -> None:
    build = SMALL.build(tmp_path)

    def make() -> subprocess.CompletedProcess[str]:
        command = [
            "make",
            "-C",
            str(resources.testbenches()),
            f"DESIGN={build.folder}",
            f"PYTHON={sys.executable}",
            "SAMPLES=9",
            "WAVES=1",
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good = make()
    assert good.returncode == 0 and "1 passed" in good.stdout, good.stdout + good.stderr
    assert (build.folder / "cocotb" / "dump.vcd").stat().st_size > 1000
    memory = build.folder / "mem" / "s1_matvec_weight.mem"
    memory.write_text(memory.read_text()[::-1].lstrip() + "\n")
    bad = make()
    assert bad.returncode != 0 and "layer 'fc2', matvec" in bad.stdout, bad.stdout + bad.stderr
