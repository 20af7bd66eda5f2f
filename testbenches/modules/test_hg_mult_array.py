"""hg_mult_array: product (o, i) of input lane i and row o, one edge later, zero where the lane is not used."""

import cocotb
import pytest
from hwgen_tb import Bench, Case, current_case, full, function_of_inputs, pack, quick, run_case, unpack

CASES = [
    quick(InLanes=1, OutLanes=1, XWidth=1, XKind=0, WWidth=1, WKind=0),
    quick(InLanes=3, OutLanes=2, XWidth=4, XKind=1, WWidth=5, WKind=0),
    full(InLanes=2, OutLanes=5, XWidth=8, XKind=0, WWidth=3, WKind=0),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_mult_array(case: Case) -> None:
    run_case("hg_mult_array", __file__, case)


@cocotb.test()
async def multiplies_each_lane_with_each_row(dut):
    case, bench = current_case(), Bench(dut, reset=None)
    lanes, rows = case.InLanes, case.OutLanes

    def draw(_):
        return {name: bench.rng.getrandbits(len(getattr(dut, name))) for name in ("x_i", "x_used_i", "w_i")}

    def expected(inputs):
        x = unpack(inputs["x_i"], lanes, case.XWidth, is_signed=case.XKind == 1)
        used = unpack(inputs["x_used_i"], lanes, 1)
        w = unpack(inputs["w_i"], lanes * rows, case.WWidth, is_signed=True)
        return pack([used[i] * x[i] * w[o * lanes + i] for o in range(rows) for i in range(lanes)], case.XWidth + case.WWidth)

    await function_of_inputs(bench, draw, expected, "product_o", latency=1)
