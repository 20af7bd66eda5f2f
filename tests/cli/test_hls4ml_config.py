"""``--hls4ml-config``: types of layers reach the hardware, from the command line and from a configuration file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hwgen.flow import BuildOptions, import_model, lower
from hwgen.frontend.hls4ml_config import read_hls4ml_config
from hwgen.rtl.build_directory import Build
from hwgen.sim.samples import encode
from tests.cli.support import Hwgen

TYPES = """
Model: {Precision: {default: "ap_fixed<8,4>"}, ReuseFactor: 2}
LayerName:
  act1: {Precision: {result: "ap_ufixed<5,2,AP_RND,AP_SAT>"}}
"""


def test_types_of_layers_reach_the_hardware(hwgen: Hwgen, mlp: Path) -> None:
    Path("types.yml").write_text(TYPES)
    done = hwgen("build", mlp, "--hls4ml-config", "types.yml", "--samples", 20, "--out", "made")
    assert done.code == 0, done.err
    assert "ReuseFactor of types.yml" in done.out
    assert "uint5" in done.out
    assert json.loads(Path("made/manifest.json").read_text())["options"]["hls4ml_config_sha256"]


def test_the_file_may_stand_beside_the_configuration(hwgen: Hwgen, mlp: Path) -> None:
    Path("sub").mkdir()
    Path("sub/types.yml").write_text(TYPES)
    Path("sub/hwgen.toml").write_text('[build]\nhls4ml_config = "types.yml"\n')
    record = hwgen("emit", mlp, "--config", "sub/hwgen.toml", "--out", "made", "--explain", "--json").record
    (made,) = (p for p in record["passes"] if p["pass"] == "assign-layer-precision")
    assert {"where": "act1", "what": "result: ufixed<5,2,rnd>"} in made["changed"]


def test_given_reals_are_cut_and_wrapped_as_the_inputs_type_says(hwgen: Hwgen, mlp: Path) -> None:
    Path("types.yml").write_text("Model: {Precision: {default: 'ap_fixed<6,3>'}}\n")
    reals = np.array([[0.99 / 8, -0.01 / 8, 3.999, 4.0, -4.01, 9.0]])
    np.save("x.npy", reals)
    for command in (("build", mlp, "--hls4ml-config", "types.yml", "--out", "made"), ("sim", "made")):
        done = hwgen(*command, "--inputs", "x.npy")
        assert done.code == 0, done.err
    made = Build(Path("made"))
    (codes,) = encode(reals, made.flow, made.quantizers).values()
    assert codes.tolist() == [[0, -1, 31, -32, 31, 8]]
    options = BuildOptions(hls4ml_config=read_hls4ml_config(Path("types.yml")))
    assert made.quantizers == lower(import_model(mlp), options).quantizers


def test_a_layer_that_is_not_there_is_named(hwgen: Hwgen, mlp: Path) -> None:
    Path("types.yml").write_text("LayerName: {fc3: {Precision: auto}, act2: {Precision: 'ap_fixed<8,4>'}}\n")
    done = hwgen("build", mlp, "--hls4ml-config", "types.yml")
    assert done.code == 2
    assert "LayerName.act2: is no layer of the model; did you mean act1?" in done.err and done.err.count("\n") == 1


def test_what_gets_no_type_is_refused_not_guessed(hwgen: Hwgen, mlp: Path) -> None:
    Path("types.yml").write_text("LayerName: {fc2: {Precision: {weight: 'ap_fixed<6,2>'}}}\n")
    done = hwgen("build", mlp, "--hls4ml-config", "types.yml")
    assert done.code == 2 and "fc1" in done.err
