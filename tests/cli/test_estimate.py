"""``hwgen estimate``: what it prints of models and builds, beside what synthesis said."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.cost.area import Area, Target
from hwgen.rtl.build_directory import Build
from hwgen.synth import tools
from hwgen.synth.record import StageArea, Synthesis
from hwgen.synth.store import save
from tests.cli.support import Hwgen

PRECISION = ("--precision", "fixed<5,2>")


@pytest.fixture
def build(hwgen: Hwgen, mlp: Path, tmp_path: Path) -> Path:
    assert hwgen("emit", mlp, *PRECISION, "--parallelism", "2x2", "--out", tmp_path / "made").code == 0
    return tmp_path / "made"


def synthesis(build: Path, *, luts: int, sources: str | None = None) -> None:
    """Leaves a result in a build as if it had been synthesized."""
    existing = Build(build)
    stages = tuple(StageArea(path=s.path, area=Area(luts=luts)) for s in existing.flow.stages)
    save(
        existing,
        Synthesis(
            target=Target.ECP5, sources_sha256=sources or existing.sources_sha256, total=Area(luts=luts * len(stages), dsps=4),
            stages=stages, other=Area(), seconds=1.0, tools={"yosys": "0"},
        ),
    )


def test_record_holds_cycles_memory_and_the_area_of_each_layer(hwgen: Hwgen, mlp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a synthesis was started")

    monkeypatch.setattr(tools, "run_process", refuse)
    record = hwgen("estimate", mlp, *PRECISION, "--parallelism", "2x2", "--target", "ecp5", "--json").record
    (one,) = record["estimates"]
    assert record["performance"]["multipliers"] == 8
    assert record["performance"]["predicted_interval_cycles"] == 9, "three blocks of inputs, three of outputs"
    memory = record["memory_bits"]
    assert memory["roms"] == sum(layer["rom_bits"] for layer in record["layers"]) > 0
    assert memory["stage_fifos"] == sum(layer["fifo_bits"] for layer in record["layers"]) > 0
    assert memory["total"] == memory["roms"] + memory["stage_fifos"], "a chain of products has no other memory"
    assert record["branches"] == []
    assert [layer["use"]["products"] + layer["use"]["filling"] + layer["use"]["waiting"] for layer in record["layers"]] == [1, 1]
    assert [s["path"] for s in one["stages"]] == ["fc1", "fc2"]
    assert one["total"]["dsps"] >= 8
    assert one["total"]["luts"] == sum(s["area"]["luts"] for s in one["stages"]) + one["other"]["luts"]
    assert one["synthesized"] is None and one["error_percent"] is None
    assert one["expected_factor"]["largest"] <= 1.5


def test_without_target_every_family_is_estimated_with_its_error(hwgen: Hwgen, mlp: Path) -> None:
    outcome = hwgen("estimate", mlp, *PRECISION)
    assert outcome.code == 0
    for target in Target:
        assert f"{target}: luts within a factor" in outcome.out
    assert "expected error" in outcome.out


def test_a_build_is_estimated_as_it_was_built(hwgen: Hwgen, build: Path) -> None:
    assert hwgen("estimate", build, "--json").record["performance"]["multipliers"] == 8
    assert hwgen("estimate", build, "--parallelism", "1x1", "--json").record["performance"]["multipliers"] == 2


def test_synthesis_of_the_build_stands_beside_with_the_error(hwgen: Hwgen, build: Path) -> None:
    plain = hwgen("estimate", build, "--target", "ecp5", "--json").record["estimates"][0]["total"]["luts"]
    synthesis(build, luts=plain)
    (one,) = hwgen("estimate", build, "--target", "ecp5", "--json").record["estimates"]
    assert one["synthesized"]["luts"] == 2 * plain
    assert one["error_percent"]["luts"] == -50.0
    shown = hwgen("estimate", build, "--target", "ecp5").out
    assert "-50.0 %" in shown
    assert "expected error" not in shown, "the error is known"


def test_synthesis_of_other_sources_is_not_shown(hwgen: Hwgen, build: Path) -> None:
    synthesis(build, luts=100, sources="0" * 64)
    (one,) = hwgen("estimate", build, "--target", "ecp5", "--json").record["estimates"]
    assert one["synthesized"] is None


def test_synthesis_says_nothing_of_another_parallelism(hwgen: Hwgen, build: Path) -> None:
    synthesis(build, luts=100)
    (one,) = hwgen("estimate", build, "--parallelism", "1x1", "--target", "ecp5", "--json").record["estimates"]
    assert one["synthesized"] is None


def test_unknown_family_is_bad_usage(hwgen: Hwgen, mlp: Path) -> None:
    outcome = hwgen("estimate", mlp, "--target", "virtex")
    assert outcome.code == 2
    assert "ecp5" in outcome.err
