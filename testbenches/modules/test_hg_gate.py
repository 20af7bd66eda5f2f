"""hg_gate: passes each beat once, the last of a group only with room, and reserves exactly then."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, Case, always, current_case, full, quick, run_case


@pytest.mark.parametrize(
    "case", [quick(Width=1, BeatsPerOutput=1), quick(Width=6, BeatsPerOutput=3), full(Width=8, BeatsPerOutput=8)]
)
def test_hg_gate(case: Case) -> None:
    run_case("hg_gate", __file__, case)


class Room:
    """Room that comes and goes by a profile; counts reservations."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.reserved, self.willing = bench, 0, always(bench.rng)
        bench.dut.room_i.value = 0
        bench.watch(self._run())

    async def _run(self) -> None:
        dut, beat = self.bench.dut, 0
        while True:
            await RisingEdge(dut.clk_i)
            if self.bench.in_reset:
                beat = self.reserved = 0
                continue
            last = beat == current_case().BeatsPerOutput - 1
            offered, room = int(dut.in_valid_i.value), int(dut.room_i.value)
            assert int(dut.in_ready_o.value) == int(room or not last)
            accepted = offered and (room or not last)
            assert int(dut.out_valid_o.value) == int(accepted)
            assert int(dut.reserve_o.value) == int(accepted and last)
            if accepted:
                beat = 0 if last else beat + 1
                self.reserved += int(last)
            dut.room_i.value = int(self.willing(bool(offered), bool(accepted)))


@cocotb.test()
async def passes_every_beat_once_and_reserves_once_a_group(dut):
    bench = await Bench.of(dut)
    room, source, sink = Room(bench), bench.source(), bench.sink()
    group, width = current_case().BeatsPerOutput, current_case().Width
    for source_profile, room_profile in TRAFFIC.values():
        source.use(source_profile)
        room.willing = room_profile(bench.rng)
        sent = [bench.rng.getrandbits(width) for _ in range(12 * group)]
        source.send(sent)
        await source.done()
        await bench.cycles(1)
        assert sink.beats == sent and sink.edges == source.edges
        assert room.reserved == 12
        room.reserved = 0
        source.clear(), sink.clear()


@cocotb.test()
async def reset_begins_a_new_group(dut):
    bench = await Bench.of(dut)
    room, source = Room(bench), bench.source()
    group = current_case().BeatsPerOutput
    source.send([1] * max(1, group - 1))
    await source.done()
    await bench.reset()
    source.send([1] * group * 3)
    await source.done()
    await bench.cycles(1)
    assert room.reserved == 3
