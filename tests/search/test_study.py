"""Searches of a small network: what is judged is what is built; the same with any workers; what goes wrong is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search.models import Subject, subject

from hwgen import flow
from hwgen.config import read_config
from hwgen.cost.area import Target
from hwgen.cost.estimate import estimate
from hwgen.data import Dataset
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.flow import BuildOptions
from hwgen.metrics import METRICS
from hwgen.precision.rules import PrecisionConfig
from hwgen.profile.exact import exact_outputs, real_outputs
from hwgen.search.goals import Measures
from hwgen.search.journal import NAME
from hwgen.search.results import BEST, FRONT, NEAREST
from hwgen.search.study import Request, search
from hwgen.search_section import SearchSection

SECTION = SearchSection.model_validate({"weight": [2, 3, "4/channel"], "input": [3, "5/tensor"], "parallelism": ["2x2", "4x4"]})
REQUEST = Request(trials=24, section=SECTION)


@pytest.fixture
def small(tmp_path: Path) -> Subject:
    return subject(tmp_path / "subject", 1)


def lines(folder: Path) -> list[bytes]:
    return sorted((folder / NAME).read_bytes().splitlines())


def test_every_point_of_the_front_is_built_as_it_was_judged(small: Subject, tmp_path: Path) -> None:
    found = search(small.graph, small.data, tmp_path / "study", REQUEST)
    written = json.loads((tmp_path / "study" / FRONT).read_text())
    assert [e["trial"] for e in written["front"]] == [t.number for t, _ in found.front] and len(found.front) > 2
    for entry in written["front"]:
        settings = read_config(tmp_path / "study" / entry["config"]).layers
        lowered = flow.lower(small.graph, BuildOptions(formats=settings, folding=settings))
        assert METRICS["accuracy"](exact_outputs(lowered, small.data), small.data.targets) == entry["measures"]["accuracy"]
        planned = flow.plan_dataflow(lowered)
        assert flow.predict(planned).latency_cycles == entry["measures"]["latency"]
        assert estimate(planned, Target.ICE40).total.luts == entry["measures"]["luts"]
    entry = written["front"][1]
    settings = read_config(tmp_path / "study" / entry["config"]).layers
    options = BuildOptions(formats=settings, folding=settings, inputs=small.data.inputs, samples=small.data.samples)
    report = flow.build(small.model, tmp_path / "build", options)
    assert report.ok
    assert METRICS["accuracy"](report.outputs, small.data.targets) == entry["measures"]["accuracy"]
    assert report.predicted.latency_cycles == entry["measures"]["latency"]
    best = (tmp_path / "study" / BEST).read_text()
    assert best == (tmp_path / "study" / written["front"][0]["config"]).read_text()


def test_workers_and_interruptions_leave_the_same_study(small: Subject, tmp_path: Path) -> None:
    alone = search(small.graph, small.data, tmp_path / "alone", REQUEST)

    def stop(done: int, best: Measures | None) -> None:
        if done == 9:
            raise KeyboardInterrupt

    first = search(small.graph, small.data, tmp_path / "together", replace(REQUEST, workers=2), stop)
    assert first.interrupted and len(first.trials) == 9
    assert json.loads((tmp_path / "together" / FRONT).read_text())["interrupted"]
    search(small.graph, small.data, tmp_path / "together", replace(REQUEST, workers=2, resume=True))
    assert lines(tmp_path / "together") == lines(tmp_path / "alone")
    for name in (FRONT, BEST, *(f"front/{t.number:04d}.toml" for t, _ in alone.front)):
        assert (tmp_path / "together" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


@pytest.mark.slow
def test_ray_cluster_of_two_workers_finds_what_one_process_finds(small: Subject, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    alone = search(small.graph, small.data, tmp_path / "alone", REQUEST)
    together = search(small.graph, small.data, tmp_path / "ray", replace(REQUEST, ray="", workers=2))
    assert together.trials == alone.trials
    assert lines(tmp_path / "ray") == lines(tmp_path / "alone")
    assert (tmp_path / "ray" / FRONT).read_bytes() == (tmp_path / "alone" / FRONT).read_bytes()


def test_measures_are_those_of_the_design(small: Subject, tmp_path: Path) -> None:
    section = SearchSection.model_validate({"weight": ["fixed<3,2>"], "input": ["fixed<5,3>"], "bias": ["fixed<9,3>"]})
    found = search(small.graph, small.data, tmp_path / "study", replace(REQUEST, trials=1, section=section, batch=1))
    ((_, measures),) = found.front
    weights, inputs, biases = 6 * 5 + 5 * 3, 6 + 5, 5 + 3
    assert measures["total_bits"] == weights * 3 + biases * 9
    assert measures["average_bits"] == pytest.approx((weights * 3 + inputs * 5) / (weights + inputs))
    settings = read_config(tmp_path / "study" / BEST).layers
    lowered = flow.lower(small.graph, BuildOptions(formats=settings))
    planned = flow.plan_dataflow(lowered)
    assert measures["interval"] == flow.predict(planned).interval_cycles
    assert measures["luts"] == estimate(planned, Target.ICE40).total.luts
    (exact,), (real,) = exact_outputs(lowered, small.data), real_outputs(small.graph, small.data)
    assert measures["output_error"] == pytest.approx(((exact - real) ** 2).sum() / (real**2).sum())


def test_what_the_configuration_says_of_layers_stays_beside_what_is_searched(small: Subject, tmp_path: Path) -> None:
    given = PrecisionConfig.of(
        default={"bias": "fixed<12,4>"},
        layers={"fc1": {"bias": "fixed<7,3>", "weight": "fixed<9,2>"}, "fc2": {"parallelism": "1x1"}},
    )
    section = SearchSection.model_validate({"weight": [3], "input": [4]})
    request = replace(REQUEST, trials=1, batch=1, section=section, options=BuildOptions(formats=given, folding=given, argmax=True))
    found = search(small.graph, small.data, tmp_path / "study", request)
    settings = read_config(tmp_path / "study" / BEST)
    assert settings.build.argmax
    said = {f"{name}.{role}": str(format_) for name, s in settings.layers.layers for role, format_ in s.given}
    assert said["fc1.bias"] == "fixed<7,3>"
    assert all(said[f"fc{k}.weight"].startswith("fixed<3,") for k in (1, 2))
    assert str(settings.layers.default.of("bias")) == "fixed<12,4>"
    assert dict(settings.layers.layers)["fc2"].parallelism == "1x1"
    lowered = flow.lower(small.graph, BuildOptions(formats=settings.layers, folding=settings.layers, argmax=True))
    ((_, measures),) = found.front
    assert measures["latency"] == flow.predict(flow.plan_dataflow(lowered)).latency_cycles
    assert measures["total_bits"] == (6 * 5 + 5 * 3) * 3 + 5 * 7 + 3 * 12


@pytest.mark.parametrize("strategy", ["random", "qmc", "tpe", "nsga2", "nsga3", "greedy"])
def test_every_strategy_searches_with_constraints(small: Subject, tmp_path: Path, strategy: str) -> None:
    request = replace(REQUEST, strategy=strategy, constraints=("luts<=900", "accuracy>=0.5"), objectives=("accuracy",), trials=20)
    found = search(small.graph, small.data, tmp_path / "study", request)
    assert len(found.trials) == 20
    ((_, best),) = found.front
    allowed = [m["accuracy"] for _, m in found.judged if m["luts"] <= 900 and m["accuracy"] >= 0.5]
    assert best["accuracy"] == max(allowed)


def test_constraint_that_nothing_meets_shows_the_nearest_and_keeps_it(small: Subject, tmp_path: Path) -> None:
    said = r"none of 8 meets all; the nearest is trial \d+ with luts \d+ \(asked: luts<=10\)"
    with pytest.raises(HwgenFailure, match=said) as error:
        search(small.graph, small.data, tmp_path / "study", replace(REQUEST, trials=8, constraints=("luts<=10",)))
    assert error.value.code == "constraint"
    assert "[layers." in (tmp_path / "study" / NEAREST).read_text()
    assert not (tmp_path / "study" / BEST).exists()


def explode(outputs: Any, targets: Any) -> float:
    raise ZeroDivisionError(f"{len(outputs)} {len(targets)}")


def uneven(candidate: Any) -> float:
    """Of some designs not a number."""
    return float("nan") if candidate.area.luts % 2 else float(candidate.area.luts)


def test_objective_that_raises_fails_the_trials_and_says_why(small: Subject, tmp_path: Path) -> None:
    request = replace(REQUEST, trials=6, objectives=("search.test_study:explode", "luts"))
    said = r"has no legal point: all 6 trials failed, the first with: .*ZeroDivisionError: 1 200"
    with pytest.raises(HwgenFailure, match=said) as error:
        search(small.graph, small.data, tmp_path / "study", request)
    assert error.value.code == "space"
    assert len(lines(tmp_path / "study")) == 1 + 4 + 6


def test_trials_whose_objective_is_no_number_fail_and_the_others_count(small: Subject, tmp_path: Path) -> None:
    request = replace(REQUEST, objectives=("search.test_study:uneven", "accuracy"))
    found = search(small.graph, small.data, tmp_path / "study", request)
    assert found.failed and found.front
    assert all("gives nan" in str(t.outcome.error) for t in found.failed)


def test_space_without_a_legal_point_is_told(small: Subject, tmp_path: Path) -> None:
    section = SearchSection.model_validate({"weight": ["fixed<20,2>"], "input": [4]})
    with pytest.raises(HwgenFailure, match=r"has no legal point: all 1 trials failed, the first with: .*20 bits") as error:
        search(small.graph, small.data, tmp_path / "study", replace(REQUEST, trials=1, section=section))
    assert error.value.code == "space"


@pytest.mark.parametrize(("change", "said"), [
    ({"objectives": ("accuracy", "lutz")}, "objective 'lutz': is not known; did you mean luts?"),
    ({"objectives": ("luts", "luts")}, "one of them twice"), ({"objectives": ("no_module:f",)}, "cannot be imported"),
    ({"constraints": ("lutz<=4",)}, "did you mean luts?"), ({"constraints": ("luts=4",)}, "cannot be read; write luts<=4000"),
    ({"strategy": "tpo"}, "did you mean tpe?"), ({"strategy": "exhaustive"}, "takes all .* points, and --trials is 24"),
    ({"options": BuildOptions(calibration=np.zeros((2, 6)))}, "formats are fitted to its data"),
])
def test_bad_requests_are_refused_before_any_trial(small: Subject, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(HwgenError, match=said):
        search(small.graph, small.data, tmp_path / "study", replace(REQUEST, **change))


def test_data_without_targets_do_for_measures_that_need_none(small: Subject, tmp_path: Path) -> None:
    blind = Dataset(small.data.inputs)
    with pytest.raises(HwgenError, match="has no targets, and accuracy needs them; give them as y"):
        search(small.graph, blind, tmp_path / "study", REQUEST)
    found = search(small.graph, blind, tmp_path / "blind", replace(REQUEST, objectives=("output_error", "luts"), trials=8))
    assert found.front


def test_journal_of_another_model_data_or_space_is_refused(small: Subject, tmp_path: Path) -> None:
    request = replace(REQUEST, trials=4, resume=True)
    search(small.graph, small.data, tmp_path / "study", request)
    other = subject(tmp_path / "other", 2)
    for graph, data, changed, said in (
        (other.graph, small.data, request, "another model"), (small.graph, small.data.part(slice(50)), request, "another data"),
        (small.graph, small.data, replace(request, section=SearchSection.model_validate({"weight": [4]})), "another search space"),
        (small.graph, small.data, replace(request, options=BuildOptions(argmax=True)), "another kind of trial"),
    ):
        with pytest.raises(HwgenError, match=f"is of {said}"):
            search(graph, data, tmp_path / "study", changed)


def test_trials_that_train_keep_their_models_and_are_built_from_them(small: Subject, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    section = SearchSection.model_validate({"weight": [2, "3/tensor"], "input": ["3/tensor"]})
    request = replace(REQUEST, section=section, trials=3, retraining=(small.data, 2, 1e-2), batch=3)
    found = search(small.graph, small.data, tmp_path / "study", request)
    entries = json.loads((tmp_path / "study" / FRONT).read_text())["front"]
    assert entries and not found.failed
    for entry in entries:
        graph = flow.import_model(tmp_path / "study" / entry["model"])
        settings = read_config(tmp_path / "study" / entry["config"])
        assert not settings.layers.gives_formats  # training has found other scales
        lowered = flow.lower(graph, BuildOptions(folding=settings.layers))
        assert METRICS["accuracy"](exact_outputs(lowered, small.data), small.data.targets) == entry["measures"]["accuracy"]
    again = search(small.graph, small.data, tmp_path / "again", replace(request, retraining=(small.data, 2, 1e-2)))
    assert again.trials == found.trials
