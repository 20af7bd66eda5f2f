// A fixed number of registers in a row.
//
// data_o = data_i, Cycles edges later; Cycles 0 is a wire
// Cycles     one value a cycle; latency Cycles
// Reset      rst_i clears all places if HasReset (valids); without it nothing is reset (data)
module hg_delay #(
  parameter int unsigned Width    = 1,
  parameter int unsigned Cycles   = 1,
  parameter bit          HasReset = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);

  if (Width < 1) begin : gen_bad_width
    $error("hg_delay: Width must be at least 1");
  end

  if (Cycles == 0) begin : gen_wire
    logic unused_control;
    assign unused_control = ^{clk_i, rst_i};
    assign data_o = data_i;
  end else begin : gen_registers
    logic [Cycles*Width-1:0] place_q;

    always_ff @(posedge clk_i) begin
      if (HasReset && rst_i) place_q <= '0;
      else                   place_q <= (Cycles * Width)'({place_q, data_i});
    end

    assign data_o = place_q[Cycles*Width-1-:Width];
  end

endmodule
