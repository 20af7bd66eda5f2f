// hg_stream_join: a beat of each input at the same edge, or of none.
module fv_stream_join #(
  parameter int unsigned Width  = 2,
  parameter int unsigned Inputs = 2
) (
  input logic                         clk_i,
  input logic                         rst_i,
  input logic [Inputs-1:0]            in_valid_i,
  input logic [Inputs-1:0][Width-1:0] in_data_i,
  input logic                         out_ready_i
);

  logic                         active, out_valid, moves;
  logic [Inputs-1:0]            in_ready, taken;
  logic [Inputs-1:0][Width-1:0] out_data;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_stream_join #(
    .Width (Width),
    .Inputs(Inputs)
  ) u_dut (
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  for (genvar k = 0; k < Inputs; k++) begin : gen_source
    fv_stable #(
      .Width  (Width),
      .Assumed(1'b1)
    ) u_source (
      .clk_i,
      .active_i(active),
      .valid_i (in_valid_i[k]),
      .ready_i (in_ready[k]),
      .data_i  (in_data_i[k])
    );
  end

  assign taken = in_valid_i & in_ready;
  assign moves = out_valid && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_all_or_none : assert (taken == {Inputs{moves}});
      assert_valid_when_all_are : assert (out_valid == (in_valid_i == '1));
      assert_same_data : assert (out_data == in_data_i);
    end
  end

  fv_stable #(
    .Width(Inputs * Width)
  ) u_stable (
    .clk_i,
    .active_i(active),
    .valid_i (out_valid),
    .ready_i (out_ready_i),
    .data_i  (out_data)
  );

  fv_rate u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(in_valid_i == '1 && out_ready_i),
    .moves_i  (moves)
  );

endmodule
