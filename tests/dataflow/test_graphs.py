"""The cycle model on graphs of stages: forks, joins, windows, reorders, against registers that are simulated cycle by cycle."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest
from dataflow.flows import Axis, Maker, random_flow, residual, same
from dataflow.registers import CreditPart, Registers

from hwgen.dataflow.cycles import (
    MEASURED_INFERENCES,
    Performance,
    interval_of,
    least_fifos,
    measured_inferences,
    predict,
    simulate,
    size_fifos,
)
from hwgen.dataflow.engine import Trace, run
from hwgen.dataflow.plan import with_depths
from hwgen.dataflow.stage import Buffer, Dataflow, Fork, Stage, Stream
from hwgen.dataflow.timeline import timeline
from hwgen.dataflow.unit import Unit
from hwgen.errors import HwgenFailure

_IDLE: Final = 600
"""Cycles without a move after which registers count as stopped: more than any element takes, or an input waits."""


def buffers(flow: Dataflow) -> list[Buffer]:
    return [e for e in flow.elements if isinstance(e, Buffer)]


def assert_same_edges(trace: Trace, registers: Registers) -> None:
    for stream, wire in registers.wires.items():
        edges = wire.edges[: registers.inferences * stream.beats]
        assert trace.first[stream] == tuple(edges[:: stream.beats]), stream.value.name
        assert trace.done[stream] == tuple(edges[stream.beats - 1 :: stream.beats]), stream.value.name
    for stage in registers.flow.stages:
        if stage.piped:
            fifo, period = registers.fifos[stage.name], stage.last.out_beats
            assert isinstance(fifo, CreditPart)
            assert trace.issued.get(stage.name, ()) == tuple(fifo.issues[period - 1 : registers.inferences * period : period])
    assert trace.occupancy == {name: fifo.most for name, fifo in registers.fifos.items()}


@pytest.mark.parametrize("part", range(4))
def test_every_edge_of_a_random_graph_is_that_of_its_registers(random: Random, part: int) -> None:
    stopped = 0
    for _ in range(20):
        flow = random_flow(random, random.randint(1, 3 + 3 * part))
        inferences, pace, unlimited = random.randint(1, 3), random.choice((0, 0, 50, 300)), random.random() < 0.2
        registers = Registers(flow, inferences, pace, unlimited)
        registers.run(_IDLE)
        for by_beat in (False, True):
            trace = run(flow, inferences, pace_cycles=pace, unlimited=unlimited, by_beat=by_beat)
            assert_same_edges(trace, registers)
        stopped += trace.stopped is not None
    assert stopped < 20


def test_computed_depths_reach_the_pace_of_fifos_without_end(random: Random) -> None:
    for _ in range(20):
        flow = random_flow(random, random.randint(2, 10), buffered=True)
        endless = interval_of(simulate(flow, MEASURED_INFERENCES, unlimited=True).done)
        sized = size_fifos(flow)
        assert predict(sized).interval_cycles <= max(flow.ideal_interval_cycles, endless)
        assert all(b.depth >= 2 for b in buffers(sized))


@pytest.mark.parametrize(("size", "convolutions"), [(4, 1), (7, 2), (9, 4)])
def test_a_residual_block_runs_at_the_rate_of_its_slowest_layer(random: Random, size: int, convolutions: int) -> None:
    flow = size_fifos(residual(random, size, convolutions))
    assert predict(flow).interval_cycles == flow.ideal_interval_cycles == size * size * 9 * 4


def test_with_one_place_less_than_the_least_a_graph_stops_for_ever(random: Random) -> None:
    tried = 0
    flows = [random_flow(random, random.randint(4, 14), buffered=True) for _ in range(12)]
    flows += [residual(random, random.randint(2, 6), random.randint(1, 3)) for _ in range(3)]
    for flow in flows:
        least = least_fifos(size_fifos(flow))
        simulate(least, 5)
        for buffer in buffers(least):
            if buffer.depth > 1:
                tried += 1
                with pytest.raises(HwgenFailure, match="the cycle model stops at edge"):
                    simulate(with_depths(least, {buffer.name: buffer.depth - 1}), 1)
    assert tried >= 3


def test_the_least_depth_of_a_skipped_convolution_is_what_the_window_waits_for(random: Random) -> None:
    size = 6
    direct = least_fifos(size_fifos(residual(random, size, 1))).elements[2]
    assert isinstance(direct, Buffer)
    # until the first window can start a row and two positions come in, of two beats each; one more waits for the sum
    assert direct.depth == (size + 2) * 2 - 1


def test_a_stop_names_the_layers_that_wait_and_the_fifos_that_are_full() -> None:
    flow = size_fifos(residual(Random(1), 5, 2))
    starved = with_depths(flow, {"b1": 6})
    with pytest.raises(HwgenFailure) as caught:
        simulate(starved, 2)
    assert caught.value.code == "deadlock"
    assert caught.value.what == (
        "the cycle model stops at edge 7: 'n4' takes no 'n1.y' (FIFO b1 is full with 6); "
        "'n4' waits for 'n3.y'; … (1 more); 'n2' waits for 'n1.y' (FIFO b0 is empty)"
    )
    assert caught.value.fix == "give the FIFOs that it names more places"


def test_a_long_circle_of_waiting_is_told_by_its_ends() -> None:
    flow = size_fifos(residual(Random(1), 5, 6))
    with pytest.raises(HwgenFailure, match=r"is full with 3\); 'n8' waits for 'n7.y'; … \(5 more\); 'n2' waits for"):
        simulate(with_depths(flow, {"b1": 3}), 2)


def test_an_input_that_runs_dry_is_named() -> None:
    maker = Maker(Random(1))
    a, b = maker.input((2, 2, 2), 1), maker.input((2, 3, 2), 1)
    maker.pair(b, a)
    with pytest.raises(HwgenFailure, match=r"'n3' waits for more of input 'n1\.y'"):
        simulate(maker.flow(), 1)


def test_a_run_of_several_inputs_and_outputs_begins_with_the_earliest_and_ends_with_the_latest(random: Random) -> None:
    maker = Maker(random)
    late, early = maker.input((3, 3, 2), 1), maker.input((3, 3, 2), 1)
    slow = maker.convolution(early, same(3, 3), same(3, 3), 2, 1, 4)
    maker.pair(slow, late)
    maker.lanewise(maker.input((1, 1, 4), 1))
    flow = maker.flow()
    trace, found = run(flow, 3), simulate(flow, 3)
    assert len(flow.inputs) == 3
    assert len(flow.outputs) == 2
    assert found.first == tuple(min(trace.first[s][k] for s in flow.inputs) for k in range(3))
    assert found.done == tuple(max(trace.done[s][k] for s in flow.outputs) for k in range(3))


def test_the_first_of_many_inferences_is_as_fast_as_one_alone(random: Random) -> None:
    for _ in range(10):
        flow = size_fifos(random_flow(random, random.randint(1, 8), buffered=True))
        alone = simulate(flow, 1)
        assert predict(flow).latency_cycles == alone.done[0] - alone.first[0]


def test_a_window_reads_without_a_gap_between_rows_and_images(random: Random) -> None:
    maker = Maker(random)
    stream = maker.input((6, 5, 3), 1)
    maker.convolution(stream, same(6, 3), same(5, 3), 3, 1, 4)
    flow = size_fifos(maker.flow())
    busy = 6 * 5 * 9 * 3 * 3
    (stage,) = flow.stages
    # a row and two positions to begin with, a cycle to read, and what the product takes: its last operation, latency, FIFO
    assert predict(flow) == Performance((5 + 2) * 3 + 1 + busy + stage.latency_cycles + 1, busy)


def test_strided_and_repeated_windows_take_the_cycles_of_their_beats() -> None:
    for axis, slots in ((Axis(8, 2, 1, 0, (2, 2, 2)), 3), (Axis(4, 1, 1, 0, (0, 1, 0, 1, 0, 1, 0)), 2)):
        maker = Maker(Random(1))
        stream = maker.input((axis.size, axis.size, 2), 1)
        window = maker.window(stream, axis, axis, slots, 1)
        windows = len(axis.steps) + 1
        maker.stage((stream,), (windows * axis.kernel, windows * axis.kernel, 2), [window])
        assert predict(maker.flow()).interval_cycles == max(stream.beats, window.out_beats)


def test_fewer_inferences_are_measured_of_slow_flows() -> None:
    def flow(size: int) -> Dataflow:
        return residual(Random(1), size, 1)

    assert measured_inferences(flow(4)) == MEASURED_INFERENCES == 16
    assert measured_inferences(flow(64)) == 3
    middle = flow(24)
    assert measured_inferences(middle) == 200_000 // middle.ideal_interval_cycles == 9


def test_the_timeline_of_a_graph_has_the_edges_of_its_streams(random: Random) -> None:
    flow = size_fifos(residual(random, 5, 2))
    trace, found = run(flow, 4), timeline(flow, 4)
    assert found.run == simulate(flow, 4)
    for stage, work in zip(flow.stages, found.stages, strict=True):
        assert work.first == tuple(map(min, zip(*(trace.first[s] for s in stage.takes), strict=True)))
        assert work.done == trace.done[stage.gives[0]]
        assert all(a < b < c for a, b, c in zip(work.first, work.issued, work.done, strict=True))
    fork = flow.elements[0]
    assert isinstance(fork, Fork)
    assert isinstance(flow.elements[3], Stage)
    assert trace.done[fork.takes[0]] == tuple(map(max, zip(*(trace.done[s] for s in fork.gives), strict=True)))


def test_a_stage_of_streams_only_is_done_with_an_inference_when_it_has_taken_it(random: Random) -> None:
    maker = Maker(random)
    stream: Stream = maker.input((3, 4, 2), 1)
    maker.reorder(stream)
    flow = maker.flow()
    (work,) = timeline(flow, 3).stages
    assert work.issued == run(flow, 3).done[stream]


def test_what_comes_in_bursts_is_held_up_and_not_stored(random: Random) -> None:
    maker = Maker(random)
    stream = maker.input((64, 64, 32), 32)
    quarters, repeats = Axis(64, 4, 1, 0, (4,) * 15), Axis(16, 1, 1, 0, (0, 0, 0, 1) * 15 + (0, 0, 0))
    small = maker.stage((stream,), (16, 16 * 16, 32), [maker.window(stream, quarters, quarters, 5, 1)])
    pooled = maker.stage((small,), (16, 16, 32), [Unit("hg_reduce", (), (), 32, 32, 64 * 64, 16 * 16, latency_cycles=1)])
    whole = maker.stage((pooled,), (64, 64, 32), [maker.window(pooled, repeats, repeats, 2, 1)])
    burst = maker.lanewise(whole)
    maker.convolution(burst, same(64, 3), same(64, 3), 8, 1, 4)
    flow = maker.flow()
    sized, endless = size_fifos(flow), simulate(flow, 3, unlimited=True)
    paced = simulate(flow, 3, pace_cycles=flow.ideal_interval_cycles, unlimited=True)
    assert max(paced.occupancy.values()) > 40
    assert max(s.fifo_depth for s in sized.stages) <= 8
    assert predict(sized) == Performance(endless.done[0] - endless.first[0], flow.ideal_interval_cycles)
