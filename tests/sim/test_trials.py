"""The runs of a verification: everything where there is time, and of every kind one where there is not."""

from __future__ import annotations

import pytest
from branching import branching

from hwgen.dataflow.cycles import Performance, measured_inferences, predict, size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan
from hwgen.dataflow.stage import Dataflow
from hwgen.sim.native_runner import FULL_RATE, STALLS
from hwgen.sim.trials import CYCLES_BUDGET, affordable_samples, choose_trials, starts

FRAME = Performance(5_000_000, 4_000_000)
"""Of a design whose inferences take very long."""


@pytest.fixture(scope="module")
def flow() -> Dataflow:
    graph = branching(1)
    return size_fifos(plan(graph, from_text(graph, "2x3")))


def test_a_fast_design_runs_all_samples_under_stalls_too_and_starts_eight_times(flow: Dataflow) -> None:
    trials = choose_trials(flow, predict(flow), 100, 7, CYCLES_BUDGET)
    assert [(t.traffic, t.resets.count, n) for t, n in trials[:2]] == [(FULL_RATE, 0, 100), (STALLS, 0, 100)]
    assert [t for t, _ in trials[2:]] == list(starts(flow, 7)) and {n for _, n in trials[2:]} == {4}


@pytest.mark.parametrize("budget", [1, 1_000_000, 30_000_000, 10**9])
@pytest.mark.parametrize("samples", [1, 2, 5])
def test_a_slow_one_runs_all_at_full_rate_and_once_each_under_stalls_and_with_resets(
    flow: Dataflow, budget: int, samples: int
) -> None:
    (full, many), (stalled, some), *rest = choose_trials(flow, FRAME, samples, 0, budget)
    assert full.traffic == FULL_RATE and many == max(samples, measured_inferences(flow))
    assert stalled.traffic == STALLS and 1 <= some <= samples
    assert rest and all(t.resets.count and n >= 1 for t, n in rest)
    assert all(t.resets.gap_cycles <= max(1, budget // 100) for t, _ in rest)


def test_more_than_the_least_stays_within_the_budget(flow: Dataflow) -> None:
    least = sum(n for _, n in choose_trials(flow, FRAME, 2, 0, 1))
    for budget in (50_000_000, 10**8, 3 * 10**8, 10**9):
        inferences = sum(n for _, n in choose_trials(flow, FRAME, 2, 0, budget))
        assert inferences == least or inferences * FRAME.interval_cycles < budget
    assert inferences > least


def test_the_same_seed_starts_alike_whatever_the_number_of_samples(flow: Dataflow) -> None:
    few, many = (choose_trials(flow, FRAME, samples, 3, 10**8) for samples in (1, 4))
    assert [t for t, _ in few[2:]][: len(many) - 2] == [t for t, _ in many[2:]]


def test_samples_are_as_many_as_there_is_time_for_and_two_at_least(flow: Dataflow) -> None:
    assert affordable_samples(flow, Performance(100, 50), 100, CYCLES_BUDGET) == 100
    assert affordable_samples(flow, Performance(10**6, 10**6), 100, CYCLES_BUDGET) == 14
    assert affordable_samples(flow, FRAME, 100, 1) == 2
