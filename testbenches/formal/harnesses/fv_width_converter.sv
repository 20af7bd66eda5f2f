// hg_width_converter: one element, picked at any time from any lane, is followed from its beat to the lane it must leave by.
//
// Held to its contract: in_ready = count + n_in <= C, out_valid = count >= n_out, full rate on the narrower side.
module fv_width_converter #(
  parameter int unsigned Width    = 1,
  parameter int unsigned Elements = 8,
  parameter int unsigned InLanes  = 2,
  parameter int unsigned OutLanes = 4,
  localparam int unsigned LaneWidth = $clog2(InLanes + 1)
) (
  input logic                          clk_i,
  input logic                          rst_i,
  input logic                          pick_i,
  input logic [LaneWidth-1:0]          pick_lane_i,
  input logic                          in_valid_i,
  input logic [InLanes-1:0][Width-1:0] in_data_i,
  input logic                          out_ready_i
);

  localparam int unsigned Narrow     = (InLanes < OutLanes) ? InLanes : OutLanes;
  localparam int unsigned Capacity   = InLanes + OutLanes + Narrow - 1;
  localparam int unsigned InBeats    = (Elements + InLanes - 1) / InLanes;
  localparam int unsigned OutBeats   = (Elements + OutLanes - 1) / OutLanes;
  localparam int unsigned InTail     = Elements - (InBeats - 1) * InLanes;
  localparam int unsigned OutTail    = Elements - (OutBeats - 1) * OutLanes;
  localparam int unsigned CountWidth = $clog2(Capacity + InLanes + 1);
  localparam int unsigned InWidth    = $clog2(InBeats + 1);
  localparam int unsigned OutWidth   = $clog2(OutBeats + 1);
  localparam int unsigned Between    = (OutLanes + InLanes - 1) / InLanes + 1;

  logic                           active, in_ready, out_valid, push, pop, willing;
  logic [OutLanes-1:0][Width-1:0] out_data;
  logic [InWidth-1:0]             in_beat_q;
  logic [OutWidth-1:0]            out_beat_q;
  logic [CountWidth-1:0]          count_q, n_in, n_out, place_q;
  logic                           followed_q, arrives, in_last, out_last, padded;
  logic [Width-1:0]               picked, data_q, came;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_width_converter #(
    .Width   (Width),
    .Elements(Elements),
    .InLanes (InLanes),
    .OutLanes(OutLanes)
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

  assign push     = in_valid_i && in_ready;
  assign pop      = out_valid && out_ready_i;
  assign willing  = in_valid_i && out_ready_i;
  assign in_last  = in_beat_q == InWidth'(InBeats - 1);
  assign out_last = out_beat_q == OutWidth'(OutBeats - 1);
  assign n_in     = in_last ? CountWidth'(InTail) : CountWidth'(InLanes);
  assign n_out    = out_last ? CountWidth'(OutTail) : CountWidth'(OutLanes);
  assign arrives  = followed_q && pop && place_q < n_out;

  always_comb begin
    picked = '0;
    for (int unsigned l = 0; l < InLanes; l++) begin
      if (pick_lane_i == LaneWidth'(l)) picked = in_data_i[l];
    end
    came   = '0;
    padded = 1'b1;
    for (int unsigned l = 0; l < OutLanes; l++) begin
      if (place_q == CountWidth'(l)) came = out_data[l];
      if (CountWidth'(l) >= n_out && out_data[l] != '0) padded = 1'b0;
    end
  end

  // place_q: elements that leave before the one that is followed.
  always_ff @(posedge clk_i) begin
    if (!active) begin
      in_beat_q  <= '0;
      out_beat_q <= '0;
      count_q    <= '0;
      followed_q <= 1'b0;
    end else begin
      if (push) in_beat_q <= in_last ? '0 : in_beat_q + InWidth'(1);
      if (pop)  out_beat_q <= out_last ? '0 : out_beat_q + OutWidth'(1);
      count_q <= count_q + (push ? n_in : '0) - (pop ? n_out : '0);
      if (followed_q) begin
        followed_q <= !arrives;
        place_q    <= place_q - (pop ? n_out : '0);
      end else if (push && pick_i && CountWidth'(pick_lane_i) < n_in) begin
        followed_q <= 1'b1;
        place_q    <= count_q - (pop ? n_out : '0) + CountWidth'(pick_lane_i);
        data_q     <= picked;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_ready_while_there_is_room : assert (in_ready == (count_q + n_in <= CountWidth'(Capacity)));
      assert_valid_while_there_is_a_beat : assert (out_valid == (count_q >= n_out));
      assert_in_order : assert (!arrives || came == data_q);
      assert_zeros_past_the_vector : assert (!out_valid || padded);
      cover_no_room_left : cover (!in_ready && count_q + CountWidth'(Narrow) > CountWidth'(Capacity));
    end
  end

  fv_stable #(
    .Width(OutLanes * Width)
  ) u_stable (
    .clk_i,
    .active_i(active),
    .valid_i (out_valid),
    .ready_i (out_ready_i),
    .data_i  (out_data)
  );

  // The narrower side never waits; and a beat leaves at least every time that it takes to fill one.
  if (InLanes < OutLanes) begin : gen_in_rate
    fv_rate u_rate (
      .clk_i,
      .active_i (active),
      .willing_i(willing),
      .moves_i  (push)
    );
  end else begin : gen_out_rate
    fv_rate #(
      .Warmup (2),
      .Latency(2)
    ) u_rate (
      .clk_i,
      .active_i (active),
      .willing_i(willing),
      .moves_i  (pop)
    );
  end
  fv_rate #(
    .Period (Between),
    .Latency(1),
    .Beats  (2)
  ) u_progress (
    .clk_i,
    .active_i (active),
    .willing_i(willing),
    .moves_i  (pop)
  );

endmodule
