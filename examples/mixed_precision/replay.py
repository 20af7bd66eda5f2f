"""What a strategy would have found, from seed to seed, where every point of the space was measured already."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hwgen.search.journal import TrialRecord
from hwgen.search.objectives import GUIDE
from hwgen.search.pareto import hypervolume
from hwgen.search.plots import progress_of, reference_of
from hwgen.search.results import Found
from hwgen.search.strategies.base import Answer, Task
from hwgen.search.strategies.table import strategy

BATCH = 8


def replayed(whole: Found, name: str, seed: int, trials: int) -> Found:
    """The search of a strategy.  whole: an exhaustive search, whose outcomes stand for trials."""
    outcomes = {trial.key: trial.outcome for trial in whole.trials}
    asked = strategy(name, Task(whole.space, whole.goals, seed, GUIDE))
    records: list[TrialRecord] = []
    while len(records) < trials:
        keys = asked.ask(BATCH)
        if not keys:
            break
        asked.tell([Answer(key, outcomes[key].measures) for key in keys])
        records += [TrialRecord(number=len(records) + k, key=key, outcome=outcomes[key]) for k, key in enumerate(keys)]
    return replace(whole, trials=records)


def curve(whole: Found, found: Found) -> npt.NDArray[np.float64]:
    """After each trial: the share of the true front's hypervolume that is found."""
    reference = reference_of([whole])
    best = hypervolume([whole.goals.losses(measures) for _, measures in whole.front], reference)
    return np.nan_to_num(np.array(progress_of(whole.goals, found, reference))) / best
