// Running sums of Lanes streams of terms, Blocks of them interleaved in any order.
//
// acc[block] = (first ? bias : acc[block]) + data;  a valid term with in_last_i puts acc[block] on the output
// Widths     terms and sums are signed; sums are kept modulo 2**AccWidth: exact whenever the final sum fits
// Cycles     one term of every lane a cycle; latency 1
// Memory     Lanes * AccWidth * Blocks: registers for one block, distributed memory for more
// Reset      rst_i synchronous, active high; clears valids; a sum begins with in_first_i, not with reset
module hg_accumulator #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned InWidth  = 8,
  parameter int unsigned AccWidth = 16,
  parameter int unsigned Blocks   = 1,
  localparam int unsigned BlockWidth = (Blocks > 1) ? $clog2(Blocks) : 1
) (
  input  logic                           clk_i,
  input  logic                           rst_i,
  input  logic                           in_valid_i,
  input  logic                           in_first_i,
  input  logic                           in_last_i,
  input  logic [BlockWidth-1:0]          in_block_i,
  input  logic [Lanes-1:0][InWidth-1:0]  in_data_i,
  input  logic [Lanes-1:0][AccWidth-1:0] in_bias_i,
  output logic                           out_valid_o,
  output logic [Lanes-1:0][AccWidth-1:0] out_data_o
);

  if (Lanes < 1 || InWidth < 1 || AccWidth < 1 || Blocks < 1) begin : gen_bad_size
    $error("hg_accumulator: Lanes, InWidth, AccWidth and Blocks must be at least 1");
  end

  logic [Lanes-1:0][AccWidth-1:0] old, sum, out_q;
  logic                           valid_q;

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    assign sum[l] = (in_first_i ? in_bias_i[l] : old[l]) + AccWidth'($signed(in_data_i[l]));
  end

  if (Blocks == 1) begin : gen_register
    logic unused_block;
    assign unused_block = ^in_block_i;
    assign old = out_q;
  end else begin : gen_memory
    (* ram_style = "distributed" *) logic [Lanes*AccWidth-1:0] acc_q [Blocks];
    assign old = acc_q[in_block_i];
    always_ff @(posedge clk_i) begin
      if (in_valid_i) acc_q[in_block_i] <= sum;
    end
  end

  always_ff @(posedge clk_i) begin
    if (in_valid_i) out_q <= sum;
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) valid_q <= 1'b0;
    else       valid_q <= in_valid_i && in_last_i;
  end

  assign out_valid_o = valid_q;
  assign out_data_o  = out_q;

endmodule
