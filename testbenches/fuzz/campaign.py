"""Many networks on all cores: drawn, checked, and what fails shrunk and kept."""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fuzz.case import FuzzCase, save
from fuzz.check import Alteration, Failure, check
from fuzz.compose import draw_case
from fuzz.coverage import Cell, cells
from fuzz.shrink import MOST_ATTEMPTS, shrink
from hwgen.rtl.atomic import work_folder

CASES: Final = Path(__file__).parent / "cases"
MOST_FAILURES: Final = 10
"""After so many there is enough to look at."""
FAILURES: Final = Path(__file__).parents[1] / "build" / "fuzz"


@dataclass(frozen=True, slots=True)
class Job:
    """One network of a campaign.  out: where a failure's folder goes.  alteration: of every build (tests of the fuzzer)."""

    seed: int
    number: int
    out: Path
    alteration: Alteration | None = None
    most_attempts: int = MOST_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Result:
    """folder: of the failure, shrunk, or None where nothing differed.  what: how it differed."""

    number: int
    layers: int
    cells: tuple[Cell, ...]
    folder: Path | None = None
    what: str = ""

    @property
    def name(self) -> str:
        """Of the folder."""
        return "" if self.folder is None else self.folder.name


@dataclass(slots=True)
class Summary:
    """What a campaign has seen."""

    tried: int = 0
    layers: Counter[int] = field(default_factory=Counter[int])
    cells: Counter[Cell] = field(default_factory=Counter[Cell])
    failures: list[Result] = field(default_factory=list[Result])
    seconds: float = 0.0

    def add(self, result: Result) -> None:
        """Counts one network."""
        self.tried += 1
        self.layers[result.layers] += 1
        self.cells.update(result.cells)
        if result.folder is not None:
            self.failures.append(result)


def run_job(job: Job) -> Result:
    """Draws, checks, and shrinks and keeps what fails."""
    case = draw_case(job.seed, job.number)
    outcome = check(case, job.alteration)
    layers = sum(n.op not in ("input", "constant", "decode") for n in case.graph.nodes)
    seen = () if outcome.flow is None else tuple(cells(outcome.flow))
    if outcome.failure is None:
        return Result(job.number, layers, seen)

    def again(smaller: FuzzCase) -> Failure | None:
        return check(smaller, job.alteration).failure

    small, failure = shrink(case, outcome.failure, again, most_attempts=job.most_attempts)
    folder = job.out / f"{job.seed}-{job.number}"
    what = f"{failure.kind}: {failure.what}"
    save(small, folder, what)
    return Result(job.number, layers, seen, folder, what)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits for the end of the block; a process that starts inside is born with it held, however long its imports take.

    The mask is what the new process inherits; the handler is for this one, whose other threads take signals too.
    """
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if came:
        raise KeyboardInterrupt


def _be_born(temporary: str) -> None:
    """A worker's first act: it came with interrupts held, and what arrived meanwhile is dropped.  temporary: for all its files."""
    tempfile.tempdir = temporary
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _interruptible(job: Job) -> Result:
    """`run_job` in a worker: Ctrl-C ends it; between jobs the worker does not heed it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run_job(job)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def campaign(
    jobs: Sequence[Job], processes: int, summary: Summary, tell: Callable[[Result], None], most_failures: int = MOST_FAILURES
) -> None:
    """Runs ``jobs`` and counts them in ``summary``; stops early after so many failures.  An interrupt leaves nothing half made."""
    start = time.perf_counter()
    waiting, running = iter(jobs), set[Future[Result]]()
    # spawned, so that no thread of this process is copied; as many at a time as there are processes, so that none waits inside
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        with _interrupts_held():
            temporary = stack.enter_context(work_folder("hwgen-fuzz-"))
        pool = stack.enter_context(ProcessPoolExecutor(processes, context, _be_born, (str(temporary),)))
        try:
            while len(summary.failures) < most_failures:
                for job in waiting:
                    with _interrupts_held():  # submitting starts the workers
                        running.add(pool.submit(_interruptible, job))
                    if len(running) == processes:
                        break
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    summary.add(future.result())
                    tell(future.result())
        finally:
            summary.seconds = time.perf_counter() - start
