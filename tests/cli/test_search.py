"""``hwgen search`` and ``hwgen sensitivity``: what they print, what they leave, and how bad input is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.support import Hwgen
from search.models import Subject, subject

from hwgen.cost.area import Area, Target
from hwgen.synth.record import Synthesis

CONFIG = """
[build]
parallelism = "2x2"

[search]
weight = [2, 3, "4/channel"]
input = [3, 5]
trials = 12
objectives = ["accuracy", "luts"]

[search.layers."fc2"]
weight = [4]
"""


@pytest.fixture
def small(tmp_path: Path) -> Subject:
    (tmp_path / "search.toml").write_text(CONFIG)
    return subject(tmp_path / "subject", 1)


def test_best_configuration_quantizes_to_exactly_the_accuracy_of_its_trial(small: Subject, tmp_path: Path, hwgen: Hwgen) -> None:
    study = tmp_path / "study"
    words = ["--data", small.path, "--config", tmp_path / "search.toml", "--out", study, "--workers", 1, "--json"]
    done = hwgen("search", small.model, *words)
    assert done.code == 0, done.err
    assert {p.name for p in study.iterdir()} == {"journal.jsonl", "front.json", "front", "uniform", "best.toml", "plots"}
    assert sorted(p.name for p in (study / "plots").iterdir()) == ["best.svg", "bits.svg", "front.svg", "parallel.svg"]
    record = done.record
    assert record["trials"] == {"total": 12, "failed": 0, "different": 12} and record["space"]["points"] == 12
    assert record["space"]["dimensions"]["fc2.weight"] == ["4"]
    assert [u["bits"] for u in record["uniform"]] == [4, 6, 8, 16]
    assert json.loads((study / "front.json").read_text())["front"] == record["front"]
    for entry in [*record["front"][:2], record["uniform"][1]]:
        out = tmp_path / "quantized.hwg"
        config = ["--config", study / entry["config"]]
        quantized = hwgen("quantize", small.model, *config, "--data", small.path, "--out", out, "--json")
        assert quantized.code == 0, quantized.err
        assert quantized.record["metric"]["exact"] == entry["measures"]["accuracy"]
        estimated = hwgen("estimate", small.model, *config, "--target", "ice40", "--json").record
        assert estimated["estimates"][0]["total"]["luts"] == entry["measures"]["luts"]
        assert estimated["performance"]["predicted_latency_cycles"] == entry["measures"]["latency"]


def test_counts_of_synthesis_stand_beside_the_estimates_with_the_error(
    small: Subject, tmp_path: Path, hwgen: Hwgen, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Target, bool]] = []

    def synthesize(build: object, target: Target, *, dsps: bool) -> Synthesis:
        asked.append((target, dsps))
        area = Area(luts=123456, ffs=2)
        return Synthesis(target=target, sources_sha256="", total=area, stages=(), other=area, seconds=0, tools={"yosys": "1"})

    monkeypatch.setattr("hwgen.synth.yosys.synthesize", synthesize)
    monkeypatch.setattr("hwgen.synth.yosys.tools_for", lambda target, *, pnr: {"yosys": "1"})
    words = ["search", small.model, "--data", small.path, "--config", tmp_path / "search.toml", "--out", tmp_path / "study"]
    words += ["--target", "xc7", "--no-dsp", "--workers", 1, "--no-plots"]
    plain = hwgen(*words)
    assert plain.code == 0 and "synthesized" not in plain.out and not asked
    assert "luts of xc7 without multiplier blocks within a factor" in plain.out
    done = hwgen(*words, "--resume", "--confirm")
    assert done.code == 0, done.err
    assert asked == [(Target.XC7, False)] * 2
    shown = [line for line in done.out.splitlines() if "123456" in line]
    assert "synthesized: luts" in done.out and len(shown) == 2 and all("-9" in line and "%" in line for line in shown)
    assert "synthesizing trial" in done.err


def test_table_shows_the_front_and_the_designs_of_the_same_bits(small: Subject, tmp_path: Path, hwgen: Hwgen) -> None:
    words = ["search", small.model, "--data", small.path, "--trials", 4, "--workers", 1, "--no-plots", "--out", tmp_path / "study"]
    done = hwgen(*words, "--strategy", "random", "--objectives", "accuracy,average_bits", "--constraint", "luts<=5000")
    assert done.code == 0, done.err
    assert "all 8 bits" in done.out and "average_bits" in done.out and "within a factor" in done.out
    assert "searching 4/4: best accuracy" in done.err
    assert not (tmp_path / "study" / "plots").exists()
    again = hwgen(*words)
    assert again.code == 2 and "is there already; go on with --resume" in again.err
    other = hwgen(*words, "--resume")
    assert other.code == 2 and "is of another set of objectives: accuracy average_bits, not accuracy luts" in other.err


def test_studies_are_compared_where_they_are_after_the_same(small: Subject, tmp_path: Path, hwgen: Hwgen) -> None:
    words = ["search", small.model, "--data", small.path, "--trials", 6, "--workers", 1]
    for name, more in (("random", []), ("greedy", ["--compare", tmp_path / "random"])):
        assert hwgen(*words, "--strategy", name, "--out", tmp_path / name, *more).code == 0
    drawn = (tmp_path / "greedy" / "plots" / "best.svg").read_text()
    assert "random" in drawn and "greedy" in drawn
    other = hwgen(*words, "--objectives", "luts", "--out", tmp_path / "other", "--compare", tmp_path / "random")
    assert other.code == 2 and "is after accuracy, luts, not luts" in other.err


def test_sensitivity_shows_what_each_choice_alone_loses_and_wins(small: Subject, tmp_path: Path, hwgen: Hwgen) -> None:
    words = ["sensitivity", small.model, "--data", small.path, "--config", tmp_path / "search.toml", "--workers", 1]
    done = hwgen(*words, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"sensitivity.json", "lost.svg", "won.svg"}
    dimensions = {d["name"]: d["choices"] for d in done.record["dimensions"]}
    assert list(dimensions) == ["fc1.input", "fc1.weight", "fc2.input", "fc2.weight"]
    assert all(choices[-1]["lost"] == choices[-1]["won"] == 0 for choices in dimensions.values())
    assert dimensions["fc1.weight"][0]["won"] > dimensions["fc1.weight"][1]["won"] > 0
    shown = hwgen(*words, "--metric", "output_error", "--cost", "total_bits")
    assert "output_error lost" in shown.out and "total_bits won" in shown.out
    rows = [line.split() for line in shown.out.splitlines()]
    assert ["dimension", "2", "3", "4", "4/channel", "5"] in rows
    assert ["fc1.weight", str(2 * 6 * 5), str(6 * 5), "-", "0", "-"] in rows  # two bits less of each weight, one, and none


def broken(path: Path, x: Any, y: Any) -> Path:
    np.savez(path, x=x, y=y)
    return path


def test_bad_input_is_told_in_one_line(small: Subject, tmp_path: Path, hwgen: Hwgen) -> None:
    x, y = small.data.inputs["x"], small.data.targets
    assert y is not None
    nan = x.copy()
    nan[3, 1] = np.nan
    (tmp_path / "code.toml").write_text('[search]\nobjectives = ["os:getcwd"]\n')
    (tmp_path / "typo.toml").write_text("[search]\nweigth = [4]\n")
    (tmp_path / "deep.toml").write_text('[search.layers."fc1"]\nweigth = [4]\n')
    (tmp_path / "none.toml").write_text("[search]\nweight = []\n")
    (tmp_path / "layer.toml").write_text('[search.layers."fc7"]\nweight = [4]\n')
    cases: list[tuple[list[object], str]] = [
        (["--data", broken(tmp_path / "shape.npz", x[:, :5], y)], "has shape (200, 5); give (samples, 6)"),
        (["--data", broken(tmp_path / "nan.npz", nan, y)], "holds nan at sample 3, element 1"),
        (["--data", broken(tmp_path / "few.npz", x, y[:9])], "samples: 200 of x, 9 of targets"),
        (["--data", tmp_path / "none.npz"], "is not a file"),
        (["--data", small.path, "--strategy", "tpw"], "did you mean tpe?"),
        (["--data", small.path, "--objectives", "acuracy"], "did you mean accuracy?"),
        (["--data", small.path, "--objectives", ""], "names no objective"),
        (["--data", small.path, "--constraint", "luts<4"], "write luts<=4000"),
        (["--data", small.path, "--config", tmp_path / "code.toml"], "is code, named in a file"),
        (["--data", small.path, "--config", tmp_path / "typo.toml"], "search.weigth: is not a known key; did you mean weight?"),
        (["--data", small.path, "--config", tmp_path / "deep.toml"], "weigth: is not a known key; did you mean weight?"),
        (["--data", small.path, "--config", tmp_path / "none.toml"], "search.weight"),
        (["--data", small.path, "--config", tmp_path / "layer.toml"], "is no layer of the model; did you mean fc"),
        (["--data", small.path, "--device", "xc7a35"], "did you mean xc7a35t?"),
        (["--data", small.path, "--device", "hx1k", "--target", "xc7"], "is not the family of hx1k, ice40"),
        (["--data", small.path, "--retrain-epochs", 1], "and --retrain-data go together"),
    ]
    for words, said in cases:
        done = hwgen("search", small.model, "--out", tmp_path / "study", "--workers", 1, *words)
        assert done.code == 2 and said in done.err and done.err.count("\n") == 1, (words, done.err)
        assert not (tmp_path / "study").exists(), words


def test_device_bounds_all_that_it_holds_and_is_of_its_family(small: Subject, tmp_path: Path, hwgen: Hwgen) -> None:
    words = ["--trials", 4, "--workers", 1, "--no-plots", "--json", "--out", tmp_path / "study", "--device", "XC7A35T"]
    record = hwgen("search", small.model, "--data", small.path, *words, "--constraint", "accuracy>=0.1").record
    assert record["target"] == "xc7"
    assert record["constraints"] == ["accuracy>=0.1", "luts<=20800", "ffs<=41600", "dsps<=90", "brams<=100"]


def test_constraint_that_nothing_meets_fails_and_shows_the_nearest(small: Subject, tmp_path: Path, hwgen: Hwgen) -> None:
    words = ["--trials", 4, "--workers", 1, "--out", tmp_path / "study", "--constraint", "luts<=5"]
    done = hwgen("search", small.model, "--data", small.path, *words)
    assert done.code == 1 and "the nearest is trial" in done.err
    assert (tmp_path / "study" / "nearest.toml").is_file()
