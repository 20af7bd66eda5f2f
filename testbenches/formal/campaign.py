"""All of it: proofs, sweeps, and the broken templates that they must refuse; done by a few threads, each waiting for programs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

from formal.cases import cases
from formal.mutants import ARITHMETIC, MUTANTS, ArithmeticMutant, Mutant
from formal.player import Sweep, play
from formal.prover import Case, Mode, counterexample, failing, properties, run
from formal.sweeps import sweeps
from hwgen.errors import HwgenError

FOLDER: Final = Path(__file__).resolve().parents[1] / "build" / "formal"
"""Where what fails is left."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the result.  found: what was found, in words.  breaks: properties that a broken template was seen to break."""

    kind: str
    name: str
    ok: bool
    found: str
    engine: str
    seconds: float
    breaks: frozenset[str] = frozenset()


def prove(case: Case, mode: Mode, folder: Path) -> Row:
    """One proof, or the covers of one harness; the folder stays where it fails."""
    try:
        outcome = run(case, mode, folder)
        if outcome.ok:
            shutil.rmtree(folder)
            words = f"all steps; {outcome.size} clauses" if mode is Mode.PROVE else f"all by step {outcome.size}"
        elif mode is Mode.PROVE:
            words = f"REFUSED: {', '.join(sorted(failing(case, outcome)))}; trace: {counterexample(case, outcome)}"
        else:
            words = f"NOT REACHED: {', '.join(sorted(outcome.unreached))}; see {folder}"
    except HwgenError as error:
        return Row(mode, str(case), False, str(error), "", 0.0)
    return Row(mode, str(case), outcome.ok, words, outcome.engine, outcome.seconds)


def sweep(name: str, make: Callable[[], Sweep]) -> Row:
    """One sweep."""
    one = make()
    try:
        swept = play(one)
    except HwgenError as error:
        return Row("sweep", name, False, str(error), "", 0.0)
    words = f"{one.checked:,} equal" if not swept.mismatches else f"{swept.mismatches:,} DIFFER, the first: {swept.first}"
    return Row("sweep", name, not swept.mismatches, words, "Verilator", swept.seconds)


def refuse(mutant: Mutant, folder: Path) -> Row:
    """A broken template that a proof must refuse."""
    name = f"{mutant.template}: {mutant.what}"
    try:
        outcome = run(mutant.case, mutant.mode, folder, {mutant.template: mutant.text()})
        refused = mutant.mode is Mode.PROVE and not outcome.ok
        breaks = failing(mutant.case, outcome) if refused else outcome.unreached
    except HwgenError as error:
        return Row("mutant", name, False, str(error), "", 0.0)
    shutil.rmtree(folder)
    return Row("mutant", name, bool(breaks), ", ".join(sorted(breaks)) or "NOT NOTICED", outcome.engine, outcome.seconds, breaks)


def differ(mutant: ArithmeticMutant) -> Row:
    """A broken template that a sweep must find."""
    name = f"{mutant.template}: {mutant.what}"
    make = next(make for found, make in sweeps().items() if found.startswith(mutant.sweep))
    try:
        swept = play(make(), {mutant.template: mutant.text()})
    except HwgenError as error:
        return Row("mutant", name, False, str(error), "", 0.0)
    words = f"{swept.mismatches:,} differ" if swept.mismatches else "NOT NOTICED"
    return Row("mutant", name, bool(swept.mismatches), words, "Verilator", swept.seconds)


Work = Callable[[], Row]


def work(only: str = "") -> list[Work]:
    """Everything to do whose name holds ``only``, the long proofs first."""
    todo: list[tuple[str, Work]] = []
    for number, (mode, case) in enumerate(product(Mode, cases())):
        todo.append((str(case), partial(prove, case, mode, FOLDER / f"{mode}{number}_{case.harness}")))
    todo += [(name, partial(sweep, name, make)) for name, make in sweeps().items()]
    for number, mutant in enumerate(MUTANTS):
        name = f"{mutant.template}: {mutant.what}"
        todo.append((name, partial(refuse, mutant, FOLDER / f"mutant{number}_{mutant.case.harness}")))
    todo += [(f"{mutant.template}: {mutant.what}", partial(differ, mutant)) for mutant in ARITHMETIC]
    return [job for name, job in todo if only in name]


def campaign(todo: Sequence[Work], jobs: int, done: Callable[[Row], None]) -> list[Row]:
    """Do the work with ``jobs`` threads; ``done`` hears of each row.  Rows in the order of the work."""

    def one(job: Work) -> Row:
        row = job()
        done(row)
        return row

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(one, todo))


def never_broken(rows: Sequence[Row]) -> frozenset[str]:
    """Assertions and covers that no broken template was seen to break."""
    return properties() - frozenset[str]().union(*(row.breaks for row in rows))
