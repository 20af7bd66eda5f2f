// A queue of Capacity places, seen from outside: exactly when it is ready and valid, and all that the other checkers hold.
//
// Ready and valid are the level alone: neither depends on the other side in the same cycle, and a beat is there one edge later
module fv_queue #(
  parameter int unsigned Width    = 1,
  parameter int unsigned Capacity = 2
) (
  input logic             clk_i,
  input logic             active_i,
  input logic             pick_i,
  input logic             in_valid_i,
  input logic             in_ready_i,
  input logic [Width-1:0] in_data_i,
  input logic             out_valid_i,
  input logic             out_ready_i,
  input logic [Width-1:0] out_data_i
);

  localparam int unsigned LevelWidth = $clog2(Capacity + 2);
  localparam int unsigned Period     = (Capacity == 1) ? 2 : 1;

  logic                  push, pop, willing;
  logic [LevelWidth-1:0] level;

  assign push    = in_valid_i && in_ready_i;
  assign pop     = out_valid_i && out_ready_i;
  assign willing = in_valid_i && out_ready_i;

  fv_order #(
    .Width   (Width),
    .Capacity(Capacity),
    .Patience(Capacity)
  ) u_order (
    .clk_i,
    .active_i,
    .pick_i,
    .push_i     (push),
    .push_data_i(in_data_i),
    .pop_i      (pop),
    .pop_ready_i(out_ready_i),
    .pop_data_i (out_data_i),
    .level_o    (level)
  );

  fv_stable #(
    .Width(Width)
  ) u_stable (
    .clk_i,
    .active_i,
    .valid_i(out_valid_i),
    .ready_i(out_ready_i),
    .data_i (out_data_i)
  );

  fv_rate #(
    .Period(Period)
  ) u_in_rate (
    .clk_i,
    .active_i,
    .willing_i(willing),
    .moves_i  (push)
  );

  fv_rate #(
    .Period (Period),
    .Latency(1)
  ) u_out_rate (
    .clk_i,
    .active_i,
    .willing_i(willing),
    .moves_i  (pop)
  );

  always_ff @(posedge clk_i) begin
    if (active_i) begin
      assert_ready_while_there_is_room : assert (in_ready_i == (level != LevelWidth'(Capacity)));
      assert_valid_while_there_is_a_beat : assert (out_valid_i == (level != '0));
    end
  end

endmodule
