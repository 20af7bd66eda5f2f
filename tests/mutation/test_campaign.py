"""The campaign on a small repository: who is killed, who lives, and that a stopped run goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mutation import report
from mutation.campaign import Campaign
from mutation.journal import Journal
from mutation.mutant import Edit, Mutant
from mutation.survivors import Reason, read
from mutation.workspace import Broken, Outcome

EDIT = Edit(0, 1, "y", "logic")

SOURCE = '''"""Some numerics."""


def half(x: int) -> int:
    return x // 2


def few(x: int) -> bool:
    return x < 3
'''

TESTS = '''from hwgen.numerics.small import few, half


def test_claim() -> None:
    assert few(2) and not few(4)
'''


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """hwgen with one source, whose test looks at half of it."""
    root = tmp_path / "repository"
    (root / "hwgen" / "numerics").mkdir(parents=True)
    (root / "passes").mkdir()
    (root / "tests" / "numerics").mkdir(parents=True)
    for package in ("hwgen", "hwgen/numerics", "passes"):
        (root / package / "__init__.py").write_text("")
    (root / "hwgen" / "numerics" / "small.py").write_text(SOURCE)
    (root / "tests" / "numerics" / "test_small.py").write_text(TESTS)
    options = 'pythonpath = [".", "tests"]\nmarkers = ["slow"]\naddopts = ["--import-mode=importlib"]'
    (root / "pyproject.toml").write_text(f'[project]\nname = "small"\n[tool.pytest.ini_options]\n{options}\n')
    own = Path(__file__).parent
    shutil.copytree(own, root / "tests" / "mutation", ignore=shutil.ignore_patterns("test_*", "__pycache__"))
    return root


def judged(root: Path, wanted: str, *, fresh: bool = False) -> dict[str, Outcome]:
    campaign = Campaign(root, root / "build", 1, fresh=fresh, slack_seconds=3)
    outcomes: dict[str, Outcome] = {}

    def done(mutant: Mutant, outcome: Outcome) -> None:
        outcomes[mutant.edit.new] = outcome

    campaign.judge([mutant for mutant in campaign.mutants() if mutant.edit.operator == wanted], done)
    return outcomes


@pytest.mark.slow
def test_tested_mistakes_die_and_others_live_and_a_second_run_asks_only_what_changed(repository: Path) -> None:
    constants = judged(repository, "constant")
    assert {new: o.status for new, o in constants.items()} == {"1": "survived", "3": "survived", "2": "killed", "4": "survived"}
    assert constants["2"].test == "tests/numerics/test_small.py::test_claim"
    assert judged(repository, "comparison")["<="].status == "survived", "3 itself is not tested"

    lines = (repository / "build" / "journal.jsonl").read_text().splitlines()
    assert judged(repository, "constant") == constants
    assert (repository / "build" / "journal.jsonl").read_text().splitlines() == lines, "what is known is not asked again"

    test = repository / "tests" / "numerics" / "test_small.py"
    test.write_text(TESTS + "    assert not few(3) and half(5) == 2\n")
    assert {o.status for o in judged(repository, "constant").values()} == {"killed"}
    assert judged(repository, "rounding").popitem()[1].status == "killed"


@pytest.mark.slow
def test_endless_loop_is_stopped_and_a_refused_design_is_stillborn(repository: Path) -> None:
    source = "def run(x):\n    while x < 5:\n        x = x + 1\n    return x == 5\n"
    (repository / "hwgen" / "numerics" / "small.py").write_text(source)
    said = "class Refused(Exception):\n    code = 'verilator-failed'\n"
    body = "def test_it():\n    if not small.run(4) or not small.run(1):\n        raise Refused\n"
    (repository / "tests" / "numerics" / "test_small.py").write_text(f"from hwgen.numerics import small\n{said}{body}")
    assert judged(repository, "arithmetic")["-"].status == "timeout"
    assert judged(repository, "comparison")["!="].status == "stillborn"


@pytest.mark.slow
def test_failing_tests_and_foreign_packages_stop_the_run(repository: Path) -> None:
    test = repository / "tests" / "numerics" / "test_small.py"
    test.write_text(TESTS + "    assert half(5) == 3\n")
    with pytest.raises(Broken, match=r"without any mutant, .*test_claim fails"):
        judged(repository, "rounding")
    test.write_text("import hwgen.numerics.small\n" + TESTS)
    shutil.rmtree(repository / "passes")
    with pytest.raises(Broken, match="passes comes from"):
        judged(repository, "rounding")


def test_journal_survives_a_cut_line_and_forgets_what_changed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "t.py").write_text("")
    (tmp_path / "u.py").write_text("")
    file = tmp_path / "journal.jsonl"
    dead, alive = (Mutant(name, "a.py", EDIT) for name in ("dead", "alive"))
    journal = Journal(file, tmp_path)
    journal.add(dead, Outcome("killed", "t.py::test_x", "no", 1.5), ["t.py", "u.py"])
    journal.add(alive, Outcome("survived"), ["t.py", "u.py"])
    with file.open("a") as out:
        out.write('{"id": "cut')
    again = Journal(file, tmp_path)
    assert again.known(dead, ["t.py", "u.py"]) == Outcome("killed", "t.py::test_x", "no", 1.5)
    assert again.known(alive, ["t.py", "u.py"]) == Outcome("survived")
    (tmp_path / "u.py").write_text("# another test\n")
    assert again.known(dead, ["t.py", "u.py"]) is not None, "the test that killed it is as it was"
    assert again.known(alive, ["t.py", "u.py"]) is None, "a new test may kill it"
    (tmp_path / "a.py").write_text("x = 2\n")
    assert again.known(dead, ["t.py", "u.py"]) is None
    assert Journal(file, tmp_path, fresh=True).known(alive, ["t.py", "u.py"]) is None


def test_score_counts_equivalent_ones_against_us_and_stillborn_ones_not_at_all() -> None:
    mutants = [Mutant(str(number), "passes/a.py", EDIT) for number in range(6)]
    statuses = ("killed", "killed", "timeout", "survived", "survived", "stillborn")
    outcomes = {mutant: Outcome(status) for mutant, status in zip(mutants, statuses, strict=True)}
    reasons = {"3": Reason("3", "the same", True)}
    counted = report.tally(outcomes, reasons)
    assert counted == report.Tally(stillborn=1, killed=3, timeouts=1, survived=2, equivalent=1)
    assert counted.score == 3 / 5 and counted.score_of_different == 3 / 4
    assert report.unexplained(outcomes, reasons) == [mutants[4]]


def test_reason_without_words_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "survivors.toml"
    file.write_text('[[survivor]]\nid = "a"\nreason = " "\n')
    with pytest.raises(ValueError, match="reason"):
        read(file)
    file.write_text('[[survivor]]\nid = "a"\nreason = "b"\n' * 2)
    with pytest.raises(ValueError, match="twice"):
        read(file)
