"""The plan, the FIFOs and the folding; that the cycle model equals simulation stands in tests/sim."""

from __future__ import annotations

from random import Random

import pytest
from networks import mlp, random_sizes

from hwgen.dataflow.cycles import interval_of, predict, simulate, size_fifos
from hwgen.dataflow.folding import for_interval, from_text
from hwgen.dataflow.plan import Dataflow, plan, with_fifo_depths
from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.ops.linear import MatvecAttrs
from hwgen.ops.record import attrs_as


def flow_of(sizes: tuple[int, ...], parallelism: str) -> Dataflow:
    graph = lower(mlp(sizes, 1)).graph
    return size_fifos(plan(graph, from_text(graph, parallelism)))


def test_computed_fifos_reach_the_interval_of_the_slowest_stage(seed: int) -> None:
    random = Random(seed)
    for _ in range(20):
        flow = flow_of(random_sizes(random), f"{random.randint(1, 6)}x{random.randint(1, 6)}")
        assert predict(flow).interval_cycles == flow.ideal_interval_cycles


def test_every_beat_that_goes_in_comes_out_whatever_the_fifos(seed: int) -> None:
    random = Random(seed)
    flow = flow_of(random_sizes(random), "2x3")
    run = simulate(with_fifo_depths(flow, [random.randint(1, 4) for _ in flow.stages]), 5)
    assert len(run.done) == 5
    assert list(run.done) == sorted(run.done)


@pytest.mark.parametrize("interval", [1, 3, 10, 64, 1000])
def test_folding_meets_the_interval_and_no_layer_could_do_with_fewer_multipliers(interval: int) -> None:
    graph = lower(mlp((13, 17, 6), 2)).graph
    for node, chosen in for_interval(graph, interval):
        outputs, inputs = attrs_as(node, MatvecAttrs).weight.shape
        assert -(-inputs // chosen.inputs) * -(-outputs // chosen.outputs) <= interval
        for i in range(1, inputs + 1):
            for o in range(1, outputs + 1):
                if i * o < chosen.inputs * chosen.outputs:
                    assert -(-inputs // i) * -(-outputs // o) > interval


def test_layers_are_named_and_misspelt_ones_get_a_suggestion() -> None:
    graph = lower(mlp((4, 5, 3), 2)).graph
    chosen = {n.path: str(p) for n, p in from_text(graph, "fc1=2x3,fc2=full")}
    assert chosen == {"fc1": "2x3", "fc2": "5x3"}
    with pytest.raises(HwgenError, match="did you mean fc2"):
        from_text(graph, "fc22=2x3")


@pytest.mark.parametrize("text", ["0x4", "4", "4x", "x", "4x4,5x5", "-1x2", "1e3x2", ""])
def test_nonsense_is_refused(text: str) -> None:
    graph = lower(mlp((4, 5, 3), 2)).graph
    with pytest.raises(HwgenError, match="parallelism"):
        from_text(graph, text)


def test_interval_is_the_mean_of_the_later_half_rounded_up() -> None:
    assert interval_of([10, 30, 40, 50, 60]) == 10
    assert interval_of([0, 100, 110, 121]) == 11
