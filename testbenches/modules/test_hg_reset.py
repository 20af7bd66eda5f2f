"""hg_reset: the inverse of aresetn, one edge later."""

import cocotb
import pytest
from hwgen_tb import Bench, Case, function_of_inputs, quick, run_case


@pytest.mark.parametrize("case", [quick()])
def test_hg_reset(case: Case) -> None:
    run_case("hg_reset", __file__, case)


@cocotb.test()
async def follows_aresetn_one_edge_later_inverted(dut):
    bench = Bench(dut, reset=None)
    await function_of_inputs(
        bench, lambda _: {"aresetn_i": bench.rng.getrandbits(1)}, lambda i: 1 - i["aresetn_i"], "rst_o", latency=1
    )
