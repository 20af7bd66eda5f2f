"""The plan, the FIFOs and the folding; that the cycle model equals simulation stands in tests/sim."""

from __future__ import annotations

from random import Random

import pytest
from networks import mlp, random_sizes

from hwgen.dataflow.cycles import Performance, interval_of, predict, simulate, size_fifos
from hwgen.dataflow.folding import for_interval, from_text
from hwgen.dataflow.plan import plan, with_depths
from hwgen.dataflow.stage import Dataflow
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.flow import lower
from hwgen.ops.matvec import MatvecAttrs
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
    run = simulate(with_depths(flow, {s.name: random.randint(1, 4) for s in flow.stages}), 5)
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


@pytest.mark.parametrize("interval", [3, 64, 200])
def test_the_fewest_multipliers_that_are_used_are_taken_where_some_are_fast_enough(interval: int) -> None:
    def use(lanes: int, channels: int) -> float:
        return channels / (-(-channels // lanes) * lanes)

    graph = lower(mlp((12, 32, 7), 2)).graph
    for node, chosen in for_interval(graph, interval, least_use=0.95):
        outputs, inputs = attrs_as(node, MatvecAttrs).weight.shape
        legal = {
            (i, o): use(i, inputs) * use(o, outputs)
            for i in range(1, inputs + 1) for o in range(1, outputs + 1)
            if -(-inputs // i) * -(-outputs // o) <= interval
        }
        assert legal[chosen.inputs, chosen.outputs] >= 0.95
        assert chosen.inputs * chosen.outputs == min(i * o for (i, o), share in legal.items() if share >= 0.95)


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


SIMULATED = [
    # sizes, parallelism, computed depths, (latency, interval) at these, (latency, interval) with one place each
    ((1, 1, 1), "1x1", (6, 5), (11, 1), (11, 6)),
    ((5, 3, 2), "1x1", (3, 2), (30, 15), (46, 29)),
    ((8, 8, 8), "2x4", (3, 2), (29, 8), (39, 18)),
    ((13, 7, 5), "3x2", (4, 3), (41, 20), (71, 44)),
    ((6, 9, 4), "full", (10, 7), (17, 1), (17, 10)),
    ((10, 12, 3), "fc1=5x4,fc2=3x1", (3, 3), (31, 12), (55, 30)),
    ((10, 12, 3), "fc1=5x3,fc2=4x3", (6, 1), (24, 8), (51, 40)),
    ((20, 6, 10, 4), "fc1=4x2,fc2=3x5,fc3=5x4", (3, 2, 1), (42, 15), (65, 31)),
    ((7, 11, 5, 9), "fc1=7x1,fc2=2x5,fc3=1x9", (10, 1, 1), (40, 11), (130, 110)),
    ((16, 16, 16), "16x1", (10, 7), (48, 16), (273, 160)),
    ((16, 16, 16), "1x16", (1, 1), (44, 16), (44, 16)),
]
"""What Verilator measured on these designs."""


@pytest.mark.parametrize(("sizes", "parallelism", "depths", "sized", "single"), SIMULATED)
def test_predicted_cycles_are_those_that_were_simulated(
    sizes: tuple[int, ...], parallelism: str, depths: tuple[int, ...], sized: tuple[int, int], single: tuple[int, int]
) -> None:
    flow = flow_of(sizes, parallelism)
    assert tuple(s.fifo_depth for s in flow.stages) == depths
    assert predict(flow) == Performance(*sized)
    assert predict(with_depths(flow, {s.name: 1 for s in flow.stages})) == Performance(*single)
    latency, interval = sized
    assert simulate(flow, 3).done == tuple(latency + k * interval for k in range(3))


def test_inferences_offered_at_a_pace_are_taken_at_that_pace() -> None:
    flow = flow_of((5, 3, 2), "1x1")
    run = simulate(flow, 3, pace_cycles=40)
    assert run.first == (0, 40, 80), "the first beat of each is offered at its time"
    assert run.done[2] - run.done[1] == run.done[1] - run.done[0] == 40
    assert max(run.occupancy.values()) <= 3 and min(run.occupancy.values()) >= 1


def test_a_design_that_stops_is_an_error() -> None:
    flow = flow_of((5, 3, 2), "1x1")
    with pytest.raises(HwgenFailure, match="the cycle model stops at edge"):
        simulate(with_depths(flow, {flow.stages[0].name: 1, flow.stages[1].name: 0}), 2)


def test_interval_of_few_inferences_is_that_of_what_there_is() -> None:
    assert interval_of([]) == 0
    assert interval_of([9]) == 10
    assert interval_of([9, 14]) == 5
    assert interval_of([0, 1, 2, 12]) == 6, "from the second on: 11 edges for 2 inferences, rounded up"
