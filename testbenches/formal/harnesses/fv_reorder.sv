// hg_reorder: one beat, picked at any time, is followed from its place in a block to the place that the loops give it.
//
// Three loops, the outermost first; one of a single turn is as good as none. Held to its contract: ready while a bank is free, valid as
// the read pipeline moves on, and with two banks the full rate.
module fv_reorder #(
  parameter int unsigned Width    = 1,
  parameter int unsigned Outer    = 1,
  parameter int unsigned Middle   = 2,
  parameter int unsigned Inner    = 3,
  parameter int unsigned OuterBy  = 1,
  parameter int unsigned MiddleBy = 1,
  parameter int unsigned InnerBy  = 2,
  parameter int unsigned Banks    = 2,
  parameter int unsigned RamStyle = 0
) (
  input logic             clk_i,
  input logic             rst_i,
  input logic             pick_i,
  input logic             in_valid_i,
  input logic [Width-1:0] in_data_i,
  input logic             out_ready_i
);

  localparam int unsigned Words      = Outer * Middle * Inner;
  localparam int unsigned Stages     = (RamStyle == 2) ? 2 : 1;
  localparam int unsigned Capacity   = Banks * Words + Stages;
  localparam int unsigned LevelWidth = $clog2(Capacity + 2);
  localparam int unsigned PlaceWidth = $clog2(Words + 1);

  logic                  active, in_ready, out_valid, push, pop, read, followed_q, arrives;
  logic [Width-1:0]      out_data, data_q;
  logic [PlaceWidth-1:0] in_place_q, read_place_q, leaves_as;
  logic [1:0]            stored_q;
  logic [Stages-1:0]     full_q, moves;
  logic [LevelWidth-1:0] level_q, ahead_q;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_reorder #(
    .Width   (Width),
    .Words   (Words),
    .Loops   (3),
    .Counts  ({Inner, Middle, Outer}),
    .Strides ({InnerBy, MiddleBy, OuterBy}),
    .Banks   (Banks),
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

  // Where the beat that comes in this place of its block leaves.
  function automatic logic [PlaceWidth-1:0] left_as(input logic [PlaceWidth-1:0] place);
    left_as = '0;
    for (int unsigned n = 0; n < Words; n++) begin
      if (place == PlaceWidth'(n / Inner / Middle * OuterBy + n / Inner % Middle * MiddleBy + n % Inner * InnerBy)) begin
        left_as = PlaceWidth'(n);
      end
    end
  endfunction

  assign push      = in_valid_i && in_ready;
  assign pop       = out_valid && out_ready_i;
  assign leaves_as = left_as(in_place_q);
  assign arrives   = followed_q && pop && ahead_q == '0;

  // The read pipeline, its last stage highest.
  for (genvar k = 0; k < Stages; k++) begin : gen_stage
    assign moves[k] = out_ready_i || full_q[Stages-1:k] != '1;
  end
  assign read = stored_q != '0 && moves[0];

  // in_place_q, read_place_q: the next beat's place in its block as it comes and as it is read; stored_q: blocks that are whole;
  // ahead_q: beats that leave before the one that is followed.
  always_ff @(posedge clk_i) begin
    if (!active) begin
      in_place_q   <= '0;
      read_place_q <= '0;
      stored_q     <= '0;
      full_q       <= '0;
      level_q      <= '0;
      followed_q   <= 1'b0;
    end else begin
      if (push) in_place_q   <= (in_place_q == PlaceWidth'(Words - 1)) ? '0 : in_place_q + PlaceWidth'(1);
      if (read) read_place_q <= (read_place_q == PlaceWidth'(Words - 1)) ? '0 : read_place_q + PlaceWidth'(1);
      stored_q <= stored_q + 2'(push && in_place_q == PlaceWidth'(Words - 1)) - 2'(read && read_place_q == PlaceWidth'(Words - 1));
      full_q   <= (full_q & ~moves) | (Stages'({full_q, read}) & moves);
      level_q  <= level_q + LevelWidth'(push) - LevelWidth'(pop);
      if (followed_q) begin
        followed_q <= !arrives;
        ahead_q    <= ahead_q - LevelWidth'(pop);
      end else if (push && pick_i) begin
        followed_q <= 1'b1;
        ahead_q    <= level_q - LevelWidth'(in_place_q) + LevelWidth'(leaves_as) - LevelWidth'(pop);
        data_q     <= in_data_i;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_ready_while_a_bank_is_free : assert (in_ready == (stored_q != 2'(Banks)));
      assert_valid_with_the_last_stage : assert (out_valid == full_q[Stages-1]);
      assert_in_order : assert (!arrives || out_data == data_q);
      cover_banks_and_stages_full : cover (level_q == LevelWidth'(Capacity));
    end
  end

  fv_stable #(
    .Width(Width)
  ) u_stable (
    .clk_i,
    .active_i(active),
    .valid_i (out_valid),
    .ready_i (out_ready_i),
    .data_i  (out_data)
  );

  // With two banks a beat leaves in every cycle once a block is there; with one, a block takes as long to come as to leave.
  fv_rate #(
    .Warmup ((Banks == 2) ? Words + Stages + 1 : 1),
    .Period ((Banks == 2) ? 1 : Words + Stages + 1),
    .Latency(Words + Stages),
    .Beats  (Words + 1)
  ) u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(in_valid_i && out_ready_i),
    .moves_i  (pop)
  );

endmodule
