// What every proof assumes of the start: one edge of reset, whatever the registers held before. Later resets come at any time.
//
// active_o   the edge counts: it is past the first one, and none of reset
module fv_start (
  input  logic clk_i,
  input  logic rst_i,
  output logic active_o
);

  // verilator lint_off PROCASSINIT
  logic started_q = 1'b0;
  // verilator lint_on PROCASSINIT

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    assume_reset_first : assume (started_q || rst_i);
  end

  assign active_o = started_q && !rst_i;

endmodule
