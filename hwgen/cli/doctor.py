"""``hwgen doctor``: which tools are found, and what is missing."""

from __future__ import annotations

import typer

from hwgen.cli.options import Json
from hwgen.errors import EXIT_FAILED


def doctor(json: Json = False) -> None:
    """Say which tools are found or missing.

    Exit 1 where `hwgen build` would not work.
    """
    from dataclasses import asdict

    from hwgen.cli.screen import Screen
    from hwgen.doctor import examine
    from hwgen.errors import clean

    screen = Screen(as_json=json)
    findings = examine()
    missing = [f for f in findings if f.missing]
    screen.result({"ok": not missing, "findings": [asdict(f) for f in findings]})
    states = {True: "MISSING", False: "not there"}
    screen.table(
        ["tool", "found", "needed", "for"],
        [[f.name, f.found or states[f.needed], "yes" if f.needed else "optional", f.use] for f in findings],
    )
    absent = [f for f in findings if f.found is None]
    if absent:
        screen.line()
    for finding in absent:
        screen.line(clean(f"{finding.name} ({finding.use}): {finding.fix}"))
    if missing:
        raise typer.Exit(EXIT_FAILED)
