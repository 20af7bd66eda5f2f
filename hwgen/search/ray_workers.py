"""Workers on a Ray cluster: one actor a core, on this machine or on many."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hwgen.errors import HwgenError
from hwgen.search.journal import Outcome
from hwgen.search.space import Key
from hwgen.search.trial import Evaluator, Recipe, outcome_of
from hwgen.search.workers import one_thread_each


class _Actor:
    """A worker in the cluster."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self._seed = seed
        self._evaluator: Evaluator = recipe.evaluator()

    def outcome(self, key: Key) -> dict[str, Any]:
        """As plain data."""
        return outcome_of(self._evaluator, key, self._seed).model_dump()


class RayPool:
    """`Pool` of actors."""

    def __init__(self, actors: Sequence[Any]) -> None:
        self._actors = actors

    def outcomes(self, keys: Sequence[Key]) -> Iterator[tuple[int, Outcome]]:
        import ray

        idle, running = list(self._actors), dict[Any, tuple[int, Any]]()
        waiting = list(enumerate(keys))
        while waiting or running:
            while waiting and idle:
                (place, key), actor = waiting.pop(0), idle.pop()
                running[actor.outcome.remote(key)] = (place, actor)
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                place, actor = running.pop(reference)
                idle.append(actor)
                yield place, Outcome.model_validate(ray.get(reference))


@contextmanager
def ray_pool(recipe: Recipe, seed: int, *, address: str | None, workers: int) -> Generator[RayPool]:
    """Actors of the cluster at ``address``, or of one begun here for the time being (None), without a dashboard.

    A worker that dies is begun again, with its trial, once.  Raises HwgenError where Ray or the cluster is missing.
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
            remote: Any = ray.remote(num_cpus=1, max_restarts=1, max_task_retries=1)(_Actor)
            shared = ray.put(recipe)
            yield RayPool([remote.remote(shared, seed) for _ in range(workers)])
        finally:
            ray.shutdown()
