// hg_axis_out: beats pass as they are, each code in whole bytes, and the last beat of each vector says so.
module fv_axis_out #(
  parameter int unsigned Lanes      = 2,
  parameter int unsigned Width      = 3,
  parameter bit          SignExtend = 1'b0,
  parameter int unsigned Beats      = 3,
  localparam int unsigned PaddedWidth = ((Width + 7) / 8) * 8
) (
  input logic                        clk_i,
  input logic                        rst_i,
  input logic                        in_valid_i,
  input logic [Lanes-1:0][Width-1:0] in_data_i,
  input logic                        tready_i
);

  localparam int unsigned BeatWidth = $clog2(Beats + 1);

  logic                         active, in_ready, tvalid, tlast, taken;
  logic [Lanes*PaddedWidth-1:0] tdata;
  logic [Lanes-1:0]             same_code, same_padding;
  logic [BeatWidth-1:0]         beat_q;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_axis_out #(
    .Lanes     (Lanes),
    .Width     (Width),
    .SignExtend(SignExtend),
    .Beats     (Beats)
  ) u_dut (
    .clk_i,
    .rst_i,
    .in_valid_i,
    .in_ready_o     (in_ready),
    .in_data_i,
    .m_axis_tvalid_o(tvalid),
    .m_axis_tready_i(tready_i),
    .m_axis_tdata_o (tdata),
    .m_axis_tlast_o (tlast)
  );

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    assign same_code[l] = tdata[l*PaddedWidth+:Width] == in_data_i[l];
    if (PaddedWidth > Width) begin : gen_padding
      assign same_padding[l] = tdata[l*PaddedWidth+Width+:PaddedWidth-Width]
                               == {(PaddedWidth - Width){SignExtend && in_data_i[l][Width-1]}};
    end else begin : gen_whole_bytes
      assign same_padding[l] = 1'b1;
    end
  end

  // beat_q: beats of this vector that left.
  assign taken = in_valid_i && in_ready;

  always_ff @(posedge clk_i) begin
    if (!active)    beat_q <= '0;
    else if (taken) beat_q <= (beat_q == BeatWidth'(Beats - 1)) ? '0 : beat_q + BeatWidth'(1);
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_passes_valid_and_ready : assert (tvalid == in_valid_i && in_ready == tready_i);
      assert_codes_in_their_bytes : assert (!tvalid || same_code == '1);
      assert_padding_of_the_sign_or_zero : assert (!tvalid || same_padding == '1);
      assert_last_beat_says_so : assert (!tvalid || tlast == (beat_q == BeatWidth'(Beats - 1)));
    end
  end

  fv_rate u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(in_valid_i && tready_i),
    .moves_i  (taken)
  );

endmodule
