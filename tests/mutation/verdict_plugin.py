"""A pytest plugin for runs on a copy of the repository: what failed first, and that the code under test is the copy's.

HWGEN_MUTATION_VERDICT names the file that it writes: one JSON object with the first failed test (``test``), whether that was
the simulator refusing to build the design (``refused``), what was said (``says``), and at the end the processor's ``seconds``
and what of them the slowest test took (``slowest``).  With HWGEN_MUTATION_TEST_SECONDS, a test that takes longer ends the run.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from time import process_time
from typing import Any, Final

import pytest

VARIABLE: Final = "HWGEN_MUTATION_VERDICT"
TEST_SECONDS: Final = "HWGEN_MUTATION_TEST_SECONDS"
_REFUSED: Final = "verilator-failed"
_RUN_LIMIT: Final = resource.getrlimit(resource.RLIMIT_CPU)[0]
_SLOWEST: Final = pytest.StashKey[float]()


def pytest_sessionstart(session: pytest.Session) -> None:
    for package in ("hwgen", "passes"):
        spec = importlib.util.find_spec(package)
        place = Path(spec.origin or "") if spec else Path()
        if not place.is_relative_to(session.config.rootpath):
            pytest.exit(f"{package} comes from {place}, not from the copy in {session.config.rootpath}", returncode=99)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the file says.  test: empty where none failed.  seconds: 0 where the run did not come to its end."""

    test: str = ""
    refused: bool = False
    says: str = ""
    seconds: float = 0.0
    slowest: float = 0.0

    @staticmethod
    def read(file: Path) -> Verdict:
        """The verdict in a file; an empty one where there is none."""
        return Verdict(**json.loads(file.read_text())) if file.is_file() else Verdict()

    def write(self) -> None:
        """Put it where the caller wants it."""
        Path(os.environ[VARIABLE]).write_text(json.dumps(asdict(self)))


def _failed(test: str, refused: bool, says: str) -> None:
    if not Verdict.read(Path(os.environ[VARIABLE])).test:
        last = next((line for line in reversed(says.splitlines()) if line.strip()), "")
        Verdict(test, refused, last.strip()[:300]).write()


def _used() -> float:
    """Processor time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def pytest_unconfigure(config: pytest.Config) -> None:
    slowest = round(config.stash.get(_SLOWEST, 0.0), 2)
    replace(Verdict.read(Path(os.environ[VARIABLE])), seconds=round(_used(), 2), slowest=slowest).write()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    allowed, before = os.environ.get(TEST_SECONDS), _used()
    if allowed is not None:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (min(_RUN_LIMIT, ceil(process_time() + float(allowed))), hard))
    result = yield
    item.config.stash[_SLOWEST] = max(item.config.stash.get(_SLOWEST, 0.0), _used() - before)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if report.failed and call.excinfo is not None:
        _failed(item.nodeid, getattr(call.excinfo.value, "code", "") == _REFUSED, call.excinfo.exconly())
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _failed(report.nodeid, False, str(report.longrepr))
