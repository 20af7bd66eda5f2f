"""Who gives to whom, what stands between, what memory it takes, and where the multipliers' time goes."""

from __future__ import annotations

from random import Random

import pytest

from hwgen.dataflow.layers import branch_rows, layer_rows, memory_bits, place_names
from hwgen.dataflow.links import links_of
from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Fork
from hwgen.dataflow.unit import WindowTiming
from hwgen.dataflow.use import multiplier_use, taps_inside
from hwgen.explain import dataflow_infos
from tests.flows import FlowMaker, residual, u_net


def test_every_stream_that_is_taken_is_a_link_from_what_gives_it() -> None:
    flow = residual(3)
    links, names = links_of(flow), place_names(flow)
    found = [(names[link.source], names[link.target], link.fifo_depth) for link in links.links]
    assert found[:4] == [
        ("image.y", "block0.conv1", 2), ("block0.conv1", "block0.conv2", 0), ("block0.conv2", "block0.add", 0),
        ("image.y", "block0.add", 40),
    ]
    assert ("block1.add", "block2.conv1", 4) in found, "through two FIFOs, one behind the other"
    assert found[-3:] == [("mask.y", "masked", 0), ("block1.add", "block1.add.y", 2), ("masked", "masked.y", 0)]


@pytest.mark.parametrize("flow", [residual(4), u_net(3, 2, 16)], ids=["residual", "u_net"])
def test_all_glue_belongs_to_one_place_and_to_one_only(flow: Dataflow) -> None:
    links = links_of(flow)
    owned = [e.name for place in range(links.places) for e in links.glue_of(place)]
    assert sorted(owned) == sorted(e.name for e in flow.elements if isinstance(e, Fork | Buffer | Converter))


def test_memory_of_branches_is_what_their_fifos_hold() -> None:
    flow = u_net(2, 1, 8)
    rows = branch_rows(flow)
    assert [(r.source, r.target, r.depth, r.bits) for r in rows] == [
        ("down0.0", "pool0", 2, 2 * 16), ("down1.0", "pool1", 2, 2 * 16), ("down1.0", "concat1", 1000, 16000),
        ("down0.0", "concat0", 4000, 64000),
    ]
    memory = memory_bits(flow)
    assert memory.branch_fifos == 80064
    assert memory.total == memory.roms + memory.buffers + memory.stage_fifos + memory.branch_fifos


def test_a_line_buffer_holds_its_words_in_the_width_of_the_stream() -> None:
    flow = u_net(1, 1, 8)
    first = layer_rows(flow)[0]
    assert (first.buffer_words, first.buffer_bits) == (4 * 8, 4 * 8 * 2 * 4), "four rows of eight positions, two codes of four bits"
    assert (first.fifo_depth, first.fifo_bits) == (2, 2 * 4 * 4)


def brute_force(t: WindowTiming) -> tuple[int, int]:
    """Window positions inside the tensor, and all."""
    inside = whole = 0
    for oy in range(len(t.row_steps) + 1):
        for ox in range(len(t.col_steps) + 1):
            for ky in range(t.kernel_rows):
                for kx in range(t.kernel_cols):
                    row = t.row_start + sum(t.row_steps[:oy]) + ky * t.dilation_rows
                    col = t.col_start + sum(t.col_steps[:ox]) + kx * t.dilation_cols
                    inside += 0 <= row < t.rows and 0 <= col < t.cols
                    whole += 1
    return inside, whole


def test_share_of_padding_is_that_of_the_positions_counted_one_by_one(random: Random) -> None:
    for _ in range(50):
        rows, cols = random.randint(1, 9), random.randint(1, 9)
        timing = WindowTiming(
            rows, cols, 1, random.randint(1, 4), random.randint(1, 4), random.randint(1, 3), random.randint(1, 3),
            -random.randint(0, 3), -random.randint(0, 3), tuple(random.randint(0, 3) for _ in range(random.randint(0, 6))),
            tuple(random.randint(0, 3) for _ in range(random.randint(0, 6))), 4, 1,
        )
        inside, whole = brute_force(timing)
        assert taps_inside(timing) * whole == inside


def test_time_of_multipliers_is_shared_out_without_a_rest() -> None:
    maker = FlowMaker()
    stream = maker.input("image", (1, 6, 6, 3), 2)  # the second block of three channels is half full
    flow = maker.flow(maker.conv("conv", stream, 6, lanes=4))
    (stage,) = flow.stages
    use = multiplier_use(stage, 2 * stage.cycles)
    assert use is not None
    taps = 16 * 16  # of 18 x 18 positions of a kernel on six rows and columns, these lie inside
    cycles, lanes = 2 * stage.cycles, 2 * 4
    assert use.products == pytest.approx(taps * 3 * 6 / (cycles * lanes))
    assert use.products + use.padding == pytest.approx(use.inside) == pytest.approx(36 * 9 * 3 * 6 / (cycles * lanes))
    assert use.waiting == 0.5
    assert use.products + use.padding + use.filling + use.waiting == pytest.approx(1)


def test_what_was_inserted_is_told_with_its_reason() -> None:
    told = {info.name: info for info in dataflow_infos(residual(2))}
    assert [(n.where, n.what) for n in told["insert-forks"].changed] == [
        ("image.y", "2 branches"), ("block0.add", "2 branches"), ("block1.add", "2 branches"),
    ]
    assert ("block0.add", "40 beats on the branch from image.y") in [(n.where, n.what) for n in told["insert-fifos"].changed]
