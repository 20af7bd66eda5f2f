// hg_axis_in: beats pass as they are, the codes without their padding; a tlast out of its place is told from then on.
module fv_axis_in #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned Width = 3,
  parameter int unsigned Beats = 3,
  localparam int unsigned PaddedWidth = ((Width + 7) / 8) * 8
) (
  input logic                         clk_i,
  input logic                         rst_i,
  input logic                         tvalid_i,
  input logic [Lanes*PaddedWidth-1:0] tdata_i,
  input logic                         tlast_i,
  input logic                         out_ready_i
);

  localparam int unsigned BeatWidth = $clog2(Beats + 1);

  logic                        active, tready, out_valid, framing_error, taken, misplaced_q;
  logic [Lanes-1:0][Width-1:0] out_data, codes;
  logic [BeatWidth-1:0]        beat_q;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_axis_in #(
    .Lanes(Lanes),
    .Width(Width),
    .Beats(Beats)
  ) u_dut (
    .clk_i,
    .rst_i,
    .s_axis_tvalid_i(tvalid_i),
    .s_axis_tready_o(tready),
    .s_axis_tdata_i (tdata_i),
    .s_axis_tlast_i (tlast_i),
    .out_valid_o    (out_valid),
    .out_ready_i,
    .out_data_o     (out_data),
    .framing_error_o(framing_error)
  );

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    assign codes[l] = Width'(tdata_i >> (l * PaddedWidth));
  end

  // beat_q: beats of this vector that were taken.
  assign taken = tvalid_i && tready;

  always_ff @(posedge clk_i) begin
    if (!active) begin
      beat_q      <= '0;
      misplaced_q <= 1'b0;
    end else if (taken) begin
      beat_q      <= (beat_q == BeatWidth'(Beats - 1)) ? '0 : beat_q + BeatWidth'(1);
      misplaced_q <= misplaced_q || tlast_i != (beat_q == BeatWidth'(Beats - 1));
    end
  end

  always_ff @(posedge clk_i) begin
    assert_nothing_moves_in_reset : assert (!rst_i || (!tready && !out_valid));
    if (active) begin
      assert_passes_valid_and_ready : assert (out_valid == tvalid_i && tready == out_ready_i);
      assert_codes_without_padding : assert (!out_valid || out_data == codes);
      assert_tells_a_tlast_out_of_place : assert (framing_error == misplaced_q);
    end
  end

  fv_rate u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(tvalid_i && out_ready_i),
    .moves_i  (taken)
  );

endmodule
