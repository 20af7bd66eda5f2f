"""What is known already, on disk: a run that was stopped goes on where it was.

One JSON object a line, appended as soon as a mutant is judged.  An entry holds for as long as the mutant's source and the tests
that decided are what they were: for a killed one the test file that killed it, for a survivor all that judged it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from mutation.mutant import Mutant
from mutation.workspace import Outcome


@dataclass(frozen=True, slots=True)
class Entry:
    """The outcome for a mutant, and the digest of what it rests on."""

    id: str
    outcome: Outcome
    rests_on: str


class Journal:
    """The entries in ``file``; root: what the paths in them are relative to."""

    def __init__(self, file: Path, root: Path, *, fresh: bool = False) -> None:
        self._file, self._root, self._lock = file, root, Lock()
        self._entries: dict[str, Entry] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            file.unlink(missing_ok=True)
        text = file.read_text() if file.is_file() else ""
        whole = text[: text.rfind("\n") + 1]
        for line in whole.splitlines():
            row = json.loads(line)
            self._entries[row["id"]] = Entry(row["id"], Outcome(**row["outcome"]), row["rests_on"])
        if whole != text:
            file.write_text(whole)  # a line that was cut off

    def known(self, mutant: Mutant, judges: Sequence[str]) -> Outcome | None:
        """The outcome of an earlier run, if nothing that it rests on has changed."""
        entry = self._entries.get(mutant.id)
        if entry is None or entry.rests_on != self._digest(mutant, entry.outcome, judges):
            return None
        return entry.outcome

    def add(self, mutant: Mutant, outcome: Outcome, judges: Sequence[str]) -> None:
        """Write an outcome down, for good."""
        entry = Entry(mutant.id, outcome, self._digest(mutant, outcome, judges))
        with self._lock:
            self._entries[mutant.id] = entry
            with self._file.open("a") as out:
                out.write(json.dumps(asdict(entry)) + "\n")
                out.flush()
                os.fsync(out.fileno())

    def _digest(self, mutant: Mutant, outcome: Outcome, judges: Sequence[str]) -> str:
        decided = outcome.test.split("::")[0]
        return digest(self._root, [mutant.path, *([decided] if decided in judges else sorted(judges))])


def digest(root: Path, paths: Iterable[str]) -> str:
    """Of the contents of files."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.encode() + b"\0" + hashlib.sha256((root / path).read_bytes()).digest())
    return total.hexdigest()[:16]
