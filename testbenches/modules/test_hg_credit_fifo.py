"""hg_credit_fifo: room is what is free, nothing overflows, full rate at depth L + 2, a broken promise stops the simulation."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import FallingEdge, RisingEdge
from hwgen_tb import TRAFFIC, Bench, Case, always, chance, current_case, full, quick, run_case

CASES = [
    quick(Width=1, Depth=1, latency=1),
    quick(Width=8, Depth=7, latency=5),
    full(Width=8, Depth=3, latency=5),
    full(Width=4, Depth=2, latency=0),
    full(Width=16, Depth=16, latency=9),
    full(Width=8, Depth=7, latency=5, RamStyle=2),
    full(Width=8, Depth=40, latency=3, RamStyle=2),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_credit_fifo(case: Case) -> None:
    run_case("hg_credit_fifo", __file__, case)


@pytest.mark.quick
@pytest.mark.parametrize("misuse", ["push_without_reservation", "reserve_without_room"])
def test_misuse_stops_the_simulation(misuse: str) -> None:
    case = Case({"Width": 4, "Depth": 2}, {"latency": 1, "misuse": misuse}, seed=1)
    with pytest.raises(pytest.fail.Exception, match="assert_"):
        run_case("hg_credit_fifo", __file__, case)


class Pipeline:
    """A free-running pipeline before the FIFO: reserves when there is room and it is willing, pushes ``latency`` edges later."""

    def __init__(self, bench: Bench, latency: int) -> None:
        self.bench, self.latency = bench, latency
        self.queue: list[int] = []
        self.clear()
        self.use(always)
        bench.watch(self._run())

    def use(self, profile) -> None:
        self.willing = profile(self.bench.rng)

    def clear(self) -> None:
        self.flight: list[int | None] = [None] * self.latency
        self.reserved: list[int] = []
        self.pushed: list[int] = []

    async def _run(self) -> None:
        dut = self.bench.dut
        while True:
            await FallingEdge(self.bench.clock)
            if self.bench.in_reset:
                self.clear()
                dut.reserve_i.value = dut.in_valid_i.value = 0
                continue
            issue = bool(self.queue) and int(dut.room_o.value) == 1 and self.willing(True, False)
            self.flight.append(self.queue.pop(0) if issue else None)
            arriving = self.flight.pop(0)
            dut.reserve_i.value = int(issue)
            dut.in_valid_i.value = int(arriving is not None)
            dut.in_data_i.value = arriving if arriving is not None else self.bench.rng.getrandbits(len(dut.in_data_i))
            edge = self.bench.edge() + 1
            if issue:
                self.reserved.append(edge)
            if arriving is not None:
                self.pushed.append(edge)


async def make(dut) -> tuple[Bench, Pipeline]:
    dut.reserve_i.value = 0
    dut.in_valid_i.value = 0
    bench = await Bench.of(dut)
    return bench, Pipeline(bench, current_case().latency)


def words(bench: Bench, count: int) -> list[int]:
    width = current_case().Width
    return [0, (1 << width) - 1, *(bench.rng.getrandbits(width) for _ in range(count - 2))]


async def breaks(dut, misuse: str) -> None:
    bench = await Bench.of(dut)
    dut.reserve_i.value = int(misuse == "reserve_without_room")
    dut.in_valid_i.value = int(misuse == "push_without_reservation")
    dut.out_ready_i.value = 0
    await bench.cycles(8)


@cocotb.test()
async def keeps_order_under_every_traffic(dut):
    if (misuse := current_case().get("misuse", "")) != "":
        await breaks(dut, misuse)
        return
    bench, pipeline = await make(dut)
    sink = bench.sink()
    for source_profile, sink_profile in TRAFFIC.values():
        pipeline.use(source_profile)
        sink.use(sink_profile)
        sent = words(bench, 60)
        pipeline.queue = list(sent)
        assert await sink.collect(60) == sent
        await bench.cycles(current_case().latency + 5)
        assert len(sink.beats) == 60
        sink.clear()


@cocotb.test()
async def room_is_exactly_depth_less_what_is_reserved(dut):
    if current_case().get("misuse", ""):
        return
    bench, pipeline = await make(dut)
    sink = bench.sink(profile=chance(0.4))
    pipeline.use(chance(0.7))
    pipeline.queue = words(bench, 200)
    while len(sink.beats) < 200:
        await RisingEdge(dut.clk_i)
        edge = bench.edge()
        held = sum(e < edge for e in pipeline.reserved) - sum(e < edge for e in sink.edges)
        assert int(dut.room_o.value) == int(held < current_case().Depth)


@cocotb.test()
async def full_rate_needs_latency_plus_two_places(dut):
    if current_case().get("misuse", ""):
        return
    bench, pipeline = await make(dut)
    sink = bench.sink()
    latency, depth = current_case().latency, current_case().Depth
    pipeline.queue = words(bench, 60)
    await sink.collect(60)
    assert all(out - into == 1 for into, out in zip(pipeline.pushed, sink.edges)), "latency is not 1"
    # A place is taken from its reservation at e to its pop at e + latency + 1, and free again one edge later.
    period = [b - a for a, b in zip(pipeline.reserved, pipeline.reserved[depth:])]
    assert set(period) == {max(depth, latency + 2)}


@cocotb.test()
async def reset_forgets_contents_and_reservations(dut):
    if current_case().get("misuse", ""):
        return
    bench, pipeline = await make(dut)
    sink = bench.sink(profile=chance(0.2))
    pipeline.queue = words(bench, 40)
    await bench.cycles(25)
    pipeline.queue = []
    await bench.reset()
    sent = words(bench, 30)
    pipeline.queue = list(sent)
    assert await sink.collect(30) == sent
