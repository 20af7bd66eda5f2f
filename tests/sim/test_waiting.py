"""What is said of a design that has stopped: the circle of those that wait for each other, or who should have moved."""

from __future__ import annotations

from branching import branching

from hwgen.dataflow.folding import from_text
from hwgen.dataflow.plan import plan
from hwgen.dataflow.stage import Dataflow, Stream
from hwgen.rtl.assemble import assemble
from hwgen.sim.waiting import State, Wait, waits

HUNGRY: State = (False, True)
REFUSED: State = (True, False)


def flow_of() -> Dataflow:
    graph = branching(1)
    return plan(graph, from_text(graph, "2x3"))


def stopped(flow: Dataflow, nets: dict[Stream, str], refused: set[str]) -> tuple[Wait, ...]:
    """Beats are refused at these nets; at all others none comes."""
    return waits(flow, nets, {stream: REFUSED if net in refused else HUNGRY for stream, net in nets.items()})


def test_a_full_branch_and_a_join_that_waits_for_the_other_make_a_circle() -> None:
    flow = flow_of()
    nets = dict(assemble(flow).nets)
    # the stage of the 1 x 1 convolution (the second branch) is full; nothing comes to the 3 x 3 one
    found = stopped(flow, nets, {"s0_in_0", "f0_1", "f0_b1_out", "s1_out"})
    assert {wait.net for wait in found} == {"s0_out", "f0_b2_out", "f0_2", "f0_1", "f0_b1_out", "s1_out"}
    said = "; ".join(wait.says for wait in found)
    assert "layer 'add' waits for 'conv1.y' from layer 'conv1' (s0_out)" in said
    assert "layer 'skip' offers 'skip.y' to layer 'add', which does not take it (s1_out)" in said
    assert [wait.layer for wait in found].count("add") == 1


def test_a_stage_that_has_a_beat_and_room_and_stands_is_named() -> None:
    flow = flow_of()
    branches = {f"f0_{k}" for k in range(3)} | {f"f0_b{k}_out" for k in range(3)}
    found = stopped(flow, dict(assemble(flow).nets), {"s0_in_0", *branches, "s1_out"})
    assert found[-1] == Wait("conv1", "s0_out", "layer 'conv1' has what it needs and does nothing")


def test_a_design_that_has_swallowed_its_input_waits_for_the_outside() -> None:
    flow = flow_of()
    found = stopped(flow, dict(assemble(flow).nets), set())
    assert found[-1].says == "the fork of 'image.order.y' waits for 'image.order.y' from the outside (s0_in_0)"
