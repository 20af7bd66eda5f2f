"""Networks of branches with several inputs and outputs: right ones agree, wrong ones are placed, stopped ones say what waits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from branching import branching

from hwgen.dataflow.cycles import least_fifos, predict, size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan, with_depths
from hwgen.dataflow.stage import Buffer
from hwgen.errors import HwgenError
from hwgen.ops.run import evaluate, host_outputs
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.cocotb_runner import run_cocotb
from hwgen.sim.compare import Verification, verify
from hwgen.sim.samples import draw


def built(folder: Path, *, parallelism: str = "2x3", least: bool = False) -> Build:
    graph = branching(7)
    flow = size_fifos(plan(graph, from_text(graph, parallelism)))
    if least:  # what the branches must hold, their own FIFOs hold
        deep = {e.name: 64 for e in flow.elements if isinstance(e, Buffer)}
        flow = least_fifos(with_depths(flow, deep | {s.name: 1 for s in flow.stages if s.piped}))
    emit(graph, flow, folder, source_sha256="", values=evaluate(graph, draw(flow, 4, 0)))
    return Build(folder)


def run(build: Build, samples: int = 20) -> Verification:
    return verify(build, draw(build.flow, samples, 3), seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("parallelism", ["1x1", "2x3", "full"])
def test_every_output_agrees_in_the_predicted_cycles(parallelism: str, tmp_path: Path) -> None:
    build = built(tmp_path / "b", parallelism=parallelism)
    result = run(build)
    assert (result.mismatches, result.first_difference) == (0, None)
    assert result.performance == predict(build.flow) == build.manifest.predicted
    codes = {s.value: array for s, array in zip(build.flow.outputs, result.outputs, strict=True)}
    graph = build.graph
    expected = evaluate(graph, draw(build.flow, 20, 3), graph.outputs)
    for value, got in zip(graph.outputs, host_outputs(graph, codes), strict=True):
        assert np.array_equal(got, expected[value])


@pytest.mark.slow
def test_the_least_fifos_lose_nothing(tmp_path: Path) -> None:
    assert run(built(tmp_path / "b", least=True)).mismatches == 0


@pytest.mark.slow
def test_a_place_less_on_a_branch_stops_and_names_who_waits(tmp_path: Path) -> None:
    build = built(tmp_path / "b", least=True)
    deepest = max((e for e in build.flow.elements if isinstance(e, Buffer)), key=lambda e: e.depth)
    assert deepest.depth > 1
    top = build.folder / "rtl" / "hwgen_top.v"
    before, name, after = top.read_text().partition(f" u_{deepest.name}\n")
    head, _, tail = before.rpartition(f".Depth({deepest.depth})")
    assert name and head and ";" not in tail
    top.write_text(f"{head}.Depth({deepest.depth - 1}){tail}{name}{after}")
    result = run(build)
    assert result.mismatches == 20
    assert result.first_difference is not None and result.first_difference.got is None
    said = str(result.first_difference)
    assert f"the fork of 'image.order.y' offers 'image.order.y' to the FIFO of {deepest.depth}" in said
    assert "layer 'add' waits for 'conv1.y'" in said
    assert json.loads((build.folder / "failure" / "reproduce.json").read_text())["waits"]


@pytest.mark.parametrize(("stage", "layer"), [(0, "conv1"), (1, "skip"), (4, "conv2")])
def test_a_flipped_weight_bit_is_found_in_its_branch(stage: int, layer: str, tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    file = build.folder / "mem" / f"s{stage}_matvec_weight.mem"
    first, *rest = file.read_text().splitlines()
    file.write_text("\n".join([f"{int(first, 16) ^ 1:0{len(first)}x}", *rest, ""]))
    result = run(build)
    assert result.mismatches > 0 and result.first_difference is not None
    assert result.first_difference.layer == layer
    case = json.loads((build.folder / "failure" / "reproduce.json").read_text())
    codes = [np.load(build.folder / "failure" / "codes" / f"{k}.npy", allow_pickle=False) for k in range(2)]
    assert verify(build, codes, seed=case["seed"]).first_difference == result.first_difference


@pytest.mark.slow
def test_cocotb_agrees_at_every_stream(tmp_path: Path, seed: int) -> None:
    result = run_cocotb(built(tmp_path / "b"), samples=12, seed=seed)
    assert result.failures == ()


def test_a_build_plans_what_its_manifest_says(tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    image, map_ = build.manifest.inputs
    assert (image.name, image.port, image.shape, image.device_shape) == ("image", "s_axis_0", (1, 2, 6, 5), (1, 6, 5, 2))
    assert (image.dims, image.order) == ((1, 2, 6, 5), (0, 2, 3, 1))
    assert (map_.port, map_.dims, map_.order) == ("s_axis_1", (1, 6, 5, 4), (0, 1, 2, 3))
    assert [o.port for o in build.manifest.outputs] == ["m_axis_0", "m_axis_1"]
    path = build.folder / "manifest.json"
    said = json.loads(path.read_text())
    assert said["buffers"]
    for spoilt in (
        {**said, "buffers": said["buffers"][1:]},
        {**said, "buffers": [{**said["buffers"][0], "depth": 0}, *said["buffers"][1:]]},
        {**said, "stages": [{**s, "parallelism": "2x9" if s["parallelism"] else None} for s in said["stages"]]},
    ):
        path.write_text(json.dumps(spoilt))
        with pytest.raises(HwgenError, match="build again"):
            Build(build.folder)


def test_data_that_does_not_fit_the_inputs_is_refused(tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    codes = draw(build.flow, 3, 0)
    image, map_ = codes["image"], codes["map"]
    for wrong in (image, {"image": image}, {"image": image, "map": map_[:2]}, {"image": image, "map": map_ + 90}):
        with pytest.raises(HwgenError, match="--codes"):
            verify(build, wrong, seed=0)
