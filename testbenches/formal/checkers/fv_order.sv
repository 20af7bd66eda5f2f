// Order, no loss, no duplication: one beat, picked at any time, is followed from one end of a queue to the other.
//
// The design moves data without looking at it, so what holds for any one beat with any data holds for all.
// pick_i     free: follow the beat that is pushed now, if none is followed
// level_o    beats pushed and not yet popped
// Patience   cycles of a ready sink within which a beat leaves
module fv_order #(
  parameter int unsigned Width    = 1,
  parameter int unsigned Capacity = 1,
  parameter int unsigned Patience = 1,
  localparam int unsigned LevelWidth = $clog2(Capacity + 2)
) (
  input  logic                  clk_i,
  input  logic                  active_i,
  input  logic                  pick_i,
  input  logic                  push_i,
  input  logic [Width-1:0]      push_data_i,
  input  logic                  pop_i,
  input  logic                  pop_ready_i,
  input  logic [Width-1:0]      pop_data_i,
  output logic [LevelWidth-1:0] level_o
);

  localparam int unsigned WaitedWidth = $clog2(Patience + 1);

  logic                   followed_q, arrives;
  logic [LevelWidth-1:0]  level_q, ahead_q;
  logic [WaitedWidth-1:0] waited_q;
  logic [Width-1:0]       data_q;

  assign arrives = followed_q && pop_i && ahead_q == '0;
  assign level_o = level_q;

  always_ff @(posedge clk_i) begin
    if (!active_i) begin
      level_q    <= '0;
      followed_q <= 1'b0;
    end else begin
      level_q <= level_q + LevelWidth'(push_i) - LevelWidth'(pop_i);
      if (followed_q) begin
        followed_q <= !arrives;
        ahead_q    <= ahead_q - LevelWidth'(pop_i);
        waited_q   <= waited_q + WaitedWidth'(pop_ready_i);
      end else if (push_i && pick_i) begin
        followed_q <= 1'b1;
        ahead_q    <= level_q - LevelWidth'(pop_i);
        waited_q   <= '0;
        data_q     <= push_data_i;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (active_i) begin
      assert_pop_of_what_was_pushed : assert (!pop_i || level_q != '0);
      assert_within_capacity : assert (level_q <= LevelWidth'(Capacity));
      assert_in_order : assert (!arrives || pop_data_i == data_q);
      assert_leaves_in_time : assert (!followed_q || waited_q < WaitedWidth'(Patience));
      cover_capacity_reached : cover (level_q == LevelWidth'(Capacity));
    end
  end

endmodule
