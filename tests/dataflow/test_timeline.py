"""The timeline of the stages agrees with what the cycle model predicts."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from networks import mlp, random_sizes

from hwgen.dataflow.cycles import MEASURED_INFERENCES, interval_of, predict, simulate, size_fifos
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan
from hwgen.dataflow.stage import Dataflow
from hwgen.dataflow.timeline import timeline
from hwgen.flow import lower


def random_flow(random: Random) -> Dataflow:
    graph = lower(mlp(random_sizes(random), 1)).graph
    return size_fifos(plan(graph, from_text(graph, f"{random.randint(1, 6)}x{random.randint(1, 6)}")))


def test_ends_of_the_timeline_are_the_predicted_latency_and_interval(random: Random) -> None:
    for _ in range(20):
        flow = random_flow(random)
        predicted = predict(flow)
        alone, many = timeline(flow, 1), timeline(flow, MEASURED_INFERENCES)
        assert alone.stages[-1].done[0] - alone.stages[0].first[0] == predicted.latency_cycles
        assert interval_of(many.stages[-1].done) == predicted.interval_cycles
        assert many.run == simulate(flow, MEASURED_INFERENCES)
        assert (many.stages[0].first, many.stages[-1].done) == (many.run.first, many.run.done)


def test_a_stage_works_on_one_inference_after_the_other_and_no_shorter_than_it_must(random: Random) -> None:
    for _ in range(20):
        flow = random_flow(random)
        for stage, work in zip(flow.stages, timeline(flow, 6).stages, strict=True):
            assert all(a < b for a, b in zip(work.first, work.done, strict=True))
            assert all(later >= free for free, later in zip(work.issued[:-1], work.first[1:], strict=True))
            assert all(a < b for a, b in pairwise(work.done))
            if stage.front is not None:
                needed = stage.first.in_beats * stage.first.repeats
                assert all(b - a >= needed for a, b in zip(work.first, work.issued, strict=True))


def test_the_slowest_stage_is_never_idle_in_steady_state(random: Random) -> None:
    for _ in range(20):
        flow = random_flow(random)
        at = max(range(len(flow.stages)), key=lambda i: flow.stages[i].cycles)
        work = timeline(flow, MEASURED_INFERENCES).stages[at]
        if flow.stages[at].cycles == flow.ideal_interval_cycles:
            half = MEASURED_INFERENCES // 2
            assert {b - a for a, b in pairwise(work.done[half:])} == {flow.ideal_interval_cycles}


@pytest.mark.parametrize("inferences", [1, 3, 7])
def test_every_stage_has_one_entry_an_inference(inferences: int) -> None:
    flow = random_flow(Random(5))
    for work in timeline(flow, inferences).stages:
        assert len(work.first) == len(work.issued) == len(work.done) == inferences
