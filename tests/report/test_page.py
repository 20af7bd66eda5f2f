"""What the page says is what the build directory holds, whatever the names in the model are."""

from __future__ import annotations

import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hwgen.dataflow.cycles import predict
from hwgen.dataflow.stage import Buffer
from hwgen.errors import HwgenError, clean
from hwgen.flow import BuildOptions
from hwgen.report.data import gather
from hwgen.report.page import render, write_page
from hwgen.report.reproduce import commands
from hwgen.rtl.build_directory import Build
from hwgen.sim.record import VERIFICATION
from tests.branching import branching
from tests.report.support import HOSTILE, renamed, synthesized, verified, written, written_graph

OPTIONS = BuildOptions(parallelism="3x2", input_format=None)
TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "h1", "h2", "h3", "p", "a",
    "ul", "ol", "li", "dl", "dt", "dd", "div", "span", "small", "strong", "b", "br", "code", "pre", "bdi", "table", "thead",
    "tbody", "tfoot", "tr", "th", "td", "details", "summary", "svg", "rect", "line", "text", "circle", "path",
}


class Elements(HTMLParser):
    """Every element with its attributes, the text of the page, and that of its elements with an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.by_id: dict[str, str] = {}
        self._id: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the library's signature
        self._id = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._id is not None:
            self.by_id[self._id] = self.by_id.get(self._id, "") + data


def page_of(build: Build) -> Elements:
    return Elements(render(gather(build)))


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def test_the_same_build_gives_the_same_bytes(tmp_path: Path) -> None:
    pages: list[bytes] = []
    for name in ("one", "other"):
        build = written(tmp_path / name, (9, 7, 4), OPTIONS)
        verified(build)
        synthesized(build)
        pages.append(write_page(build).read_bytes())
    assert pages[0] == pages[1]
    assert write_page(Build(tmp_path / "one"), tmp_path / "elsewhere.html").read_bytes() == pages[0]


def test_numbers_are_those_of_manifest_model_and_verification(tmp_path: Path) -> None:
    build = written(tmp_path / "build", (40, 31, 6), OPTIONS)
    before = page_of(build)
    assert before.by_id["latency-simulated"] == "–" and "Not verified yet" in before.text
    record = verified(build)
    page, predicted = page_of(build), predict(build.flow)
    assert digits(page.by_id["latency-predicted"]) == predicted.latency_cycles == digits(page.by_id["latency-simulated"])
    assert digits(page.by_id["interval-predicted"]) == predicted.interval_cycles == digits(page.by_id["interval-simulated"])
    data = gather(build)
    assert data.alone_cycles == predicted.latency_cycles
    assert [v.count for v in record.codes] == [sum(v.bins) for v in record.codes]
    for wanted in (record.sources_sha256, "5" * 64, "Bit for bit equal to the reference on 20 inferences", *record.tools.values()):
        assert wanted in page.text
    for stage in data.stages:
        assert stage.array is not None
        assert "{} × {}".format(*stage.array) in page.text


def test_a_difference_is_the_first_thing_that_is_said_and_is_named(tmp_path: Path) -> None:
    build = written(tmp_path / "build", (9, 7, 4), OPTIONS)
    verified(build, mismatches=2)
    text = page_of(build).text
    assert "2 of 20 inferences differ from the reference" in text and "Bit for bit" not in text
    assert re.search(r"First difference: layer fc1, value \S+, sample 3, element 1: expected -7, got 9 \(random stalls\)", text)


def test_results_of_other_hardware_are_said_to_be_old(tmp_path: Path) -> None:
    build = written(tmp_path / "build", (9, 7, 4), OPTIONS)
    verified(build)
    made = synthesized(build)
    fresh = page_of(build).text
    assert "Bit for bit equal" in fresh and "123.4 MHz" in fresh and "is renewed" not in fresh
    memory = build.folder / "mem" / "s0_matvec_weight.mem"
    memory.write_text(memory.read_text().replace("0", "1"))
    old = gather(Build(build.folder))
    assert not old.verification_current and not old.clocks
    assert [a.current for a in old.areas if a.synthesis == made] == [False]
    text = Elements(render(old)).text
    assert "Verified before its files changed" in text and "Bit for bit" not in text
    assert "The last synthesis was of other files" in text and "1 137" not in text


def test_estimate_and_synthesis_stand_side_by_side_for_every_stage(tmp_path: Path) -> None:
    build = written(tmp_path / "build", (9, 7, 8, 4), OPTIONS)
    made = synthesized(build)
    (area,) = [a for a in gather(build).areas if a.synthesis is not None]
    assert [row.synthesis for row in area.stages] == [*(s.area for s in made.stages), made.other]
    assert area.total.synthesis == made.total and area.total.estimate.luts > 0
    assert area.lut_factor is not None and area.lut_factor >= 1
    page = page_of(build).text
    for stage in made.stages:
        assert f"{stage.area.luts:,}".replace(",", "\u202f") in page


@pytest.mark.parametrize("shape", ["chain", "branches"])
def test_names_of_a_model_are_text_and_nothing_else(tmp_path: Path, shape: str) -> None:
    if shape == "chain":
        build = written(tmp_path / "build", (4, 5, 6, 5, 3) * 3, BuildOptions(), HOSTILE)
    else:
        build = written_graph(tmp_path / "build", renamed(branching(1), HOSTILE), BuildOptions())
    verified(build, mismatches=1)
    synthesized(build)
    page = render(gather(build))
    elements = Elements(page)
    assert {tag for tag, _ in elements.found} <= TAGS
    for tag, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src")], (tag, attributes)
        assert attributes.get("href", "#").startswith("#")
    assert page.count("<style>") == 1 and page.count("</style>") == 1
    assert not set(page) & {"\u202e", "\u2066", "\x00", "\x1b"}
    assert "x" * 301 not in page
    for name in HOSTILE:
        assert clean(name)[:60] in elements.text, f"{name[:60]!r} is shown as it is, where it can be shown"


def test_a_graph_shows_its_branches_with_their_fifos_and_every_port(tmp_path: Path) -> None:
    build = written_graph(tmp_path / "build", branching(1), OPTIONS)
    verified(build)
    data, page = gather(build), page_of(build)
    labels = [label for row in data.network.rows for label in re.findall(r'class="node" [^>]*>([^<]+)<', str(row.rails))]
    stages = [str(k) for k in range(1, len(build.flow.stages) + 1)]
    assert sorted(labels) == sorted([*stages, "in0", "in1", "out0", "out1"])
    buffers = [e for e in build.flow.elements if isinstance(e, Buffer)]
    assert sorted(row.depth for row in data.branches) == sorted(b.depth for b in buffers)
    assert data.memory.branch_fifos == sum(b.depth * b.takes[0].bits for b in buffers) > 0
    for port in ("s_axis_0", "s_axis_1", "m_axis_0", "m_axis_1"):
        assert port in page.text
    assert "4 AXI4-Stream ports" in page.text
    assert "of the model's tensor x: x.transpose(0, 2, 3, 1)." in page.text, "how the host orders the image"
    use = next(stage.use for stage in data.stages if stage.layer.path == "conv1")
    assert use is not None and use.padding / use.inside == pytest.approx(1 - 16 * 13 / (9 * 30)), "16 x 13 of 18 x 15 positions"


def test_every_part_has_its_heading_and_is_linked(tmp_path: Path) -> None:
    page = page_of(written(tmp_path / "build", (3, 2), BuildOptions()))
    ids = {attributes["id"] for tag, attributes in page.found if tag == "h2"}
    assert ids == {
        "network", "cycles", "timeline", "memory", "area", "clock", "values", "verification", "ports", "reproduce", "versions",
    }
    assert {attributes["href"] for tag, attributes in page.found if tag == "a"} == {f"#{i}" for i in ids}


def test_commands_are_safe_in_a_shell_whatever_the_options_hold(tmp_path: Path) -> None:
    asked = BuildOptions(precision="fixed<8,3>", argmax=True, seed=3)
    manifest = written(tmp_path / "build", (3, 2), asked).manifest
    nasty = "fc'1$(reboot)`x`;=2x2"
    options = manifest.options.model_copy(update={"parallelism": nasty})
    made, *_ = commands(manifest.model_copy(update={"options": options}), None, [])
    words = ["hwgen", "build", "MODEL", "--parallelism", nasty, "--precision", "fixed<8,3>", "--argmax"]
    assert shlex.split(made.line) == words


def test_a_damaged_verification_is_refused_by_name(tmp_path: Path) -> None:
    build = written(tmp_path / "build", (3, 2), BuildOptions())
    (build.folder / VERIFICATION).write_text('{"samples": 1}')
    with pytest.raises(HwgenError, match="verify again"):
        gather(build)
