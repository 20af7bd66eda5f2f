"""Quantization after training as a whole: better integers than formats alone give, and the user's own ranges kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.ir.graph import Graph
from hwgen.ir.text import print_graph
from hwgen.metrics import METRICS
from hwgen.profile.exact import exact_outputs
from tests.calibration.trained import CALIBRATION, TEST, output, trained
from tests.cli.support import Hwgen

pytest.importorskip("torch")
pytest.importorskip("brevitas")

from hwgen.post_training import PostTraining, quantize_after_training

FORMATS = BuildOptions(precision="fixed<4,2>")
ALL = PostTraining("mse", equalize=True, round_weights=True, correct_biases=True)


def exact_distance(graph: Graph, options: BuildOptions | None = None) -> float:
    """Mean square difference of the integers' outputs from those in float."""
    return METRICS["mse"](exact_outputs(lower(graph, options), TEST), output(trained(), TEST))


def test_integers_come_nearer_to_the_floats_than_by_ranges_from_extremes_alone() -> None:
    extremes = replace(FORMATS, calibration=CALIBRATION.inputs["x"])
    graph, infos = quantize_after_training(trained(), FORMATS, ALL, CALIBRATION)
    assert {"equalize-layers", "calibrate-ranges", "round-weights", "correct-biases"} <= {i.name for i in infos}
    assert exact_distance(graph) < exact_distance(trained(), extremes) / 2


def test_the_input_keeps_the_format_that_was_asked_for() -> None:
    options = BuildOptions(precision="fixed<4,2>", input_format="fixed<9,5>")
    graph, _ = quantize_after_training(trained(), options, PostTraining("mse"), CALIBRATION)
    assert str(next(n for n in graph.nodes if n.op == "quantize").output.type.format) == "fixed<9,5>"


def test_what_lacks_data_or_a_method_is_refused() -> None:
    with pytest.raises(HwgenError, match="--round: needs data"):
        quantize_after_training(trained(), FORMATS, PostTraining(round_weights=True), None)
    with pytest.raises(HwgenError, match="given without --method"):
        PostTraining(power_of_two_scales=True)


def test_the_command_takes_the_same_steps(tmp_path: Path, hwgen: Hwgen) -> None:
    (tmp_path / "net.hwg").write_text(print_graph(trained()))
    np.savez(tmp_path / "seen.npz", x=CALIBRATION.inputs["x"], y=CALIBRATION.targets)
    np.savez(tmp_path / "test.npz", x=TEST.inputs["x"], y=output(trained(), TEST))
    asked = ("quantize", "net.hwg", "--precision", "fixed<4,2>", "--data", "test.npz", "--metric", "mse", "--json")
    steps = ("--calibration", "seen.npz", "--method", "mse", "--equalize", "--round", "--bias-correction")
    plain, whole = hwgen(*asked), hwgen(*asked, *steps)
    assert plain.code == whole.code == 0, whole.err
    graph, _ = quantize_after_training(trained(), FORMATS, ALL, CALIBRATION)
    assert whole.record["metric"]["exact"] == exact_distance(graph) < plain.record["metric"]["exact"]
    checked = hwgen("quantize", whole.record["file"], "--data", "test.npz", "--metric", "mse", "--json")
    assert checked.record["metric"]["exact"] == whole.record["metric"]["exact"]
    wrong = hwgen(*asked, "--method", "mode")
    assert wrong.code == 2 and "'mode' is not known" in wrong.err
