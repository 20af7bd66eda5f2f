"""Place and route: a clock, the same for the same seed, and a critical path in the words of the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.cost.area import Target
from hwgen.errors import HwgenError, HwgenFailure
from hwgen.synth.nextpnr import OUTSIDE, check_routable, name_cell, read_report, route

PATH = """
module path (input clk, input [17:0] a, input [17:0] b, output reg [35:0] p);
  reg signed [17:0] x, y;
  always @(posedge clk) begin x <= a; y <= b; p <= x * y; end
endmodule
"""
WIRE = "module wire_only (input a, output b); assign b = a; endmodule\n"


@pytest.mark.slow
def test_a_multiplier_between_registers_limits_the_clock_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "path.v").write_text(PATH)
    timing = route(tmp_path, ["path.v"], "path", seed=3)
    assert {u.kind: u.used for u in timing.used}["MULT18X18D"] == 1
    assert [step.cell.split()[-1] for step in timing.critical_path] == ["register", "multiplier", "register"]
    assert 1000 / sum(step.delay_ns for step in timing.critical_path) == pytest.approx(timing.fmax_mhz, rel=0.02)
    assert route(tmp_path, ["path.v"], "path", seed=3) == timing


def test_a_design_without_registers_has_no_clock(tmp_path: Path) -> None:
    (tmp_path / "wire.v").write_text(WIRE)
    with pytest.raises(HwgenFailure, match="0 clocks"):
        route(tmp_path, ["wire.v"], "wire_only")


def test_only_ecp5_is_routed() -> None:
    with pytest.raises(HwgenError, match="use --target ecp5"):
        check_routable(Target.XCUP)


NAMES = [
    ("hwgen_top_stage1.u_s1_matvec.w_TRELLIS_FF_Q_7", ("fc2", "matvec.w register")),
    ("hwgen_top_stage0.u_s0_matvec.u_products.gen_out[0].gen_in[0].u_product.product_o_MULT18X18D_P9",
     ("fc1", "matvec.products.product.product_o multiplier")),
    ("hwgen_top_stage0.u_s0_matvec.word_q_TRELLIS_FF_Q_3_DI_CCU2C_S1_CIN_CCU2C_COUT$CCU2_COMB0", ("fc1", "matvec.word_q carry")),
    ("hwgen_top_stage1.u_s1_fifo.u_fifo.full_TRELLIS_FF_Q_DI_LUT4_Z", ("fc2", "fifo.fifo.full lut")),
    ("u_axis_in.in_TRELLIS_FF_Q", (OUTSIDE, "axis_in.in register")),
]


@pytest.mark.parametrize(("name", "words"), NAMES)
def test_cells_are_named_by_layer_instance_and_kind(name: str, words: tuple[str, str]) -> None:
    assert name_cell(name, ("fc1", "fc2")) == words


def test_wires_count_to_the_cell_they_lead_to() -> None:
    def hop(kind: str, delay: float, cell: str) -> dict[str, object]:
        return {"type": kind, "delay": delay, "to": {"cell": f"hwgen_top_stage0.u_s0_matvec.{cell}"}}

    path = [
        hop("clk-to-q", 0.5, "a_TRELLIS_FF_Q"), hop("routing", 1.0, "b_LUT4_Z"), hop("logic", 0.25, "b_LUT4_Z"),
        hop("routing", 2.0, "c_TRELLIS_FF_Q"), hop("setup", 0.125, "c_TRELLIS_FF_Q"),
    ]
    report = {
        "fmax": {"aclk": {"achieved": 258.0645, "constraint": 400.0}},
        "critical_paths": [
            {"from": "async", "to": "posedge aclk", "path": []},
            {"from": "posedge aclk", "to": "posedge aclk", "path": path},
        ],
        "utilization": {"TRELLIS_FF": {"used": 2, "available": 10}, "DP16KD": {"used": 0, "available": 4}},
    }
    timing = read_report(report, "top", ("fc1",))
    assert timing.fmax_mhz == 258.06
    assert [(s.cell, s.delay_ns) for s in timing.critical_path] == [
        ("matvec.a register", 0.5), ("matvec.b lut", 1.25), ("matvec.c register", 2.125),
    ]
    assert [u.kind for u in timing.used] == ["TRELLIS_FF"]
