"""The reasons, by people, why some mutants may live: survivors.toml beside this file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Reason:
    """Why no test need kill a mutant.  equivalent: because it behaves as the original does, whatever the input."""

    id: str
    reason: str
    equivalent: bool


def read(file: Path) -> dict[str, Reason]:
    """The reasons by mutant.  Raises ValueError where one is missing, empty or given twice."""
    rows = tomllib.loads(file.read_text()).get("survivor", []) if file.is_file() else []
    reasons: dict[str, Reason] = {}
    for row in rows:
        if not str(row.get("reason", "")).strip() or set(row) - {"id", "reason", "equivalent"}:
            raise ValueError(f"{file.name}: {row} needs an id, a reason, and at most `equivalent` beside them")
        if row["id"] in reasons:
            raise ValueError(f"{file.name}: {row['id']} stands twice")
        reasons[row["id"]] = Reason(row["id"], row["reason"], bool(row.get("equivalent", False)))
    return reasons
