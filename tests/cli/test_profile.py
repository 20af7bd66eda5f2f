"""``hwgen profile``: what it writes builds as it is, and bad data and usage are refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.data import read_dataset
from hwgen.flow import import_model, lower
from hwgen.ir.text import print_graph
from hwgen.profile.exact import real_outputs
from tests.cli.support import Hwgen, write_mlp


@pytest.fixture
def data(mlp: Path, tmp_path: Path) -> Path:
    """Inputs, and the decisions of the network itself, some of them changed."""
    path, rng = tmp_path / "data.npz", np.random.default_rng(5)
    x = rng.normal(0, 1, (300, 6)).astype(np.float32)
    np.savez(path, x=x, y=np.zeros(300, np.int64))
    graph = import_model(mlp)
    (scores,) = real_outputs(graph, read_dataset(path, graph))
    np.savez(path, x=x, y=np.where(rng.random(300) < 0.1, rng.integers(0, 3, 300), scores.argmax(axis=1)))
    return path


def test_a_proposal_is_written_and_gives_what_the_profile_said(hwgen: Hwgen, mlp: Path, data: Path, tmp_path: Path) -> None:
    done = hwgen("profile", mlp, "--data", data, "--max-loss", "0.03", "--write-config", "types.toml", "--out", "p.html", "--json")
    assert done.code in (0, 1), done.err
    found = done.record
    proposal, metric = found["proposal"], found["metric"]
    assert proposal["holds"] == (done.code == 0) and proposal["chosen"]["loss"] <= 0.03
    assert proposal["bits"] == sum(t["bits"] for t in proposal["types"]) == proposal["weight_bits"] + proposal["value_bits"]
    parameters = {(layer, role) for layer in ("fc1", "fc2") for role in ("weight", "bias")}
    assert {(t["layer"], t["role"]) for t in proposal["types"]} == {*parameters, *((v, "output") for v in ("x", "act1", "fc2"))}
    assert metric["name"] == "accuracy" and len(found["values"]) == 8 and found["divergence"]["values"][0]["value"] == "x"
    quantized = hwgen("quantize", mlp, "--config", "types.toml", "--data", data, "--json")
    assert quantized.code == 0, quantized.err
    judged = quantized.record["metric"]
    assert (judged["exact"], judged["float"]) == (metric["hardware"]["value"], metric["float"])
    assert (tmp_path / "p.html").read_text().startswith("<!doctype html>")


def test_given_types_are_looked_at(hwgen: Hwgen, mlp: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[default]\nall = "fixed<4,1>"\n')
    (tmp_path / "mine.yml").write_text("Model:\n  Precision: ap_fixed<4,1,AP_RND_CONV,AP_SAT>\n")
    one = hwgen("profile", mlp, "--data", data, "--config", "mine.toml", "--json")
    other = hwgen("profile", mlp, "--data", data, "--hls4ml-config", "mine.yml", "--json")
    assert one.code == other.code == 0, one.err + other.err
    assert one.record["proposal"] is None and {c["format"] for c in one.record["checks"]} == {"fixed<4,1>"}
    clipped = {c["value"]: c["overflow"] for c in one.record["checks"]}
    assert clipped["x"] > 50 and clipped == {c["value"]: c["overflow"] for c in other.record["checks"]}
    shown = hwgen("profile", mlp, "--data", data, "--config", "mine.toml")
    assert "overflow" in shown.out and "decisions that differ" in shown.out and "accuracy of the hardware" in shown.out


def test_what_the_host_computes_gets_no_type(hwgen: Hwgen, data: Path, tmp_path: Path) -> None:
    model = write_mlp(tmp_path / "soft.onnx", last="Softmax")
    found = hwgen("profile", model, "--data", data, "--snr", "25", "--json").record
    assert [t["layer"] for t in found["proposal"]["types"] if t["role"] == "output"] == ["x", "act1", "fc2"]
    assert len(found["checks"]) == 7


def test_without_targets_a_ratio_of_signal_to_noise_is_kept(hwgen: Hwgen, mlp: Path, data: Path) -> None:
    np.savez(data, x=np.load(data)["x"])
    found = hwgen("profile", mlp, "--data", data, "--json").record
    assert found["proposal"]["snr_db"] == 30.0 and found["proposal"]["holds"] and found["metric"] is None
    assert min(c["snr_db"] for c in found["checks"] if c["role"] in ("weight", "bias", "input")) >= 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metric", "acuracy"), "did you mean accuracy?"),
        (("--snr", "20", "--max-loss", "0.1"), "--snr: given together with --max-loss"),
        (("--config", "types.toml", "--snr", "20"), "--snr: given together with types to look at"),
        (("--config", "types.toml", "--hls4ml-config", "t.yml"), "--config: given together with --hls4ml-config"),
        (("--config", "empty.toml"), "config 'empty.toml': gives no formats"),
        (("--no-propose", "--write-config", "o.toml"), "--write-config: given without a proposal"),
        (("--samples", "5"), "5 samples say little about a loss of accuracy"),
        (("--overflow", "-1"), "--overflow: -1 is not from 0"),
    ],
)
def test_usage_that_makes_no_sense_is_refused(
    hwgen: Hwgen, mlp: Path, data: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "types.toml").write_text('[default]\nall = "fixed<4,1>"\n')
    (tmp_path / "empty.toml").write_text("[build]\nseed = 1\n")
    done = hwgen("profile", mlp, "--data", data, *arguments)
    assert done.code == 2 and message in done.err and not done.out


def test_integers_are_refused_by_name(hwgen: Hwgen, mlp: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "codes.hwg").write_text(print_graph(lower(import_model(mlp)).graph))
    np.savez(data, x=np.zeros((30, 6)))
    done = hwgen("profile", "codes.hwg", "--data", data)
    assert done.code == 2 and "input 'x': comes in as codes" in done.err


def test_bad_data_are_refused_by_name(hwgen: Hwgen, tmp_path: Path) -> None:
    model, path, x = write_mlp(tmp_path / "m.onnx"), tmp_path / "d.npz", np.zeros((30, 6))
    x[7, 2] = np.nan
    for arrays, message in (
        ({"x": x}, "holds nan at sample 7, element 2"), ({"x": np.zeros((30, 5))}, "has shape (30, 5); give (samples, 6)"),
        ({"x": np.zeros((30, 6)), "y": np.zeros(29)}, "29"), ({"z": np.zeros((30, 6))}, "is no input of the model"),
    ):
        np.savez(path, **arrays)
        done = hwgen("profile", model, "--data", path)
        assert done.code == 2 and message in done.err and "d.npz" in done.err
