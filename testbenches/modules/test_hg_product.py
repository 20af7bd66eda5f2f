"""hg_product: every pair of codes of every kind, used and not."""

from __future__ import annotations

import cocotb
import pytest
from cocotb.triggers import Timer
from hwgen_tb import Case, current_case, full, quick, run_case, signed

CASES = [
    quick(XWidth=4, XKind=1, WWidth=3, WKind=0),
    quick(XWidth=3, XKind=0, WWidth=2, WKind=2),
    *(full(XWidth=x, XKind=k, WWidth=w, WKind=0) for k in (0, 1) for x, w in ((1, 1), (5, 4), (1, 6), (6, 1))),
    *(full(XWidth=x, XKind=k, WWidth=1, WKind=1) for k in (0, 1) for x in (1, 5)),
    *(full(XWidth=x, XKind=k, WWidth=2, WKind=2) for k in (0, 1) for x in (1, 5)),
    full(XWidth=1, XKind=2, WWidth=5, WKind=0),
    full(XWidth=1, XKind=2, WWidth=1, WKind=1),
    full(XWidth=1, XKind=2, WWidth=2, WKind=2),
    full(XWidth=16, XKind=1, WWidth=16, WKind=0),
    full(XWidth=16, XKind=0, WWidth=16, WKind=0),
]


@pytest.mark.parametrize("case", CASES)
def test_hg_product(case: Case) -> None:
    run_case("hg_product", __file__, case)


def x_value(code: int, case: Case) -> int:
    return {0: code, 1: signed(code, case.XWidth), 2: 2 * code - 1}[case.XKind]


def w_value(code: int, case: Case) -> int:
    return {0: signed(code, case.WWidth), 1: 2 * code - 1, 2: signed(code, 2)}[case.WKind]


@cocotb.test()
async def equals_the_integer_product_for_all_codes(dut):
    case = current_case()
    rng = case.random()
    width = case.XWidth + (1 if case.WKind == 2 else case.WWidth)
    assert len(dut.product_o) == width
    w_codes = [0, 1, 3] if case.WKind == 2 else range(1 << case.WWidth)
    if case.XWidth + case.WWidth <= 12:
        pairs = [(x, w) for x in range(1 << case.XWidth) for w in w_codes]
    else:
        corners = [0, 1, (1 << (case.XWidth - 1)) - 1, 1 << (case.XWidth - 1), (1 << case.XWidth) - 1]
        pairs = [(x, w) for x in corners for w in corners]
        pairs += [(rng.getrandbits(case.XWidth), rng.getrandbits(case.WWidth)) for _ in range(2000)]
    for x, w in pairs:
        for used in (0, 1):
            dut.x_i.value, dut.w_i.value, dut.x_used_i.value = x, w, used
            await Timer(1, "ns")
            wanted = used * x_value(x, case) * w_value(w, case)
            came = signed(int(dut.product_o.value), width)
            assert came == wanted, f"x code {x}, w code {w}, used {used}: {came}, expected {wanted}"
