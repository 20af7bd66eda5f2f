"""``hwgen synth`` and ``hwgen build --target``: results in the build, exit codes, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen import flow
from hwgen.cost.area import Area, Target
from hwgen.rtl.build_directory import Build
from hwgen.synth.record import NetlistRun, Synthesis
from hwgen.synth.store import is_current, load
from tests.cli.support import Hwgen

CONFIG = """
[build]
precision = "fixed<4,2>"
parallelism = "2x1"
target = "ecp5"
pnr = true
samples = 4
"""


@pytest.fixture
def built(hwgen: Hwgen, mlp: Path) -> Path:
    """An emitted build."""
    options = ("--precision", "fixed<4,2>", "--parallelism", "2x1", "--samples", 4)
    assert hwgen("emit", mlp, *options, "--out", "made").code == 0
    return Path("made")


def hardware(folder: Path) -> dict[str, bytes]:
    """The bytes of what a build is, by name."""
    return {str(p.relative_to(folder)): p.read_bytes() for part in ("rtl", "mem", "vectors") for p in (folder / part).iterdir()}


@pytest.mark.slow
def test_build_with_a_target_fills_the_synthesis_keys_and_leaves_the_hardware_as_it_was(
    hwgen: Hwgen, mlp: Path, built: Path
) -> None:
    Path("c.toml").write_text(CONFIG)
    outcome = hwgen("build", mlp, "--config", "c.toml", "--out", "synthesized", "--json")
    assert outcome.code == 0, outcome.err
    record = outcome.record
    build = Build(Path("synthesized"))
    kept = load(build, Target.ECP5)
    assert kept is not None
    assert kept.timing is not None
    assert record["synthesis"] == {
        "target": "ecp5", "luts": kept.total.luts, "ffs": kept.total.ffs, "dsps": 4, "brams": 0,
        "fmax_mhz": kept.timing.fmax_mhz,
    }
    assert record["seconds"]["synthesize"] > 0
    assert is_current(build, kept)
    assert hardware(Path("synthesized")) == hardware(built)
    assert {step.stage for step in kept.timing.critical_path} <= {"fc1", "fc2", "outside the layers"}
    said = hwgen("synth", "synthesized", "--target", "ecp5")
    assert said.code == 0, said.err
    assert "fc1" in said.out
    assert f"{kept.total.luts} luts" in said.out


@pytest.mark.parametrize(("mismatches", "code", "said"), [(0, 0, "bit for bit equal"), (3, 1, "MISMATCH")])
def test_a_netlist_that_differs_ends_with_1(
    mismatches: int, code: int, said: str, hwgen: Hwgen, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Synthesis(
        target=Target.XC7, sources_sha256="0" * 64, total=Area(luts=7), stages=(), other=Area(luts=7),
        netlist=NetlistRun(samples=100, mismatches=mismatches), seconds=1.0, tools={},
    )
    asked: list[object] = []

    def synthesize(*arguments: object, **named: object) -> Synthesis:
        asked.append((arguments, named["netlist_samples"], named["seed"]))
        return made

    monkeypatch.setattr(flow, "synthesize", synthesize)
    outcome = hwgen("synth", built, "--target", "xc7", "--netlist-sim", "--seed", 5)
    assert outcome.code == code
    assert said in outcome.out
    assert asked == [((built, Target.XC7), 100, 5)]


def test_a_project_is_written_beside_the_build(hwgen: Hwgen, built: Path) -> None:
    outcome = hwgen("synth", built, "--project", "vivado", "--part", "xcku5p-ffvb676-2-e", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.record["project"]["tool"] == "vivado"
    assert Path(outcome.record["project"]["folder"]).name == "made-vivado"
    assert (Path("made-vivado") / "implement.tcl").is_file()
    Build(built)


REFUSED = [
    ((), "--target: is missing"),
    (("--target", "ecp6"), "'ecp5', 'xcup', 'xc7', 'ice40'"),
    (("--target", "xcup", "--pnr"), "use --target ecp5"),
    (("--project", "vivado"), "--part"),
    (("--project", "ise", "--part", "xc6slx9"), "vivado, quartus"),
    (("--project", "vivado", "--part", "xcku5p-ffvb676-2-e", "--pnr"), "--target: is missing"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_what_cannot_be_is_refused_with_the_way_out(
    arguments: tuple[str, ...], said: str, hwgen: Hwgen, built: Path
) -> None:
    outcome = hwgen("synth", built, *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (built / "synthesis").exists()


def test_a_model_is_sent_to_build(hwgen: Hwgen, mlp: Path) -> None:
    outcome = hwgen("synth", mlp, "--target", "ecp5")
    assert outcome.code == 2
    assert "hwgen build MODEL --target" in outcome.err


def test_place_and_route_needs_a_target_before_anything_is_built(hwgen: Hwgen, mlp: Path) -> None:
    outcome = hwgen("build", mlp, "--pnr", "--out", "none")
    assert outcome.code == 2
    assert "--target ecp5" in outcome.err
    assert not Path("none").exists()
