"""MASE's parameters and its file layout, as the formats that they mean here."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.config import Settings, read_config
from hwgen.errors import HwgenError


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "mase.toml"
    path.write_text(text)
    return read_config(path)


def default(tmp_path: Path, lines: str) -> dict[str, str]:
    section = read(tmp_path, f"[default]\n{lines}\n").layers.default
    return {role: "auto" if format_ is None else str(format_) for role, format_ in section.given}


@pytest.mark.parametrize(
    ("lines", "means"),
    [
        (
            "name='integer'\ndata_in_width=8\ndata_in_frac_width=4\nweight_width=6\nweight_frac_width=5",
            {"input": "fixed<8,4>", "weight": "fixed<6,1>"},
        ),
        ("name='fixed'\nbias_width=5\nbias_frac_width='NA'", {"bias": "fixed<5,3>"}),
        ("name='integer_floor'\ndata_out_width=8\ndata_out_frac_width=9", {"output": "fixed<8,-1,trn>"}),
        ("name='integer'\nfloor=true\nweight_width=8\nweight_frac_width=0", {"weight": "fixed<8,8,trn>"}),
        ("name='binary'\nweight_width=1\nweight_bipolar=true\nweight_stochastic=false", {"weight": "binary[scale=1]"}),
        ("name='minifloat_ieee'\nweight_width=8\nweight_exponent_width=4\nweight_exponent_bias=7", {"weight": "minifloat<4,3>"}),
        (
            "name='minifloat_ieee'\nweight_width=8\nweight_exponent_width=4\nweight_exponent_bias=9",
            {"weight": "minifloat<4,3,bias=9>"},
        ),
        (
            "name='minifloat_denorm'\ndata_in_width=8\ndata_in_exponent_width=4\ndata_in_exponent_bias='NA'",
            {"input": "minifloat<4,3,denormed>"},
        ),
        ("name='log'\nweight_width=5\nweight_exponent_bias=3", {"weight": "log<4,bias=3>"}),
        (
            "name='block_fp'\nweight_width=7\nweight_exponent_width=8\nweight_exponent_bias=127\nweight_block_size=[1, 16]",
            {"weight": "mxint<7,8,16>"},
        ),
        (
            "name='block_minifloat'\nbias_width=6\nbias_exponent_width=3\nbias_exponent_bias_width=4\nbias_block_size=[8]",
            {"bias": "bminifloat<3,2,4,8>"},
        ),
        ("name='block_log'\nweight_width=5\nweight_exponent_bias_width=4\nweight_block_size=16", {"weight": "blog<4,4,16>"}),
        ("name='mxint_hardware'\nweight_width=4\nweight_exponent_width=6\nweight_parallelism=[1, 4]", {"weight": "mxint<4,6,4>"}),
        ("name='NA'", {"all": "auto"}),
        ("name='integer'\nbypass=true\nweight_width=8\nweight_frac_width=4", {"all": "auto"}),
        ("name='integer'\nweight_width=8\nweight_frac_width=4\ninput='auto'", {"input": "auto", "weight": "fixed<8,4>"}),
    ],
)
def test_parameters_mean_formats(tmp_path: Path, lines: str, means: dict[str, str]) -> None:
    assert default(tmp_path, lines) == means


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("name='intger'", "default.name: 'intger' is no format of MASE's that there is here; did you mean integer?"),
        ("name='ternary'\nweight_width=2", "is no format of MASE's"),
        ("name=3", "is no format of MASE's"),
        ("data_in_width=8", "default.name: is missing"),
        ("name='integer'\nweight_widht=8", "weight_widht: is no parameter of integer; did you mean weight_width?"),
        ("name='integer'\nweight_exponent_width=8\nweight_width=8", "is no parameter of integer"),
        ("name='log'\nweight_exponent_bias=8", "weight_width: is missing for log"),
        ("name='integer'\nweight_width='8'", "weight_width: is '8'; write a whole number"),
        ("name='integer'\nweight_width=true", "write a whole number"),
        ("name='integer'\nweight_width=99999999999", "write a whole number"),
        ("name='integer'\nweight_width=0", "default.weight: format 'fixed<0,0>' 0 bits"),
        ("name='integer'\nbypass='yes'", "bypass: is 'yes'; write true or false"),
        ("name='binary'\nweight_width=1\nweight_stochastic=true", "there is only false here"),
        ("name='binary'\nweight_width=1\nweight_bipolar=false", "there is only true here"),
        (
            "name='block_fp'\nweight_width=7\nweight_exponent_width=8\nweight_exponent_bias=100\nweight_block_size=4",
            "weight_exponent_bias: is 100; a shared exponent has the bias 127 here",
        ),
        ("name='block_log'\nweight_width=5\nweight_exponent_bias_width=4\nweight_block_size=[4, 4]", "along the last axis"),
        ("name='block_log'\nweight_width=5\nweight_exponent_bias_width=4\nweight_block_size=[]", "write a whole number, or"),
        ("name='integer'\nweight_width=8\nweight='fixed<8,4>'", "default.weight: is given in MASE's parameters as well"),
        ("name='integer'\nwieght_width=8", "default.wieght_width: is not a known key"),
    ],
)
def test_what_means_nothing_here_is_refused_by_its_key(tmp_path: Path, lines: str, said: str) -> None:
    with pytest.raises(HwgenError, match=r"config 'mase\.toml'") as error:
        default(tmp_path, lines)
    assert said in str(error.value)


FILE = """
model = "toy"
dataset = "toy-tiny"
max_epochs = 5
[passes.quantize]
by = "{by}"
report = true
[passes.quantize.default.config]
name = "integer"
weight_width = 8
weight_frac_width = 4
data_in_width = 8
data_in_frac_width = 4
[passes.quantize.{key}.config]
name = "integer"
weight_width = 4
weight_frac_width = 3
[search.search_space]
name = "graph/quantize/mixed_precision_ptq"
"""


@pytest.mark.parametrize(
    ("by", "key", "group"),
    [("type", "conv2d", "types"), ("name", "seq_blocks_2", "layers"), ("regex_name", "'seq.*'", "patterns")],
)
def test_a_file_in_mases_layout_says_the_same(tmp_path: Path, by: str, key: str, group: str) -> None:
    config = read(tmp_path, FILE.format(by=by, key=key)).layers
    assert {r: str(f) for r, f in config.default.given} == {"weight": "fixed<8,4>", "input": "fixed<8,4>"}
    ((name, section),) = getattr(config, group)
    # what it does not say is not quantized there: its sections replace the default's as a whole
    assert name == key.strip("'") and {r: str(f) for r, f in section.given} == {"weight": "fixed<4,1>", "all": "None"}
    assert config.unused == ("passes.quantize.report", "model", "dataset", "max_epochs", "search")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE.format(by="kind", key="linear"), "passes.quantize.by: is 'kind'"),
        ("[passes.prune]\nx = 1\n", "holds no [passes.quantize]"),
        ("passes = 3\n", "holds no [passes.quantize]"),
        ("[passes.quantize]\nby = 'type'\n[passes.quantize.linear]\nname = 'integer'\n", "linear: holds no config"),
        (FILE.format(by="type", key="linear") + "[default]\nweight = 'fixed<8,4>'\n", "is given together with MASE's"),
        (FILE.format(by="type", key="linear").replace("weight_width = 4", "weight_widt = 4"), "weight_widt: is no parameter of"),
    ],
)
def test_a_wrong_file_in_mases_layout_is_refused_by_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HwgenError, match=r"config 'mase\.toml'") as error:
        read(tmp_path, text)
    assert said in str(error.value)
