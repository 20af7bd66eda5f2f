"""hg_window: the order of its beats, and its ready and valid at every edge."""

from __future__ import annotations

from itertools import pairwise

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from hwgen_tb import TRAFFIC, Bench, Case, current_case, full, pack, quick, run_case
from hwgen_tb.window_model import CycleModel, Windows


def image(rows: int, cols: int, slots: int) -> dict[str, int]:
    return {"Rows": rows, "Cols": cols, "Slots": slots}


def kernel(rows: int, cols: int, at: tuple[int, int], out: tuple[int, int], step: int = 1, dilation: int = 1) -> dict[str, int]:
    return {
        "KernelRows": rows, "KernelCols": cols, "DilationRows": dilation, "DilationCols": dilation,
        "RowStart": at[0], "ColStart": at[1], "OutRows": out[0], "OutCols": out[1], "RowStep": step, "ColStep": step,
    }  # fmt: skip


def table(*steps: int, width: int) -> int:
    """Steps between windows, packed."""
    return sum(step << (width * k) for k, step in enumerate(steps))


POINT = kernel(1, 1, (0, 0), (4, 5))
FIVE_TO_SEVEN = {"StepWidth": 1, "RowSteps": table(1, 1, 0, 1, 1, 0, width=1), "ColSteps": table(0, 1, 1, 0, 1, 1, width=1)}
UNEVEN = {"StepWidth": 3, "RowSteps": table(2, 5, 1, width=3), "ColSteps": table(3, 4, width=3)}

# pace: the side on which no cycle is idle when both are always willing.
CASES = [
    # one word in, one word out; then a convolution in its usual shape, and a table with blocks in groups
    quick(**image(1, 1, 1), **kernel(1, 1, (0, 0), (1, 1)), Width=1),
    quick(**image(5, 6, 4), **kernel(3, 3, (-1, -1), (5, 6)), Blocks=2, RamStyle=2, Width=5, Lanes=3, PadValue=21, pace="out"),
    quick(**image(5, 5, 2), **kernel(2, 1, (-1, 0), (7, 7)), **FIVE_TO_SEVEN, Blocks=4, Groups=2, Width=3, PadValue=5),
    # fewest rows
    full(**image(5, 6, 3), **kernel(3, 3, (-1, -1), (5, 6)), Width=4, Lanes=2, PadValue=9, pace="out"),
    full(**image(4, 5, 1), **POINT, pace="in"),
    full(**image(4, 5, 2), **POINT, RamStyle=2, Blocks=3, Groups=3, pace="in"),
    # pools: kernel = stride, kernel < stride, kernel > stride; each block's whole window in turn
    full(**image(6, 7, 3), **kernel(2, 2, (0, 0), (3, 3), 2), Blocks=3, Groups=3, RamStyle=2, pace="in"),
    full(**image(7, 9, 2), **kernel(2, 2, (0, 1), (2, 3), 3), Blocks=2, Groups=2),
    full(**image(7, 8, 1), **kernel(1, 1, (1, 0), (2, 2), 4), RamStyle=2),
    full(**image(7, 7, 4), **kernel(3, 3, (-1, -1), (4, 4), 2), Width=6, PadValue=33),
    # dilation, with padding on either side alone, and a box that overhangs with its last taps
    full(**image(7, 6, 6), **kernel(3, 2, (-2, 0), (5, 6), 1, 2), Width=6, PadValue=33),
    full(**image(6, 7, 5), **kernel(2, 3, (0, -3), (4, 6), 2, 3), PadValue=200, RamStyle=1),
    # padding above and left alone, below and right alone
    full(**image(3, 4, 2), **kernel(2, 2, (-1, -1), (3, 4)), PadValue=99),
    full(**image(3, 4, 3), **kernel(2, 2, (0, 0), (3, 4)), PadValue=99, RamStyle=2),
    # kernel larger than the image
    full(**image(2, 3, 2), **kernel(5, 4, (-2, -2), (3, 4)), PadValue=77, RamStyle=2),
    full(**image(2, 1, 3), **kernel(3, 5, (-1, -2), (2, 1)), PadValue=128),
    full(**image(1, 2, 1), **kernel(3, 3, (-1, -1), (1, 2)), PadValue=1),
    # one dimension
    full(**image(9, 1, 4), **kernel(3, 1, (-1, 0), (9, 1)), Blocks=2, RamStyle=2, PadValue=255, pace="out"),
    full(**image(8, 1, 3), **kernel(3, 1, (0, 0), (3, 1), 2)),
    full(**image(1, 9, 1), **kernel(1, 3, (0, -1), (1, 9)), Blocks=3, PadValue=3),
    # groups
    full(**image(4, 4, 3), **kernel(2, 2, (0, 0), (3, 3)), Blocks=6, Groups=3),
    full(**image(4, 4, 3), **kernel(2, 2, (0, 0), (3, 3)), Blocks=6, Groups=6, RamStyle=2),
    full(**image(3, 3, 3), **kernel(3, 3, (-1, -1), (3, 3)), Blocks=12, Groups=2, Width=2, PadValue=2),
    # repeated rows and columns; two steps at once; steps past all slots
    full(**image(3, 4, 2), **kernel(1, 1, (0, 0), (6, 8)), StepWidth=1, RowSteps=0b01010, ColSteps=0b0101010, RamStyle=2),
    full(**image(5, 5, 2), **kernel(1, 1, (0, 0), (7, 7)), **FIVE_TO_SEVEN, Blocks=2),
    full(**image(5, 5, 1), **kernel(1, 1, (0, 0), (7, 7)), **FIVE_TO_SEVEN),
    full(**image(9, 9, 2), **kernel(1, 1, (0, 1), (4, 3)), **UNEVEN),
    full(**image(20, 2, 2), **kernel(1, 1, (0, 0), (40, 2)), StepWidth=1, RowSteps=table(*[0, 1] * 20, width=1), ColSteps=1),
    # padding alone (windows that read nothing), crops: rows below and columns right that nobody reads
    full(**image(3, 3, 1), **kernel(1, 1, (-2, -1), (6, 7)), PadValue=170),
    full(**image(3, 3, 2), **kernel(1, 1, (-2, -3), (8, 8)), Blocks=2, PadValue=170, RamStyle=2),
    full(**image(6, 5, 2), **kernel(2, 2, (1, 1), (2, 2))),
    full(**image(6, 5, 2), **kernel(1, 1, (-3, 0), (4, 2)), PadValue=9, RamStyle=2),
    full(**image(2, 2, 1), **kernel(1, 1, (-3, -3), (2, 2)), PadValue=9),
    # several images in the buffer
    full(**image(1, 1, 5), **kernel(3, 3, (-1, -1), (1, 1)), PadValue=9, RamStyle=2),
    full(**image(2, 3, 7), **kernel(2, 2, (-1, 0), (3, 2)), Blocks=2, PadValue=9),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_hg_window(case: Case) -> None:
    run_case("hg_window", __file__, case)


class Contract:
    """Ready and valid at each edge, as the cycle model has them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.model = CycleModel(Windows.of(current_case()))
        bench.watch(self._run())

    async def _run(self) -> None:
        dut, model = self.bench.dut, self.model
        while True:
            await RisingEdge(dut.clk_i)
            if self.bench.in_reset:
                model.reset()
                continue
            ready, valid = int(dut.in_ready_o.value), int(dut.out_valid_o.value)
            shown = f"at edge {self.bench.edge()}, {model.rows_written} rows and {model.col} columns written, window {model.window}"
            assert ready == model.ready, f"ready is {ready} {shown}"
            assert valid == model.valid, f"valid is {valid} {shown}"
            model.edge(bool(int(dut.in_valid_i.value)), bool(int(dut.out_ready_i.value)))


class Line:
    """The module with its two ends, and what comes out of it."""

    def __init__(self, bench: Bench) -> None:
        self.case, self.bench = current_case(), bench
        self.windows = Windows.of(self.case)
        width, lanes = self.case.get("Width", 8), self.case.get("Lanes", 1)
        self.bits = width * lanes
        self.padding = pack([self.case.get("PadValue", 0)] * lanes, width)
        self.source, self.sink = bench.source(), bench.sink()
        self.contract = Contract(bench)

    def send(self, images: int) -> list[int]:
        """Random images; returns the beats to come."""
        expected: list[int] = []
        for _ in range(images):
            beats = [self.bench.rng.getrandbits(self.bits) for _ in range(self.windows.in_beats)]
            self.source.send(beats)
            expected += self.windows.reorder(beats, self.padding)
        return expected

    async def gives(self, expected: list[int]) -> None:
        """These beats come, and none after them but padding at the head of an image that has not come yet."""
        beats = await self.sink.collect(len(expected), timeout_cycles=200_000)
        assert beats[: len(expected)] == expected
        assert set(beats[len(expected) :]) <= {self.padding}, "a beat came that was never sent"


@cocotb.test()
async def gives_windows_in_order_under_every_traffic(dut):
    bench = await Bench.of(dut)
    line = Line(bench)
    for source_profile, sink_profile in TRAFFIC.values():
        line.source.use(source_profile)
        line.sink.use(sink_profile)
        expected = line.send(3)
        await line.gives(expected)
        await line.source.done(timeout_cycles=200_000)
        await bench.reset(1)


@cocotb.test()
async def keeps_its_schedule_over_many_images_of_any_traffic(dut):
    bench = await Bench.of(dut)
    line = Line(bench)
    expected = line.send(8)
    while len(line.sink.beats) < len(expected):
        source_profile, sink_profile = bench.rng.choice(list(TRAFFIC.values()))
        line.source.use(source_profile)
        line.sink.use(sink_profile)
        await bench.cycles(bench.rng.randint(1, 200))
    await line.gives(expected)


@cocotb.test()
async def has_no_idle_cycle_that_its_contract_does_not_force(dut):
    bench = await Bench.of(dut)
    line = Line(bench)
    expected = line.send(5)
    await line.gives(expected)
    beats, edges = line.windows.window_beats, line.sink.edges
    torn = [k for k in range(0, len(edges), beats) if edges[k + beats - 1] - edges[k] != beats - 1]
    assert not torn, f"windows {torn} came with gaps"
    # From the second image on: no gap between windows, rows and images either, on the side that sets the pace.
    pace = current_case().get("pace", None)
    if pace is not None:
        seen = {"out": edges[line.windows.out_beats :], "in": line.source.edges[line.windows.in_beats :]}[pace]
        idle = [b - a - 1 for a, b in pairwise(seen)]
        assert not any(idle), f"{sum(idle)} idle cycles on the side {pace} in {len(idle)}"


@cocotb.test()
async def reset_empties_it(dut):
    bench = await Bench.of(dut)
    line = Line(bench)
    for _ in range(6):
        line.send(3)
        await bench.cycles(bench.rng.randint(1, 2 * line.windows.out_beats + 4))
        await bench.reset(bench.rng.randint(1, 2))
        expected = line.send(2)
        await line.gives(expected)
        await bench.reset(1)
