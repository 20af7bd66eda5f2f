"""The page in a real browser: it is whole without network and script, nothing overflows, and it prints."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Generator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pytest

from hwgen.dataflow.cycles import predict
from hwgen.dataflow.layers import place_names
from hwgen.flow import BuildOptions
from hwgen.report.data import gather
from hwgen.report.network import network_view, stage_views
from hwgen.report.page import REPORT, render, write_page
from hwgen.rtl.build_directory import Build
from tests.branching import branching
from tests.flows import u_net
from tests.report.support import HOSTILE, synthesized, verified, written, written_graph

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.slow

FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)
MODELS: Final = ("plain", "hostile", "deep", "branches", "wide")
WIDTHS: Final = (1280, 390)
OVERFLOWING: Final = """
const wide = document.documentElement.clientWidth, found = [];
for (const e of document.querySelectorAll("body *")) {
  const box = e.getBoundingClientRect(), scrolls = e.closest(".wide");
  const out = box.width > 0 && (box.right > wide + 0.5 || box.left < -0.5);
  if (out && !scrolls) found.push(e.tagName + "." + e.getAttribute("class"));
}
return [document.documentElement.scrollWidth, found.slice(0, 5)];
"""


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Build]:
    """A small network with all results, one with hostile names, one with forty layers, one of branches; each with its page.

    ``wide`` is the small one, drawn as a network of forty convolutions and four levels of skips.
    """
    folder = tmp_path_factory.mktemp("builds")
    made = {
        "plain": written(folder / "plain", (16, 20, 5), BuildOptions(parallelism="4x4")),
        "hostile": written(folder / "hostile", (4, 5, 6, 5, 3) * 3, BuildOptions(), HOSTILE),
        "branches": written_graph(folder / "branches", branching(1), BuildOptions(parallelism="2x2")),
        "wide": written(folder / "wide", (16, 20, 5), BuildOptions()),
        "deep": written(folder / "deep", tuple(4 + k * 5 % 13 for k in range(41)), BuildOptions(parallelism="2x3")),
    }
    for name, build in made.items():
        verified(build, mismatches=int(name == "hostile"))
        synthesized(build, routed=name != "deep")
        write_page(build)
    skips = u_net(4, 4, 64)
    drawn = network_view(skips, stage_views(skips, skips.ideal_interval_cycles), place_names(skips))
    (made["wide"].folder / REPORT).write_text(render(replace(gather(made["wide"]), network=drawn)))
    return made


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Generator[Chrome]:
    """Headless Chromium with an empty profile."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    programs = [shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")]
    for name, found in zip(("chromium", "chromedriver"), programs, strict=True):
        if found is None:
            pytest.skip(f"{name} is not installed")
    options: Any = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


def show(browser: Chrome, build: Build, width: int = 1280) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get((build.folder / "report.html").as_uri())


def text_of(browser: Chrome, selector: str) -> str:
    return str(browser.execute_script("return document.querySelector(arguments[0]).closest('section').innerText", selector))


@pytest.mark.parametrize("model", MODELS)
def test_opens_without_a_word_on_the_console_and_asks_for_nothing(browser: Chrome, builds: dict[str, Build], model: str) -> None:
    show(browser, builds[model])
    assert browser.get_log("browser") == []
    traffic = "\n".join(str(entry["message"]) for entry in browser.get_log("performance"))
    asked = re.findall(r'"Network.requestWillBeSent".*?"url":"([^"]*)"', traffic)
    assert [url for url in asked if not url.endswith("/report.html")] == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert "hwgen" in browser.title and "pwned" not in browser.title.split("<")[0]
    assert browser.execute_script("return document.scripts.length + document.images.length") == 0


def test_its_policy_stops_whatever_might_come_in(browser: Chrome, builds: dict[str, Build]) -> None:
    show(browser, builds["plain"])
    inserted = "const s = document.createElement('style'); s.textContent = 'h1 { display: none }'; document.head.append(s);"
    browser.execute_script(inserted + "document.body.insertAdjacentHTML('beforeend', '<img src=\"https://example.org/x.png\">')")
    assert browser.execute_script("return getComputedStyle(document.querySelector('h1')).display") == "block"
    assert any("Content Security Policy" in str(entry["message"]) for entry in browser.get_log("browser"))


def test_every_part_shows_what_it_is_named_for(browser: Chrome, builds: dict[str, Build]) -> None:
    build = builds["plain"]
    show(browser, build)
    manifest, predicted = build.manifest, predict(build.flow)
    wanted = {
        "network": ["int8", "uint4", "4 × 4", "16 multipliers", "FIFO of", "fc1", "fc2"],
        "cycles": [str(predicted.latency_cycles), str(predicted.interval_cycles), "87.5 %"],
        "timeline": ["One inference alone", "in flight", str(predicted.latency_cycles), str(predicted.interval_cycles)],
        "area": ["ecp5", "estimate", "synthesis", "1 137", "Estimates for all families", "ice40"],
        "clock": ["123.4 MHz", "Critical path, 3.30 ns", "TRELLIS_COMB", "fc1", "1.77 ns"],
        "values": ["−128", "127", "8 of 8", "requant_scale"],
        "verification": ["20", "full rate", "random stalls", "11", "The netlist for ecp5"],
        "ports": [manifest.inputs[0].name, manifest.outputs[0].name, "signed, 8 bits", "0.0625"],
        "reproduce": ["hwgen build MODEL --parallelism 4x4 --samples 20 --seed 11", "hwgen synth BUILD --target ecp5 --pnr"],
        "versions": [manifest.hwgen_version, manifest.source_sha256, "Verilator", "Yosys", "Python"],
    }
    for part, texts in wanted.items():
        shown = text_of(browser, f"h2#{part}").replace("\u202f", " ")
        assert [t for t in texts if t not in shown] == [], part
    lanes = browser.execute_script("return document.querySelectorAll('.timeline')[0].querySelectorAll('.row').length")
    assert lanes == len(build.flow.stages) + 2
    widths = browser.execute_script("return [...document.querySelectorAll('.histogram')].map(s => s.getBoundingClientRect().width)")
    assert min(widths) > 100


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("model", ["branches", "wide"])
def test_lines_of_streams_go_from_row_to_row(browser: Chrome, builds: dict[str, Build], model: str, width: int) -> None:
    show(browser, builds[model], width)
    spans = browser.execute_script(
        "return [...document.querySelectorAll('.rail')].map(r => [r, r.querySelector('.lines')].map(e => "
        "(b => [b.top, b.bottom])(e.getBoundingClientRect())))"
    )
    assert all(abs(rail[k] - lines[k]) < 0.5 for rail, lines in spans for k in (0, 1))
    assert all(abs(above[0][1] - below[0][0]) < 0.5 for above, below in pairwise(spans))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("model", MODELS)
def test_nothing_overflows_sideways(browser: Chrome, builds: dict[str, Build], model: str, width: int) -> None:
    show(browser, builds[model], width)
    whole, found = browser.execute_script(OVERFLOWING)
    assert (whole, found) == (width, [])


def test_is_readable_in_the_dark_and_prints_on_white(browser: Chrome, builds: dict[str, Build]) -> None:
    show(browser, builds["plain"])
    background = "return getComputedStyle(document.body).backgroundColor"
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    try:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
        assert sum(map(int, re.findall(r"\d+", browser.execute_script(background)))) < 150
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
        assert browser.execute_script(background) == "rgb(255, 255, 255)"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {})


@pytest.mark.parametrize("model", MODELS)
def test_fits_on_paper(browser: Chrome, builds: dict[str, Build], model: str) -> None:
    show(browser, builds[model], 688)  # the width of A4 within its margins
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        whole, found = browser.execute_script(OVERFLOWING.replace('e.closest(".wide")', "null"))
        tallest = browser.execute_script(
            "return Math.max(...[...document.querySelectorAll('.timeline, .place, tr, pre, .figures')]"
            ".map(e => e.getBoundingClientRect().height))"
        )
        folded = browser.execute_script("return [...document.querySelectorAll('details td')].map(e => e.offsetHeight)")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {})
    assert (whole, found) == (688, [])
    assert tallest < 1009, "what must not be cut fits on a page"
    assert all(height > 0 for height in folded), "what is folded on screen is shown on paper"
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(printed["data"])
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") >= 3
