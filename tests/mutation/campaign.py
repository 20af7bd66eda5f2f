"""Judge many mutants: a pristine copy to take them from, a copy for each worker, everything written down at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Final

from mutation.journal import Journal, digest
from mutation.judges import Step, needs, steps_for
from mutation.mutant import Mutant
from mutation.sources import mutants_of, operators_for, sources
from mutation.workspace import Broken, Outcome, Workspace

_BASELINE_LIMIT_SECONDS: Final = 1200.0


class Baseline:
    """How long the tests take, file by file, without any mutant; all of them must pass.  Measured when first asked for.

    A time is two: of all tests of a file, and of the slowest of them.  Times are
    kept in ``file`` for as long as what the tests rest on (`judges.needs`) stays as it is in ``tree``.
    """

    def __init__(self, tree: Path, file: Path) -> None:
        self._tree, self._file, self._lock = tree, file, Lock()
        self._own: defaultdict[str, Lock] = defaultdict(Lock)
        self._seconds: dict[str, tuple[float, float]] = json.loads(file.read_text()) if file.is_file() else {}

    def seconds(self, step: Step, workspace: Workspace) -> tuple[float, float]:
        """Time of a step and of its slowest test, measured in ``workspace``, which holds no mutant now.

        Raises Broken where one of its tests fails.
        """
        of_files = [self._of_file(Step((file,), step.select), workspace) for file in step.files]
        return sum(whole for whole, _ in of_files), max(slowest for _, slowest in of_files)

    def _of_file(self, step: Step, workspace: Workspace) -> tuple[float, float]:
        key = " ".join((*step.files, *step.select, digest(self._tree, needs(self._tree, step.files[0]))))
        with self._lock:
            own = self._own[key]
        with own:
            if key not in self._seconds:
                outcome = workspace.run(step, _BASELINE_LIMIT_SECONDS, keep_bytecode=True)
                if outcome.status != "survived":
                    raise Broken(f"without any mutant, {outcome.test or key} fails: {outcome.says}")
                with self._lock:
                    self._seconds[key] = outcome.seconds, outcome.slowest
                    self._file.write_text(json.dumps(self._seconds))
            return self._seconds[key]


class Campaign:
    """All that a run needs, in ``folder``; root: the repository.

    slack_seconds: tests, and each of them, may take so long and twice their own time, before they count as endless.
    """

    def __init__(self, root: Path, folder: Path, jobs: int, *, fresh: bool = False, slack_seconds: float = 5) -> None:
        self.tree = Workspace(root, folder / "pristine").tree
        self.journal = Journal(folder / "journal.jsonl", self.tree, fresh=fresh)
        self._baseline = Baseline(self.tree, folder / "times.json")
        self._jobs, self._slack = jobs, slack_seconds
        self._folder = folder
        self._steps = {path: steps_for(self.tree, path) for path in sources(self.tree)}

    def mutants(self) -> list[Mutant]:
        """Every mutant of every source."""
        return [mutant for path in self._steps for mutant in mutants_of(self.tree, path)]

    def judge(self, mutants: Sequence[Mutant], done: Callable[[Mutant, Outcome], None]) -> None:
        """Judge all that the journal does not know; ``done`` hears of each, in the order in which they end.

        Raises Broken where the tests do not pass without a mutant.
        """
        waiting: list[Mutant] = []
        for mutant in mutants:
            known = self.journal.known(mutant, self._judges(mutant))
            if known is None:
                waiting.append(mutant)
            else:
                done(mutant, known)
        workspaces = [Workspace(self.tree, self._folder / f"worker-{number}") for number in range(min(self._jobs, len(waiting)))]
        free: SimpleQueue[Workspace] = SimpleQueue()
        for workspace in workspaces:
            free.put(workspace)

        def one(mutant: Mutant) -> None:
            workspace = free.get()
            try:
                outcome = self._judge(mutant, workspace)
            finally:
                free.put(workspace)
            self.journal.add(mutant, outcome, self._judges(mutant))
            done(mutant, outcome)

        with ThreadPoolExecutor(max_workers=self._jobs) as pool:
            futures = [pool.submit(one, mutant) for mutant in waiting]
            try:
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            finally:
                for future in futures:
                    future.cancel()
                for workspace in workspaces:
                    workspace.stop()

    def _judges(self, mutant: Mutant) -> list[str]:
        return sorted({file for step in self._steps[mutant.path] for file in step.files})

    def _judge(self, mutant: Mutant, workspace: Workspace) -> Outcome:
        original = (self.tree / mutant.path).read_bytes()
        changed = mutant.apply(original)
        if not operators_for(mutant.path).is_syntax(changed):
            return Outcome("stillborn", says="does not parse")
        seconds = 0.0
        try:
            for step in self._steps[mutant.path]:
                workspace.put(mutant.path, original)
                whole, slowest = self._baseline.seconds(step, workspace)
                workspace.put(mutant.path, changed)
                outcome = workspace.run(step, self._slack + 2 * whole, self._slack + 2 * slowest)
                seconds += outcome.seconds
                if outcome.status != "survived":
                    return Outcome(outcome.status, outcome.test, outcome.says, round(seconds, 2))
        finally:
            workspace.put(mutant.path, original)
            workspace.forget_models()
        return Outcome("survived", seconds=round(seconds, 2))
