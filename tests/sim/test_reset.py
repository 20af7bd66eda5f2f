"""Reset and start: from any state and after a reset at any cycle the inferences are right, and a lost reset is found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from networks import mlp

from hwgen.dataflow.cycles import size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan
from hwgen.flow import BuildOptions, lower
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.compare import differing, native_model, verify
from hwgen.sim.native_runner import ALL_TRAFFIC, FULL_RATE, Recording, Resets
from hwgen.sim.reference import reference
from hwgen.sim.samples import draw
from hwgen.sim.trials import Trial, idle_limit, starts


def built(folder: Path) -> Build:
    """Two layers and an argmax, with a width converter between them and requantizers of one function a channel."""
    graph = lower(mlp((7, 9, 5), 5), BuildOptions(argmax=True)).graph
    flow = size_fifos(plan(graph, from_text(graph, "3x2")))
    emit(graph, flow, folder, source_sha256="", values=evaluate(graph, draw(flow, 16, 0)))
    return Build(folder)


def recordings(build: Build, trials: list[Trial], samples: int = 4) -> list[tuple[Trial, bool, Recording]]:
    """Each trial, whether a bit or a handshake was wrong in it, and all of it."""
    wanted = reference(build.graph, build.flow, draw(build.flow, samples, 3))
    model = native_model(build)
    found: list[tuple[Trial, bool, Recording]] = []
    for trial in trials:
        recording = trial.run(model, wanted.inputs, idle_limit(build.flow))
        found.append((trial, bool(differing(recording, wanted.outputs, build.flow)[0].any()), recording))
    return found


def test_thousands_of_resets_under_all_traffic_leave_nothing_behind(tmp_path: Path, seed: int) -> None:
    build = built(tmp_path / "b")
    resets = Resets(1000, 120)
    trials = [Trial(seed + number, traffic, resets) for number, traffic in enumerate(ALL_TRAFFIC)]
    for trial, wrong, recording in recordings(build, trials):
        assert not wrong, trial.says(recording)
        assert len(recording.cut) == resets.count
        lengths = {len(run) for (run,) in recording.cut}
        assert 0 in lengths, "no reset came before the first result"
        assert len(lengths) > 2 or trial.traffic.name.startswith("sparse"), "the resets came at the same cycles"


def test_every_run_of_a_design_is_compared(tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    ((_, wrong, recording),) = recordings(build, [Trial(1, FULL_RATE, Resets(50, 120))])
    assert not wrong
    expected = reference(build.graph, build.flow, draw(build.flow, 4, 3)).outputs
    at, run = next((at, run) for at, (run,) in enumerate(recording.cut) if len(run))
    run = run.copy()
    run[-1, 0] ^= 1
    spoilt = (*recording.cut[:at], (run,), *recording.cut[at + 1 :])
    bad, (got,) = differing(replace(recording, cut=spoilt), expected, build.flow)
    sample = (len(run) - 1) // recording.beats[0].shape[1]
    assert bad.nonzero()[0].tolist() == [sample]
    assert (got[sample] != expected[0][sample]).any()


@pytest.mark.parametrize(
    ("template", "register", "says"),
    [
        ("hg_matvec", "block_q", ""),
        ("hg_width_converter", "in_beat_q", ""),
        ("hg_stream_fifo", "count_q", "tvalid is high in reset"),
        ("hg_axis_in", "error_q", "tlast or the number of beats is wrong at s_axis"),
    ],
)
def test_a_register_without_its_reset_is_found(template: str, register: str, says: str, tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    path = build.folder / "rtl" / f"{template}.sv"
    text, count = re.subn(rf"\b({register})(\s*)<= (?:'0|1'b[01]);", r"\1\2<= \1;", path.read_text(), count=1)
    assert count == 1, f"{template} resets no {register}"
    path.write_text(text)
    found = [(trial.says(recording), wrong) for trial, wrong, recording in recordings(build, list(starts(build.flow, 3)))]
    assert any(wrong and says in text for text, wrong in found), found


def test_a_reset_that_works_once_is_named_and_fails_again(tmp_path: Path) -> None:
    build = built(tmp_path / "b")
    path = build.folder / "rtl" / "hg_reset.sv"
    working, once = "rst_q <= !aresetn_i;", "rst_q <= !aresetn_i && rst_q;"
    assert working in path.read_text()
    path.write_text(path.read_text().replace(working, once))
    result = verify(build, draw(build.flow, 12, 3), seed=3)
    assert result.first_difference is not None
    assert "3 resets from initial state" in result.first_difference.traffic
    case = json.loads((build.folder / "failure" / "reproduce.json").read_text())
    codes = np.load(build.folder / "failure" / "codes.npy", allow_pickle=False)
    assert verify(build, codes, seed=case["seed"]).first_difference == result.first_difference
