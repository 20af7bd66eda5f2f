"""The drawing of a network: every stream is a line from what gives it to what takes it, and no two lines lie on one another."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from random import Random

import pytest

from hwgen.dataflow.layers import place_names
from hwgen.dataflow.links import Links, links_of
from hwgen.dataflow.stage import Dataflow, Stream
from hwgen.report.network import network_view, stage_views
from hwgen.report.rails import Rails, lay_out
from tests.flows import FlowMaker, residual, u_net


def random_flow(random: Random) -> Dataflow:
    """Sums of streams that were made at any time before, some of them from other inputs."""
    maker, shape = FlowMaker(), (1, 4, 4, 4)
    open_: list[Stream] = [maker.input(f"in{k}", shape, 4) for k in range(random.randint(1, 3))]
    for k in range(random.randint(1, 25)):
        at = random.randrange(len(open_))
        if len(open_) > 1 and random.random() < 0.4:
            other = open_.pop(random.choice([i for i in range(len(open_)) if i != at]))
            at = min(at, len(open_) - 1)
            open_[at] = maker.add(f"add{k}", open_[at], other)
        elif random.random() < 0.5:
            open_[at : at + 1] = maker.fork(open_[at], *(random.randint(1, 9999) for _ in range(random.randint(2, 4))))
        else:
            open_[at] = maker.conv(f"conv{k}", open_[at], 4)
    return maker.flow(*open_)


def check(links: Links) -> None:
    """All streams are drawn once, downwards, and those in one lane are apart."""
    layout = lay_out(links)
    row = {place: k for k, place in enumerate(layout.order)}
    assert sorted(layout.order) == list(range(links.places))
    ends = sorted((row[link.source], row[link.target]) for link in links.links)
    drawn = sorted([*((k, k + 1) for k in layout.straight), *((lane.first, lane.last) for lane in layout.lanes)])
    assert drawn == ends
    assert all(first < last for first, last in ends)
    for k, one in enumerate(layout.lanes):
        for other in layout.lanes[:k]:
            assert one.number != other.number or one.last <= other.first or other.last <= one.first, (one, other)


def test_lines_of_random_graphs_are_whole_and_apart(random: Random) -> None:
    for _ in range(100):
        check(links_of(random_flow(random)))


def test_inputs_stand_before_their_first_use_and_outputs_behind_what_gives_them() -> None:
    flow = residual(4)
    names = place_names(flow)
    order = [names[place] for place in lay_out(links_of(flow)).order]
    assert order.index("mask.y") == order.index("masked") - 1
    assert order.index("block2.add.y") == order.index("block2.add") + 1


def test_skips_of_a_u_net_lie_one_within_another() -> None:
    layout = lay_out(links_of(u_net(4, 4, 64)))
    lanes = sorted(layout.lanes, key=lambda lane: lane.number)
    assert [lane.number for lane in lanes] == [0, 1, 2, 3]
    assert all(outer.first < inner.first and inner.last < outer.last for inner, outer in pairwise(lanes))
    assert layout.width == 4


@pytest.mark.parametrize("flow", [u_net(4, 4, 64), residual(5), u_net(1, 1, 8)], ids=["u_net", "residual", "small"])
def test_every_row_is_drawn_with_what_passes_it_and_the_depths_of_fifos(flow: Dataflow) -> None:
    view = network_view(flow, stage_views(flow, flow.ideal_interval_cycles), place_names(flow))
    layout = lay_out(links_of(flow))
    assert len(view.rows) == len(layout.order)
    texts: list[str] = []
    for k, row in enumerate(view.rows):
        root = ElementTree.fromstring(f"<row>{row.rails}</row>")
        lines, node = root
        passing = [lane for lane in layout.lanes if lane.first < k < lane.last]
        assert len([e for e in lines if e.tag == "line" and e.get("y1") == "0" and e.get("y2") == "100%"]) == len(passing)
        texts += [e.text or "" for e in lines if e.tag == "text"]
        assert [e.tag for e in node] == ["rect", "text"]
    depths = sorted(lane.link.fifo_depth for lane in layout.lanes)
    assert sorted(int(t.replace("\u202f", "")) for t in texts if t) == [d for d in depths if d]


def test_lanes_of_a_crowd_are_narrow() -> None:
    maker = FlowMaker()
    streams = list(maker.fork(maker.input("x", (1, 2, 2, 4), 4), *[3] * 13))
    while len(streams) > 1:
        streams.append(maker.add(f"add{len(streams)}", streams.pop(0), streams.pop(0)))
    rails = Rails(lay_out(links_of(maker.flow(*streams))))
    assert rails.layout.width >= 12 and rails.width < 220
