"""hg_stream_join: the k-th beat of each input, side by side, as the k-th output."""

from random import Random

import cocotb
import pytest
from cocotb.triggers import Timer
from hwgen_tb import Case, current_case, full, pack, quick, run_case


@pytest.mark.parametrize(
    "case", [quick(Width=1, Inputs=1), quick(Width=5, Inputs=3), full(Width=8, Inputs=2), full(Width=2, Inputs=7)]
)
def test_hg_stream_join(case: Case) -> None:
    run_case("hg_stream_join", __file__, case)


@cocotb.test()
async def moves_all_inputs_together_or_none(dut):
    """There is no clock: each step is a cycle of the surrounding design, played by hand."""
    case = current_case()
    rng = Random(case.seed)
    dut._log.info("seed %d", case.seed)
    sent = [[rng.getrandbits(case.Width) for _ in range(100)] for _ in range(case.Inputs)]
    next_beat, offered, came = [0] * case.Inputs, [False] * case.Inputs, []
    for _ in range(20_000):
        offered = [(o or rng.random() < 0.4) and n < 100 for o, n in zip(offered, next_beat)]
        ready = int(rng.random() < 0.5)
        dut.in_valid_i.value = pack(offered, 1)
        dut.in_data_i.value = pack(
            [s[n] if o else rng.getrandbits(case.Width) for s, n, o in zip(sent, next_beat, offered)], case.Width
        )
        dut.out_ready_i.value = ready
        await Timer(1, "ns")
        valid, taken = int(dut.out_valid_o.value), int(dut.in_ready_o.value)
        assert valid == int(all(offered))
        assert taken == (pack([1] * case.Inputs, 1) if valid and ready else 0)
        if valid and ready:
            came.append(int(dut.out_data_o.value))
            next_beat, offered = [n + 1 for n in next_beat], [False] * case.Inputs
        if len(came) == 100:
            break
    assert came == [pack(beats, case.Width) for beats in zip(*sent)]
