"""The configuration file: checked key by key, and overruled by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Hwgen


def layers(record: dict) -> dict[str, str]:
    return {layer["path"]: layer["parallelism"] for layer in record["layers"]}


CONFIG = """
[build]
precision = "fixed<5,2>"
parallelism = "2x2"
out = "made"

[layers."fc2"]
parallelism = "5x3"
"""


def test_options_come_from_the_file_and_the_command_line_wins(hwgen: Hwgen, mlp: Path) -> None:
    Path("hwgen.toml").write_text(CONFIG)
    record = hwgen("emit", mlp, "--config", "hwgen.toml", "--json").record
    assert record["build_dir"] == "made"
    assert layers(record) == {"fc1": "2x2", "fc2": "5x3"}
    record = hwgen("emit", mlp, "--config", "hwgen.toml", "--parallelism", "3x1", "--out", "other", "--json").record
    assert record["build_dir"] == "other"
    assert layers(record) == {"fc1": "3x1", "fc2": "3x1"}
    record = hwgen("emit", mlp, "--config", "hwgen.toml", "--interval", 30, "--precision", "fixed<6,2>", "--json").record
    assert record["performance"]["predicted_interval_cycles"] <= 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[build]\nsampels = 3\n", "did you mean samples?"),
        ("[biuld]\nsamples = 3\n", "did you mean build?"),
        ("[build]\nsamples = '3'\n", "build.samples"),
        ("[build]\nsamples = 0\n", "build.samples"),
        ("[build]\nprecision = 'fixd<5,2>'\n", "fixd<5,2>"),
        ("[build]\ninterval = 9\nparallelism = 'full'\n", "one of the two"),
        ("[layers.fc22]\nparallelism = '2x2'\n", "did you mean fc2?"),
        ("[layers.fc1]\nparalelism = '2x2'\n", "did you mean parallelism?"),
        ("[layers.fc1.weight]\nparallelism = '2x2'\n", "quoted"),
        ("[layers.'a,b']\nparallelism = '2x2'\n", "comma"),
        ("[build\n", "is not TOML"),
    ],
)
def test_error_names_the_key_and_the_way_out(hwgen: Hwgen, mlp: Path, text: str, said: str) -> None:
    Path("hwgen.toml").write_text(text)
    given = () if "fixd" in text else ("--precision", "fixed<5,2>")
    done = hwgen("build", mlp, "--config", "hwgen.toml", *given)
    assert done.code == 2
    assert said in done.err and done.err.count("\n") == 1
    if "fixd" not in text:
        assert "hwgen.toml" in done.err
    assert not Path("build").exists()


def test_data_is_found_beside_the_file(hwgen: Hwgen, mlp: Path) -> None:
    import numpy as np

    Path("sub").mkdir()
    np.save("sub/data.npy", np.zeros((3, 6)))
    Path("sub/hwgen.toml").write_text('[build]\nprecision = "fixed<5,2>"\ninputs = "data.npy"\ncalibration = "data.npy"\n')
    done = hwgen("build", mlp, "--config", "sub/hwgen.toml", "--json")
    assert done.code == 0, done.err
    assert done.record["verification"]["samples"] == 3
