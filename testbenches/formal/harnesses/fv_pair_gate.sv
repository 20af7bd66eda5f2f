// hg_pair_gate: a beat of both streams at the same edge, or of none, and exactly where there is room for what comes of them.
module fv_pair_gate #(
  parameter int unsigned AWidth = 2,
  parameter int unsigned BWidth = 1
) (
  input logic              clk_i,
  input logic              rst_i,
  input logic              a_valid_i,
  input logic [AWidth-1:0] a_data_i,
  input logic              b_valid_i,
  input logic [BWidth-1:0] b_data_i,
  input logic              room_i
);

  logic                     active, a_ready, b_ready, reserve, out_valid, willing;
  logic [AWidth+BWidth-1:0] out_data;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_pair_gate #(
    .AWidth(AWidth),
    .BWidth(BWidth)
  ) u_dut (
    .a_valid_i,
    .a_ready_o  (a_ready),
    .a_data_i,
    .b_valid_i,
    .b_ready_o  (b_ready),
    .b_data_i,
    .room_i,
    .reserve_o  (reserve),
    .out_valid_o(out_valid),
    .out_data_o (out_data)
  );

  assign willing = a_valid_i && b_valid_i && room_i;

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_both_or_none : assert ((a_valid_i && a_ready) == (b_valid_i && b_ready));
      assert_what_is_taken_goes_in : assert (out_valid == (a_valid_i && a_ready));
      assert_reserves_what_goes_in : assert (reserve == out_valid);
      assert_waits_for_room : assert (!out_valid || room_i);
      assert_same_data : assert (!out_valid || out_data == {b_data_i, a_data_i});
    end
  end

  fv_rate u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(willing),
    .moves_i  (out_valid)
  );

endmodule
