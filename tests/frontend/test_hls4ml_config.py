"""hls4ml's configuration: read as hls4ml reads it, key by key, and nothing of a hostile file is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwgen.errors import HwgenError
from hwgen.formats import parse_quantized
from hwgen.frontend.hls4ml_config import Hls4mlConfig, hls4ml_type, read_hls4ml_config

TEXT = """
Model:
  Precision: {default: "ap_fixed<16,6>", maximum: "ap_fixed<24,12>"}
  ReuseFactor: 1
LayerType:
  Conv1D:
    Precision: ap_fixed<8,2>
LayerName:
  conv1:
    Trace: true
    Precision:
      weight: ap_fixed<6,1,AP_RND,AP_SAT>
      result: auto
      accum: ap_fixed<20,10>
  empty:
"""


def read(tmp_path: Path, text: str, name: str = "types.yml") -> Hls4mlConfig:
    path = tmp_path / name
    path.write_text(text)
    return read_hls4ml_config(path)


def test_entries_say_what_is_written_and_their_default_the_rest(tmp_path: Path) -> None:
    config = read(tmp_path, TEXT)
    (by_type,), (conv1, empty) = config.by_type, config.by_name
    assert config.model.of("scale") == parse_quantized("fixed<16,6,trn,wrap>")
    assert by_type[0] == "Conv1D" and by_type[1].of("bias") == parse_quantized("fixed<8,2,trn,wrap>")
    assert conv1[1].of("weight") == parse_quantized("fixed<6,1,rnd>")
    assert conv1[1].has("result") and conv1[1].of("result") is None and not conv1[1].has("bias")
    assert empty == ("empty", type(conv1[1])())
    assert config.unused == (
        "Model.Precision.maximum", "Model.ReuseFactor", "LayerName.conv1.Trace", "LayerName.conv1.Precision.accum",
    )


def test_json_and_a_whole_project_file_say_the_same(tmp_path: Path) -> None:
    plain = {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 4}, "LayerName": {"fc": {"Precision": {"bias": "auto"}}}}
    a = read(tmp_path, json.dumps(plain, indent="\t"), "a.json")
    b = read(tmp_path, json.dumps({"Backend": "Vitis", "OutputDir": "x", "HLSConfig": plain}), "b.yml")
    assert (a.model, a.by_name) == (b.model, b.by_name)
    assert a.unused == ("Model.ReuseFactor",) and b.unused == ("Backend", "OutputDir", "Model.ReuseFactor")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("ap_fixed<16,6>", "fixed<16,6,trn,wrap>"),
        ("fixed<16,6>", "fixed<16,6,trn,wrap>"),
        ("fixed<18,8,RND_CONV,SAT,0>", "fixed<18,8,rne>"),
        ("ap_ufixed<8, -1, AP_RND, AP_SAT>", "ufixed<8,-1,rnd>"),
        ("ac_fixed<16,6,false,AC_RND,AC_SAT>", "ufixed<16,6,rnd>"),
        ("ap_uint<4>", "ufixed<4,4,trn,wrap>"),
    ],
)
def test_a_type_means_what_hls4ml_means(text: str, meaning: str) -> None:
    assert hls4ml_type(text) == parse_quantized(meaning)


@pytest.mark.parametrize("text", ["float", "ap_fixed<8>", "ap_fixed<16,6", "ap_fixed<8,2,AP_RND,AP_SAT_SYM>", "ap_fixed<0,0>", ""])
def test_a_type_that_no_format_here_is_refused(text: str) -> None:
    with pytest.raises(HwgenError):
        hls4ml_type(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Model:\n  Precsion: ap_fixed<16,6>\n", "Model.Precsion: is not a known key; did you mean Precision?"),
        ("LayerName: {c: {Precision: {wieght: auto}}}\n", "c.Precision.wieght: is not a known key; did you mean weight?"),
        ("Layername: {}\nModel: {}\n", "did you mean LayerName?"),
        ("LayerName: {c: {Precision: ap_fixed<16,6>}}\n", "in quotes inside {}"),
        ("Model: {Precision: {default: [1]}}\n", "not a type"),
        ("Model: 3\n", "not a mapping"),
        ("Model: {}\nModel: {}\n", "gives 'Model' twice"),
        ("Model: {Precision: &a auto}\nLayerName: {c: {Precision: *a}}\n", "line 2 refers back to an anchor"),
        ("Model: !!python/object/apply:os.system ['touch made']\n", "line 1 asks for 'python/object/apply:os.system'"),
        ("InputShape: !!python/tuple\n- 2\n- 3\nModel: {}\n", "asks for 'python/tuple'"),
        ("[" * 200_000, "more than 16 levels"),
        ("- a\n" * 50_000, "entries"),
        ("a: [\x00]\n", "is not YAML"),
        ("", "holds no types"),
        ("Flows: [a]\n", "holds no types"),
    ],
)
def test_a_wrong_file_is_refused_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HwgenError, match=r"hls4ml config 'types\.yml'") as refusal:
        read(tmp_path, text)
    assert said in str(refusal.value)
    assert not Path("made").exists()


@pytest.mark.parametrize("text", ["[" * 200_000, '{"Model": {}, "Model": {}}', '{"Model": ', '{"Model": {"Precision": 1}}', "[]"])
def test_a_wrong_json_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(HwgenError, match=r"hls4ml config 'types\.json'"):
        read(tmp_path, text, "types.json")
