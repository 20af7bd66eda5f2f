"""Who tries points: this process, or others on this machine that end with it.

A worker is sent one point at a time over a pipe of its own.  It reads the end of the file when we are gone, however we went, and
leaves Ctrl-C to us.  One that dies is replaced; a point with which that happens twice has failed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Final

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.search.journal import Outcome
from hwgen.search.space import Key
from hwgen.search.trial import Recipe, outcome_of

_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ATTEMPTS: Final = 2
DIED: Final = "the process that tried it died, twice"
_END_SECONDS: Final = 10.0


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))


class Here:
    """`Pool`: tries each point in this process when it is its turn."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self._recipe, self._seed = recipe, seed
        self._evaluator = recipe.evaluator()

    def outcomes(self, keys: Sequence[Key]) -> Iterator[tuple[int, Outcome]]:
        for place, key in enumerate(keys):
            yield place, outcome_of(self._evaluator, key, self._seed)


@contextmanager
def one_thread_each() -> Generator[None]:
    """Processes started inside compute with one thread: there is one for each core."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _work(pipe: Connection, recipe: Recipe, seed: int) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            evaluator = recipe.evaluator()
        except HwgenError as error:
            pipe.send(error)
            return
        pipe.send(None)  # ready
        while True:
            place, key = pipe.recv()
            pipe.send((place, outcome_of(evaluator, key, seed)))


@dataclass(slots=True)
class _Worker:
    """place: of what it tries.  ready: it has said so."""

    process: SpawnProcess
    pipe: Connection
    place: int | None = None
    ready: bool = False


class Processes:
    """`Pool`: ``count`` worker processes; use as a context manager."""

    def __init__(self, recipe: Recipe, seed: int, count: int) -> None:
        self._recipe, self._seed, self._count = recipe, seed, count
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_END_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        with one_thread_each():
            process = self._context.Process(target=_work, args=(theirs, self._recipe, self._seed), daemon=True)
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def outcomes(self, keys: Sequence[Key]) -> Iterator[tuple[int, Outcome]]:
        waiting, attempts = deque(range(len(keys))), [0] * len(keys)
        while len(self._workers) < min(self._count, len(keys)):
            self._start()
        left = len(keys)
        while left:
            for worker in self._workers:
                if worker.place is None and waiting:
                    self._give(worker, waiting.popleft(), keys, attempts)
            busy = {w.pipe: w for w in self._workers if w.place is not None}
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # pyright: ignore[reportArgumentType] - the pipes are what is waited for
                if not worker.ready:
                    self._begun(worker)
                    continue
                place, worker.place = worker.place, None
                found = self._received(worker)
                if found is not None:
                    left -= 1
                    yield found
                elif place is not None and attempts[place] < ATTEMPTS:
                    waiting.append(place)
                elif place is not None:
                    left -= 1
                    yield place, Outcome(error=DIED)

    def _give(self, worker: _Worker, place: int, keys: Sequence[Key], attempts: list[int]) -> None:
        worker.place = place
        attempts[place] += 1
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has died: seen when we wait for it
            worker.pipe.send((place, keys[place]))

    def _begun(self, worker: _Worker) -> None:
        """Takes the first word of a worker.  Raises what keeps it from trying anything: that is no fault of a point."""
        try:
            said: HwgenError | None = worker.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            worker.process.join()
            what = f"ended before its first trial, with exit code {worker.process.exitcode}"
            raise HwgenFailure("worker", "worker process", what, "see what it said, or give --workers 1") from error
        if said is not None:
            raise said
        worker.ready = True

    def _received(self, worker: _Worker) -> tuple[int, Outcome] | None:
        """What came of a point; None where its worker has died, and another takes its place."""
        try:
            found: tuple[int, Outcome] = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._workers.remove(worker)
            worker.pipe.close()
            worker.process.join()
            self._start()
            return None
        return found
