"""The page of a profile: what it says is what was found, whatever the names in the model are, and it runs nothing."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from hwgen.errors import clean
from hwgen.formats import parse
from hwgen.precision.rules import PrecisionConfig
from hwgen.profile.drawings import PowerAxis, magnitudes, type_range
from hwgen.profile.page import render, write_page
from hwgen.profile.report import ProfileOptions, profile_model
from hwgen.profile.statistics import Statistics
from tests.profile.networks import residual, small
from tests.report.support import HOSTILE, renamed
from tests.report.test_page import TAGS, Elements


def test_names_are_only_text_and_nothing_runs(random: Random) -> None:
    graph, data = small(random)
    hostile = renamed(graph, HOSTILE)
    (name,) = (v.name for v in hostile.inputs)
    given = type(data)({name: data.inputs["x"]}, data.targets)
    page = Elements(render(profile_model(hostile, given, ProfileOptions(snr_db=20.0))))
    assert {tag for tag, _ in page.found} <= TAGS
    for tag, attributes in page.found:
        assert not {"style", "onclick", "onload", "onerror", "src", "srcset"} & set(attributes), tag
        assert all(k != "href" or (v or "").startswith("#") for k, v in attributes.items())
        assert not any("pwned" in (v or "") for v in attributes.values())
    assert "<script>document.title" in page.text and clean(name)[:20] in page.text


def test_what_was_found_stands_on_it_and_the_same_gives_the_same_bytes(random: Random, tmp_path: Path) -> None:
    graph, data = residual(random)
    report = profile_model(graph, data, ProfileOptions(snr_db=25.0))
    assert report.proposal is not None and report.checks is not None and report.divergence is not None
    for name in ("one.html", "other.html"):
        write_page(report, tmp_path / name)
    text = (tmp_path / "one.html").read_text()
    assert text == (tmp_path / "other.html").read_text() == render(report)
    page = Elements(text)
    assert int(re.sub(r"\D", "", page.by_id["bits"])) == report.proposal.bits
    for layer, operator in (("fc1", "weight"), ("fc2", "bias"), ("a2", "relu")):
        assert layer in page.text and operator in page.text
    for check in report.checks:
        assert str(check.format) in page.text
    assert f"{len(report.divergence.flips or ())}" in page.text and '[layers."fc3"]' in page.text
    rows = [a for tag, a in page.found if tag == "svg" and a.get("class") == "magnitudes"]
    assert len(rows) == len(report.profile.values)


def test_types_that_are_given_are_shown_without_a_proposal(random: Random) -> None:
    graph, data = small(random)
    formats = PrecisionConfig.of(default={"all": "fixed<5,2>"})
    page = Elements(render(profile_model(graph, data, ProfileOptions(formats=formats))))
    assert "fixed<5,2>" in page.text and "Configuration" not in page.text and "Types" in page.text
    bare = Elements(render(profile_model(graph, data, ProfileOptions(propose=False))))
    assert "no type of its own" in bare.text and "become 0" not in bare.text


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("fixed<6,3>", -3, 2), ("ufixed<4,0>", -4, 0), ("ufixed<4,2>", -2, 2), ("int8[scale=1/64]", -6, 1),
        ("ternary[scale=1/2]", -1, -1), ("minifloat<4,3>", -9, 9),
    ],
)
def test_a_type_reaches_from_its_step_to_its_end(text: str, low: int, high: int) -> None:
    assert type_range(parse(text)) == (low, high)


def test_numbers_beyond_a_type_are_drawn_as_such() -> None:
    values = [0.75] * 4 + [-0.75] * 4 + [5.0, -1e-3]
    seen, format_ = Statistics.of(values), parse("fixed<4,1>")
    drawing = magnitudes(seen, PowerAxis.of([seen], [format_]), format_)
    assert drawing.count('class="bin"') == 2 and drawing.count('class="end"') == 2 and drawing.count('class="groove"') == 1
    assert magnitudes(seen, PowerAxis.of([seen], []), None).count('class="end"') == 0


@pytest.mark.parametrize("values", [[0.0] * 5, [3.0] * 5, [-1e-300, 1e300]])
def test_zeros_constants_and_extremes_are_drawn(values: list[float]) -> None:
    seen = Statistics.of(values)
    axis = PowerAxis.of([seen], [])
    assert axis.low < axis.high and "%" in magnitudes(seen, axis, None) + axis.drawing
