// hg_credit_fifo behind any pipeline: places are reserved while there is room, and data comes any number of cycles later.
module fv_credit_fifo #(
  parameter int unsigned Width    = 2,
  parameter int unsigned Depth    = 2,
  parameter int unsigned RamStyle = 0
) (
  input logic             clk_i,
  input logic             rst_i,
  input logic             pick_i,
  input logic             reserve_i,
  input logic             in_valid_i,
  input logic [Width-1:0] in_data_i,
  input logic             out_ready_i
);

  localparam int unsigned LevelWidth = $clog2(Depth + 2);

  logic                  active, room, out_valid, pop;
  logic [Width-1:0]      out_data;
  logic [LevelWidth-1:0] promised_q, stored;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_credit_fifo #(
    .Width   (Width),
    .Depth   (Depth),
    .RamStyle(RamStyle)
  ) u_dut (
    .clk_i,
    .rst_i,
    .room_o     (room),
    .reserve_i,
    .in_valid_i,
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  assign pop = out_valid && out_ready_i;

  // Places that are promised to beats, on the way or stored.
  always_ff @(posedge clk_i) begin
    if (!active) promised_q <= '0;
    else         promised_q <= promised_q + LevelWidth'(reserve_i) - LevelWidth'(pop);
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assume_reserve_only_with_room : assume (!reserve_i || room);
      assume_push_was_reserved : assume (!in_valid_i || promised_q != stored || reserve_i);
      assert_room_while_a_place_is_free : assert (room == (promised_q != LevelWidth'(Depth)));
      assert_valid_while_there_is_a_beat : assert (out_valid == (stored != '0));
      cover_all_places_promised_and_none_stored : cover (promised_q == LevelWidth'(Depth) && stored == '0);
    end
  end

  fv_order #(
    .Width   (Width),
    .Capacity(Depth),
    .Patience(Depth)
  ) u_order (
    .clk_i,
    .active_i   (active),
    .pick_i,
    .push_i     (in_valid_i),
    .push_data_i(in_data_i),
    .pop_i      (pop),
    .pop_ready_i(out_ready_i),
    .pop_data_i (out_data),
    .level_o    (stored)
  );

  fv_stable #(
    .Width(Width)
  ) u_stable (
    .clk_i,
    .active_i(active),
    .valid_i (out_valid),
    .ready_i (out_ready_i),
    .data_i  (out_data)
  );

endmodule
