"""hg_pair_gate: the k-th beats of both streams leave together, with room only, and reserve it."""

from random import Random

import cocotb
import pytest
from cocotb.triggers import Timer
from hwgen_tb import Case, current_case, full, quick, run_case


@pytest.mark.parametrize("case", [quick(AWidth=1, BWidth=3), full(AWidth=8, BWidth=8), full(AWidth=12, BWidth=1)])
def test_hg_pair_gate(case: Case) -> None:
    run_case("hg_pair_gate", __file__, case)


@cocotb.test()
async def moves_both_streams_together_with_room_or_neither(dut):
    """There is no clock: each step is a cycle of the surrounding design, played by hand."""
    case = current_case()
    rng = Random(case.seed)
    dut._log.info("seed %d", case.seed)
    widths = (case.AWidth, case.BWidth)
    sent = [[rng.getrandbits(width) for _ in range(100)] for width in widths]
    offered, beat, came = [False, False], 0, []
    while len(came) < 100:
        offered = [o or rng.random() < 0.4 for o in offered]
        room = int(rng.random() < 0.5)
        for side, width, beats, on in zip("ab", widths, sent, offered, strict=True):
            getattr(dut, f"{side}_valid_i").value = int(on)
            getattr(dut, f"{side}_data_i").value = beats[beat] if on else rng.getrandbits(width)
        dut.room_i.value = room
        await Timer(1, "ns")
        moves = int(all(offered) and room)
        assert int(dut.out_valid_o.value) == int(dut.reserve_o.value) == moves
        for side, other in (("a", offered[1]), ("b", offered[0])):
            assert int(getattr(dut, f"{side}_ready_o").value) == int(other and room), "ready where the other offers"
        if moves:
            came.append(int(dut.out_data_o.value))
            offered, beat = [False, False], beat + 1
    assert came == [a | b << case.AWidth for a, b in zip(*sent, strict=True)]
