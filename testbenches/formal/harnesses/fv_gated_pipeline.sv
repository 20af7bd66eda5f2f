// hg_gate, a pipeline of Latency registers and hg_credit_fifo: the stage that every layer of a design has.
//
// Of every BeatsPerOutput beats the last one's data is the result.
// Period     cycles a result at full rate: max(BeatsPerOutput, ceil((Latency + 2) / Depth))
module fv_gated_pipeline #(
  parameter int unsigned Width          = 2,
  parameter int unsigned Depth          = 3,
  parameter int unsigned Latency        = 1,
  parameter int unsigned BeatsPerOutput = 1,
  parameter int unsigned Period         = 1
) (
  input logic             clk_i,
  input logic             rst_i,
  input logic             pick_i,
  input logic             in_valid_i,
  input logic [Width-1:0] in_data_i,
  input logic             out_ready_i
);

  localparam int unsigned LevelWidth = $clog2(Depth + 2);
  localparam int unsigned BeatWidth  = $clog2(BeatsPerOutput + 1);

  logic                  active, in_ready, room, reserve, gated_valid, result_valid, out_valid;
  logic                  taken, last, willing;
  logic [Width-1:0]      gated_data, result_data, out_data;
  logic [LevelWidth-1:0] level;
  logic [BeatWidth-1:0]  beat_q;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_gate #(
    .Width         (Width),
    .BeatsPerOutput(BeatsPerOutput)
  ) u_gate (
    .clk_i,
    .rst_i,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .room_i     (room),
    .reserve_o  (reserve),
    .out_valid_o(gated_valid),
    .out_data_o (gated_data)
  );

  hg_delay #(
    .Width   (1),
    .Cycles  (Latency),
    .HasReset(1'b1)
  ) u_valid (
    .clk_i,
    .rst_i,
    .data_i(reserve),
    .data_o(result_valid)
  );

  hg_delay #(
    .Width (Width),
    .Cycles(Latency)
  ) u_data (
    .clk_i,
    .rst_i,
    .data_i(gated_data),
    .data_o(result_data)
  );

  hg_credit_fifo #(
    .Width(Width),
    .Depth(Depth)
  ) u_fifo (
    .clk_i,
    .rst_i,
    .room_o     (room),
    .reserve_i  (reserve),
    .in_valid_i (result_valid),
    .in_data_i  (result_data),
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  assign taken   = in_valid_i && in_ready;
  assign last    = beat_q == BeatWidth'(BeatsPerOutput - 1);
  assign willing = in_valid_i && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (!active)    beat_q <= '0;
    else if (taken) beat_q <= last ? '0 : beat_q + BeatWidth'(1);
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_ready_while_there_is_room : assert (in_ready == (!last || level != LevelWidth'(Depth)));
      assert_every_beat_goes_in : assert (gated_valid == taken);
    end
  end

  fv_order #(
    .Width   (Width),
    .Capacity(Depth),
    .Patience(Latency + Depth)
  ) u_order (
    .clk_i,
    .active_i   (active),
    .pick_i,
    .push_i     (taken && last),
    .push_data_i(in_data_i),
    .pop_i      (out_valid && out_ready_i),
    .pop_ready_i(out_ready_i),
    .pop_data_i (out_data),
    .level_o    (level)
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

  fv_rate #(
    .Warmup (Latency + 2),
    .Period (Period),
    .Latency(Latency + 1),
    .Beats  (4)
  ) u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(willing),
    .moves_i  (out_valid && out_ready_i)
  );

endmodule
