"""Workers on a Ray cluster: one actor a core, on this machine or on many."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hwgen.errors import HwgenError, HwgenFailure, clean
from hwgen.search.journal import Outcome
from hwgen.search.space import Key
from hwgen.search.trial import Evaluator, Recipe, outcome_of
from hwgen.search.workers import ATTEMPTS, DIED, one_thread_each


class _Actor:
    """A worker in the cluster."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self._seed = seed
        self._evaluator: Evaluator = recipe.evaluator()

    def ready(self) -> None:
        """Nothing: it is."""

    def outcome(self, key: Key) -> dict[str, Any]:
        """As plain data."""
        return outcome_of(self._evaluator, key, self._seed).model_dump()


class RayPool:
    """`Pool` of actors.  start: makes one.  An actor that dies is replaced; a point with which that happens twice has failed."""

    def __init__(self, start: Callable[[], Any], count: int) -> None:
        self._start = start
        self._idle = [start() for _ in range(count)]
        for actor in self._idle:
            _check_begun(actor)

    def outcomes(self, keys: Sequence[Key]) -> Iterator[tuple[int, Outcome]]:
        import ray
        from ray.exceptions import RayActorError

        running = dict[Any, tuple[int, Any]]()
        waiting, attempts = deque(range(len(keys))), [0] * len(keys)
        while waiting or running:
            while waiting and self._idle:
                place, actor = waiting.popleft(), self._idle.pop()
                attempts[place] += 1
                running[actor.outcome.remote(keys[place])] = (place, actor)
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                place, actor = running.pop(reference)
                try:
                    found = Outcome.model_validate(ray.get(reference))
                except RayActorError:
                    self._idle.append(self._start())
                    if attempts[place] < ATTEMPTS:
                        waiting.append(place)
                        continue
                    found = Outcome(error=DIED)
                else:
                    self._idle.append(actor)
                yield place, found


def _check_begun(actor: Any) -> None:
    """Raises what keeps an actor from trying anything: that is no fault of a point."""
    import ray
    from ray.exceptions import RayActorError

    try:
        ray.get(actor.ready.remote())
    except RayActorError as error:
        fix = "install the same hwgen on each machine, or use --workers"
        raise HwgenFailure("worker", "Ray's worker", f"cannot begin: {clean(error)}", fix) from error


@contextmanager
def ray_pool(recipe: Recipe, seed: int, *, address: str | None, workers: int) -> Generator[RayPool]:
    """Actors of the cluster at ``address``, or of one begun here for the time being (None), without a dashboard.

    Raises HwgenError where Ray or the cluster is missing.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise HwgenError("missing", "ray", "is not installed", "pip install 'hwgen[distributed]', or use --workers") from error
    with one_thread_each():
        try:
            if address is None:
                ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
            else:
                ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise HwgenError("ray", f"cluster {address or 'here'!r}", f"cannot be reached: {error}", "check --ray") from error
        try:
            remote: Any = ray.remote(num_cpus=1)(_Actor)
            shared = ray.put(recipe)
            yield RayPool(lambda: remote.remote(shared, seed), workers)
        finally:
            ray.shutdown()
