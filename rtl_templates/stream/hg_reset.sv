// The bus's reset, active low, as the inner one: registered, active high.
//
// rst_o = !aresetn_i, one edge later
// Cycles     latency 1: assert aresetn_i low for two edges or more of a running clock
module hg_reset (
  input  logic clk_i,
  input  logic aresetn_i,
  output logic rst_o
);

  logic rst_q;

  always_ff @(posedge clk_i) rst_q <= !aresetn_i;

  assign rst_o = rst_q;

endmodule
