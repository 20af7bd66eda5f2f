"""A pytest plugin for runs on a copy of the repository: what failed first, and that the code under test is the copy's.

HWGEN_MUTATION_VERDICT names the file that it writes: one JSON object with the first failed test (``test``), whether that was
the simulator refusing to build the design (``refused``), and what was said (``says``).
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

VARIABLE: Final = "HWGEN_MUTATION_VERDICT"
_REFUSED: Final = "verilator-failed"


def pytest_sessionstart(session: pytest.Session) -> None:
    for package in ("hwgen", "passes"):
        spec = importlib.util.find_spec(package)
        place = Path(spec.origin or "") if spec else Path()
        if not place.is_relative_to(session.config.rootpath):
            pytest.exit(f"{package} comes from {place}, not from the copy in {session.config.rootpath}", returncode=99)


def _write(test: str, refused: bool, says: str) -> None:
    target = Path(os.environ[VARIABLE])
    if not target.exists():
        last = next((line for line in reversed(says.splitlines()) if line.strip()), "")
        target.write_text(json.dumps({"test": test, "refused": refused, "says": last.strip()[:300]}))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if report.failed and call.excinfo is not None:
        _write(item.nodeid, getattr(call.excinfo.value, "code", "") == _REFUSED, call.excinfo.exconly())
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _write(report.nodeid, False, str(report.longrepr))
