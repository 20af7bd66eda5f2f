// hg_stream_fifo is a queue of Depth places, in whatever memory.
module fv_stream_fifo #(
  parameter int unsigned Width    = 2,
  parameter int unsigned Depth    = 2,
  parameter int unsigned RamStyle = 0
) (
  input logic             clk_i,
  input logic             rst_i,
  input logic             pick_i,
  input logic             in_valid_i,
  input logic [Width-1:0] in_data_i,
  input logic             out_ready_i
);

  logic             active, in_ready, out_valid;
  logic [Width-1:0] out_data;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_stream_fifo #(
    .Width   (Width),
    .Depth   (Depth),
    .RamStyle(RamStyle)
  ) u_dut (
    .clk_i,
    .rst_i,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  fv_queue #(
    .Width   (Width),
    .Capacity(Depth)
  ) u_queue (
    .clk_i,
    .active_i   (active),
    .pick_i,
    .in_valid_i,
    .in_ready_i (in_ready),
    .in_data_i,
    .out_valid_i(out_valid),
    .out_ready_i,
    .out_data_i (out_data)
  );

endmodule
