"""The table at the end, and what is still to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mutation.mutant import Mutant
from mutation.survivors import Reason
from mutation.workspace import Outcome
from rich.console import Console
from rich.table import Table
from rich.text import Text

GOAL = 0.9


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers of mutants by what became of them.  killed: timeouts too."""

    stillborn: int = 0
    killed: int = 0
    timeouts: int = 0
    survived: int = 0
    equivalent: int = 0

    @property
    def score(self) -> float:
        """Killed of all that were viable; equivalent ones count as survivors."""
        viable = self.killed + self.survived
        return self.killed / viable if viable else 1.0

    @property
    def score_of_different(self) -> float:
        """Killed of those that were viable and not found equivalent."""
        viable = self.killed + self.survived - self.equivalent
        return self.killed / viable if viable else 1.0


def tally(outcomes: Mapping[Mutant, Outcome], reasons: Mapping[str, Reason]) -> Tally:
    """Count."""
    count = Counter(outcome.status for outcome in outcomes.values())
    same = sum(o.status == "survived" and m.id in reasons and reasons[m.id].equivalent for m, o in outcomes.items())
    return Tally(count["stillborn"], count["killed"] + count["timeout"], count["timeout"], count["survived"], same)


def unexplained(outcomes: Mapping[Mutant, Outcome], reasons: Mapping[str, Reason]) -> list[Mutant]:
    """Survivors without a reason."""
    return [mutant for mutant, outcome in outcomes.items() if outcome.status == "survived" and mutant.id not in reasons]


def show(console: Console, outcomes: Mapping[Mutant, Outcome], reasons: Mapping[str, Reason]) -> None:
    """Print the table by kind and operator, and the survivors that have a reason, with it."""
    table = Table(title="Mutants", title_justify="left")
    for column in ("kind", "operator"):
        table.add_column(column, no_wrap=True)
    for column in ("mutants", "stillborn", "killed", "(by time)", "survived", "(equivalent)", "score"):
        table.add_column(column, justify="right", no_wrap=True)
    kinds = list(dict.fromkeys(mutant.kind for mutant in outcomes))
    for kind in kinds:
        mine = {m: o for m, o in outcomes.items() if m.kind == kind}
        for operator in sorted({m.edit.operator for m in mine}):
            _row(table, kind, operator, tally({m: o for m, o in mine.items() if m.edit.operator == operator}, reasons))
        _row(table, kind, "all", tally(mine, reasons), last=True)
    _row(table, "all", "all", tally(outcomes, reasons))
    console.print(table)
    for mutant, outcome in outcomes.items():
        if outcome.status == "survived" and mutant.id in reasons:
            word = "equivalent" if reasons[mutant.id].equivalent else "survives"
            console.print(Text(f"{mutant.id}  {word}: {reasons[mutant.id].reason}"), soft_wrap=True)


def _row(table: Table, kind: str, operator: str, t: Tally, *, last: bool = False) -> None:
    cells = (t.stillborn + t.killed + t.survived, t.stillborn, t.killed, t.timeouts, t.survived, t.equivalent)
    table.add_row(kind, operator, *(str(cell) for cell in cells), f"{t.score:.1%}", end_section=last)
