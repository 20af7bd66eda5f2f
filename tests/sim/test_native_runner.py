"""The native runner: it agrees on right hardware, and it turns red, at the right place, on wrong hardware."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from networks import mlp

from hwgen.dataflow.cycles import predict, size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan, with_depths
from hwgen.flow import lower
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.compare import Verification, verify
from hwgen.sim.samples import draw


def built(folder: Path, *, parallelism: str = "3x2", fifo_depth: int | None = None) -> Build:
    graph = lower(mlp((7, 9, 6, 4), 5)).graph
    flow = size_fifos(plan(graph, from_text(graph, parallelism)))
    if fifo_depth is not None:
        flow = with_depths(flow, {stage.name: fifo_depth for stage in flow.stages})
    codes = draw(flow, 16, 0)
    emit(graph, flow, folder, source_sha256="", values=evaluate(graph, codes))
    return Build(folder)


def run(build: Build, samples: int = 60) -> Verification:
    return verify(build, draw(build.flow, samples, 3), seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("parallelism", ["1x1", "3x2", "2x5", "full"])
def test_right_hardware_agrees_and_takes_the_predicted_cycles(parallelism: str, tmp_path: Path) -> None:
    build = built(tmp_path / "b", parallelism=parallelism)
    result = run(build)
    assert (result.mismatches, result.first_difference) == (0, None)
    assert result.performance == predict(build.flow)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_shallow_fifos_cost_the_predicted_cycles_and_no_bits(depth: int, tmp_path: Path) -> None:
    build = built(tmp_path / "b", fifo_depth=depth)
    result = run(build)
    assert result.mismatches == 0
    assert result.performance == predict(build.flow)


@pytest.mark.parametrize(("stage", "layer"), [(0, "fc1"), (1, "fc2"), (2, "fc3")])
def test_a_flipped_weight_bit_is_found_in_its_layer(stage: int, layer: str, tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    memory = build.folder / "mem" / f"s{stage}_matvec_weight.mem"
    lines = memory.read_text().splitlines()
    lines[0] = lines[0][:-1] + f"{int(lines[0][-1], 16) ^ 1:x}"
    memory.write_text("\n".join(lines) + "\n")
    result = run(build)
    assert result.mismatches > 0
    assert result.first_difference is not None
    assert result.first_difference.layer == layer
    assert result.first_difference.got != result.first_difference.expected


def test_a_failure_leaves_a_case_that_fails_again(tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    memory = build.folder / "mem" / "s1_matvec_weight.mem"
    memory.write_text(memory.read_text().replace("1", "2"))
    assert run(build).mismatches > 0
    case = json.loads((build.folder / "failure" / "reproduce.json").read_text())
    codes = np.load(build.folder / "failure" / "codes.npy", allow_pickle=False)
    again = verify(build, codes, seed=case["seed"])
    assert again.mismatches > 0
    assert again.first_difference is not None
    assert (again.first_difference.layer, again.first_difference.element) == (case["layer"], case["element"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("hg_accumulator.sv", "in_first_i", "in_last_i"),
        ("hg_matvec.sv", "room_i", "1'b1"),
        ("hg_requant_scale_lane.sv", ">>>", ">>> 1 >>>"),
        ("hg_width_converter.sv", "in_unit = in_data_i", "in_unit = ~in_data_i"),
    ],
)
def test_a_mutation_of_the_rtl_is_found(file: str, old: str, new: str, tmp_path: Path) -> None:
    from hwgen.errors import HwgenFailure

    build = built(tmp_path / "b")
    path = build.folder / "rtl" / file
    head, arrow, body = path.read_text().partition(");\n")
    assert old in body, f"{file} has no {old}"
    path.write_text(head + arrow + body.replace(old, new))
    try:
        result = run(build)
    except HwgenFailure:
        return  # Verilator or an assertion of the template refused it: red as well
    assert result.mismatches > 0


def test_a_missing_memory_file_stops_the_simulation(tmp_path: Path) -> None:
    from hwgen.errors import HwgenFailure

    build = built(tmp_path / "b")
    (build.folder / "mem" / "s0_matvec_weight.mem").unlink()
    with pytest.raises(HwgenFailure):
        run(build)


def test_the_slowest_layer_is_busy_all_the_time(tmp_path: Path) -> None:
    result = run(built(tmp_path / "b", parallelism="fc1=7x3,fc2=3x3,fc3=6x4"), samples=100)
    assert result.multiplier_utilization is not None
    assert result.multiplier_utilization >= 0.95
