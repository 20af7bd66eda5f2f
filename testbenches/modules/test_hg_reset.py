"""hg_reset: in reset from the start, then the inverse of aresetn, one edge later."""

import cocotb
import pytest
from cocotb.triggers import Timer
from hwgen_tb import Bench, Case, function_of_inputs, quick, run_case


@pytest.mark.parametrize("case", [quick()])
def test_hg_reset(case: Case) -> None:
    run_case("hg_reset", __file__, case)


@cocotb.test()
async def is_in_reset_before_the_first_edge(dut):
    """First of all tests: the simulator has just started."""
    dut.clk_i.value = 0
    dut.aresetn_i.value = 1
    await Timer(1, "ns")
    assert int(dut.rst_o.value) == 1


@cocotb.test()
async def follows_aresetn_one_edge_later_inverted(dut):
    bench = Bench(dut, reset=None)
    await function_of_inputs(
        bench, lambda _: {"aresetn_i": bench.rng.getrandbits(1)}, lambda i: 1 - i["aresetn_i"], "rst_o", latency=1
    )
