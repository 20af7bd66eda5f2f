"""``hwgen quantize``: the formats of a configuration in a model, what it is then worth, and the same for hls4ml."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hwgen.config import read_config
from hwgen.flow import BuildOptions, build, import_model, lower
from hwgen.ir.text import print_graph
from hwgen.ops.run import evaluate
from tests.cli.support import Hwgen, write_mlp

CONFIG = """
[default]
weight = "fixed<5,2>"
bias = "fixed<8,3>"
input = "fixed<6,3>"

[patterns."fc[2-9]"]
weight = "fixed<4,2>"
parallelism = "5x3"

[layers."act1"]
output = "ufixed<5,3>"
"""


@pytest.fixture
def data(mlp: Path) -> Path:
    """Inputs of the network, and for each which of its outputs is greatest in float."""
    x = np.random.default_rng(7).normal(0, 1, (300, 6))
    graph = import_model(mlp)
    y = evaluate(graph, {"x": x}, graph.outputs)[graph.outputs[0]].argmax(axis=1)
    np.savez(mlp.parent / "data.npz", x=x, y=y)
    return mlp.parent / "data.npz"


def files(folder: str) -> dict[str, bytes]:
    """All of a build but its manifest, which names the file it was made from."""
    return {p.name: p.read_bytes() for p in Path(folder).rglob("*") if p.is_file() and p.name != "manifest.json"}


def test_the_table_lists_every_point_with_its_format_and_bits(hwgen: Hwgen, mlp: Path) -> None:
    Path("c.toml").write_text(CONFIG)
    record = hwgen("quantize", mlp, "--config", "c.toml", "--json").record
    points = {(p["path"], p["role"]): (p["format"], p["bits"]) for p in record["points"]}
    assert points == {
        ("x", "output"): ("fixed<6,3>", 36), ("fc1", "input"): ("fixed<6,3>", 36), ("fc1", "weight"): ("fixed<5,2>", 150),
        ("fc1", "bias"): ("fixed<8,3>", 40), ("act1", "output"): ("ufixed<5,3>", 25), ("fc2", "input"): ("ufixed<5,3>", 25),
        ("fc2", "weight"): ("fixed<4,2>", 60), ("fc2", "bias"): ("fixed<8,3>", 24),
    }
    assert record["bits"] == {"weight": 210, "bias": 64, "input": 61}
    assert record["file"] == "build/mlp.quantized.hwg" and record["metric"] is None
    said = hwgen("quantize", mlp, "--config", "c.toml", "--explain")
    rows = [line.split() for line in said.out.splitlines()]
    assert ["fc2", "linear", "weight", "fixed<4,2>", "15", "60"] in rows and ["bits", "of", "weights", "210"] in rows
    assert "+ fc2: weight: fixed<4,2>" in said.out


def test_the_written_model_and_the_configuration_make_the_same_hardware(hwgen: Hwgen, mlp: Path) -> None:
    Path("c.toml").write_text(CONFIG)
    assert hwgen("quantize", mlp, "--config", "c.toml", "--out", "q.hwg", "--write-config", "again.toml").code == 0
    for number, (model, *options) in enumerate(
        ((mlp, "--config", "c.toml"), (mlp, "--config", "again.toml"), ("q.hwg", "--parallelism", "4x4,fc2=5x3"))
    ):
        record = hwgen("emit", model, *options, "--out", f"made{number}", "--json").record
        assert [layer["parallelism"] for layer in record["layers"]] == ["4x4", "5x3"]
    assert files("made0") == files("made1") == files("made2")
    assert read_config(Path("again.toml")).layers.sha256 == read_config(Path("c.toml")).layers.sha256


def test_the_metric_is_that_of_the_integers_which_are_the_hardwares(hwgen: Hwgen, mlp: Path, data: Path) -> None:
    Path("c.toml").write_text(CONFIG.replace("fixed<5,2>", "fixed<3,2>"))
    judged = hwgen("quantize", mlp, "--config", "c.toml", "--data", data, "--json").record["metric"]
    assert judged["float"] == 1.0 and judged["samples"] == 300
    arrays = np.load(data)
    report = build(mlp, Path("built"), BuildOptions(formats=read_config(Path("c.toml")).layers, inputs=arrays["x"]))
    assert report.verification.mismatches == 0
    assert judged["exact"] == (report.outputs[0].argmax(axis=1) == arrays["y"]).mean() < 1.0


def test_the_types_for_hls4ml_make_the_same_integers(hwgen: Hwgen, mlp: Path) -> None:
    Path("c.toml").write_text(CONFIG)
    assert hwgen("quantize", mlp, "--config", "c.toml", "--out", "a.hwg", "--hls4ml", "types.yml").code == 0
    assert hwgen("quantize", mlp, "--config", "c.toml", "--out", "a.hwg", "--hls4ml", "types.json").code == 0
    types = json.loads(Path("types.json").read_text())["LayerName"]
    assert types["fc2"]["Precision"] == {
        "result": "auto", "weight": "ap_fixed<4,2,AP_RND_CONV,AP_SAT>", "bias": "ap_fixed<8,3,AP_RND_CONV,AP_SAT>",
    }
    assert types["act1"]["Precision"] == {"result": "ap_ufixed<5,3,AP_RND_CONV,AP_SAT>"}
    for name in ("types.yml", "types.json"):
        assert hwgen("emit", mlp, "--hls4ml-config", name, "--parallelism", "4x4", "--out", f"{name}.made").code == 0
    assert hwgen("emit", "a.hwg", "--parallelism", "4x4", "--out", "made").code == 0
    ours, theirs = files("made"), files("types.yml.made")
    assert theirs == files("types.json.made")
    hardware = [name for name in ours if name.endswith((".sv", ".mem"))]
    assert hardware and [ours[name] for name in hardware] == [theirs[name] for name in hardware]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[default]\nweight='fixed<5,2>'\ninput='fixed<6,3>'\n", "bias of 'fc1': is exact, for which hls4ml has no type"),
        (CONFIG.replace("fixed<4,2>", "minifloat<3,2>"), "minifloat<3,2> is no type of hls4ml's"),
        (CONFIG.replace("fixed<4,2>", "int4[scale=1/3]"), "int4[scale=1/3] is no type of hls4ml's"),
        (CONFIG + "[layers.fc2]\ninput='fixed<4,3>'\n", "value 'a1.result': is quantized to fixed<4,3> where no layer ends"),
    ],
)
def test_what_hls4ml_has_no_type_for_is_refused(hwgen: Hwgen, mlp: Path, config: str, said: str) -> None:
    Path("c.toml").write_text(config)
    done = hwgen("quantize", mlp, "--config", "c.toml", "--hls4ml", "types.yml")
    assert done.code == 2 and said in done.err
    assert not Path("types.yml").exists() and not Path("build").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--out", "q.onnx"), "does not end in .hwg"), (("--hls4ml", "types.txt"), "does not end in .yml or .yaml or .json"),
        (("--write-config", "c.json"), "does not end in .toml"), (("--write-config", "c.toml"), "there is no configuration"),
        (("--metric", "acuracy"), "did you mean accuracy?"), (("--data", "nowhere.npz"), "is not a file"),
    ],
)
def test_a_wrong_option_writes_nothing(hwgen: Hwgen, mlp: Path, options: tuple[str, str], said: str) -> None:
    done = hwgen("quantize", mlp, "--precision", "fixed<8,3>", *options)
    assert done.code == 2 and said in done.err and not Path("build").exists()


def test_formats_in_two_files_are_refused_and_a_graph_of_codes(hwgen: Hwgen, mlp: Path) -> None:
    Path("c.toml").write_text(CONFIG)
    Path("types.yml").write_text('Model: {Precision: "ap_fixed<8,4>"}\n')
    for command in ("quantize", "emit", "check"):
        done = hwgen(command, mlp, "--config", "c.toml", "--hls4ml-config", "types.yml")
        assert done.code == 2 and "'types.yml': given together with the formats of config 'c.toml'" in done.err
    Path("p.toml").write_text("[layers.fc2]\nparallelism = '5x3'\n")  # says nothing of formats
    assert hwgen("emit", mlp, "--config", "p.toml", "--hls4ml-config", "types.yml", "--out", "made").code == 0
    Path("codes.hwg").write_text(print_graph(lower(import_model(mlp)).graph))
    for command in (("quantize", "codes.hwg"), ("estimate", "codes.hwg", "--config", "c.toml")):
        done = hwgen(*command)
        assert done.code == 2 and "is lowered already" in done.err


def test_an_unknown_layer_is_an_error_in_every_command(hwgen: Hwgen, tmp_path: Path) -> None:
    model = write_mlp(tmp_path / "other.onnx", name="dense")
    Path("c.toml").write_text("[layers.dens1]\nweight = 'fixed<5,2>'\n")
    for command in ("quantize", "build", "emit", "check", "estimate"):
        done = hwgen(command, model, "--config", "c.toml")
        assert done.code == 2, command
        assert "did you mean dense1?" in done.err and "config 'c.toml', layers.\"dens1\"" in done.err
