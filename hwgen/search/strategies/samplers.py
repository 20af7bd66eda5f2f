"""Optuna's samplers as strategies: random, quasi-Monte Carlo, TPE, NSGA-II and NSGA-III.

Sizes that grow are integers to them, other choices are categories.  Constraints are told as Optuna has them; a failed trial is told
as failed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from hwgen.errors import HwgenError
from hwgen.search.space import Key, Space
from hwgen.search.strategies.base import Answer, Maker, Task

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

POPULATION: Final = 24
"""Of the genetic samplers: a search has a few hundred trials, and a dozen generations are better than four."""


def _distributions(space: Space, *, all_ordered: bool) -> dict[str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for number, dimension in enumerate(space.dimensions):
        places = range(len(dimension.choices))
        ordered = all_ordered or dimension.is_ordered
        found[f"{number}"] = IntDistribution(0, len(places) - 1) if ordered else CategoricalDistribution(tuple(places))
    return found


class _Sampled:
    """`Strategy`."""

    def __init__(self, task: Task, sampler: Callable[[int], BaseSampler], *, all_ordered: bool) -> None:
        try:
            import optuna
        except ImportError as error:
            raise HwgenError("missing", "optuna", "is not installed", "pip install 'hwgen[search]', or use greedy") from error

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._goals, self._failed = task.goals, optuna.trial.TrialState.FAIL
        self._distributions = _distributions(task.space, all_ordered=all_ordered)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some samplers call themselves experimental
            directions = [optuna.study.StudyDirection.MINIMIZE] * len(task.goals.objectives)
            self._study = optuna.create_study(sampler=sampler(task.seed), directions=directions)
        self._asked: list[Trial] = []

    def ask(self, count: int) -> Sequence[Key]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._asked = [self._study.ask(self._distributions) for _ in range(count)]
        return [tuple(int(trial.params[name]) for name in self._distributions) for trial in self._asked]

    def tell(self, answers: Sequence[Answer]) -> None:
        for trial, answer in zip(self._asked, answers, strict=True):
            if answer.measures is None:
                self._study.tell(trial, state=self._failed)
                continue
            for constraint in self._goals.constraints:
                trial.set_constraint(str(constraint), constraint.excess(answer.measures))
            self._study.tell(trial, self._goals.losses(answer.measures))


def _maker(name: str, *, all_ordered: bool = False, **options: object) -> Maker:
    def sampler(seed: int) -> BaseSampler:
        from optuna import samplers

        return getattr(samplers, name)(seed=seed, **options)

    return lambda task: _Sampled(task, sampler, all_ordered=all_ordered)


SAMPLERS: Final[dict[str, Maker]] = {
    "random": _maker("RandomSampler"),
    "qmc": _maker("QMCSampler", all_ordered=True, scramble=True, warn_independent_sampling=False),
    "tpe": _maker("TPESampler", multivariate=True, n_startup_trials=16),
    "nsga2": _maker("NSGAIISampler", population_size=POPULATION),
    "nsga3": _maker("NSGAIIISampler", population_size=POPULATION),
}
