// The bus's reset, active low, as the inner one: registered, active high.
//
// rst_o = !aresetn_i, one edge later
// Cycles     latency 1: assert aresetn_i low for two edges or more of a running clock
// Power-up   starts in reset, so that no register of unknown value is acted upon before the first edge
module hg_reset (
  input  logic clk_i,
  input  logic aresetn_i,
  output logic rst_o
);

  // verilator lint_off PROCASSINIT
  logic rst_q = 1'b1;
  // verilator lint_on PROCASSINIT

  always_ff @(posedge clk_i) rst_q <= !aresetn_i;

  assign rst_o = rst_q;

endmodule
