// An AXI4-Stream slave end: byte-padded elements to packed lanes.
//
// Stream     s_axis: Lanes elements a beat, each in whole bytes, the code in the low Width bits, the rest ignored;
//            Beats beats a vector, tlast on the last
// Cycles     one beat a cycle; latency 0 (combinational)
// Ready      s_axis_tready_o is out_ready_i, low in reset
// Error      framing_error_o rises, and stays until reset, when an accepted beat's tlast is not where it should be;
//            beats are counted, not resynchronised
// Reset      rst_i synchronous, active high; clears the beat counter and the error
module hg_axis_in #(
  parameter int unsigned Lanes = 1,
  parameter int unsigned Width = 8,
  parameter int unsigned Beats = 1,
  localparam int unsigned PaddedWidth = ((Width + 7) / 8) * 8
) (
  input  logic                         clk_i,
  input  logic                         rst_i,

  input  logic                         s_axis_tvalid_i,
  output logic                         s_axis_tready_o,
  input  logic [Lanes*PaddedWidth-1:0] s_axis_tdata_i,
  input  logic                         s_axis_tlast_i,

  output logic                         out_valid_o,
  input  logic                         out_ready_i,
  output logic [Lanes-1:0][Width-1:0]  out_data_o,

  output logic                         framing_error_o
);

  if (Lanes < 1 || Width < 1 || Beats < 1) begin : gen_bad_size
    $error("hg_axis_in: Lanes, Width and Beats must be at least 1");
  end

  localparam int unsigned BeatWidth = (Beats > 1) ? $clog2(Beats) : 1;

  logic [BeatWidth-1:0] beat_q;
  logic                 error_q, last, accept, unused_padding;

  assign last            = beat_q == BeatWidth'(Beats - 1);
  assign s_axis_tready_o = out_ready_i && !rst_i;
  assign out_valid_o     = s_axis_tvalid_i && !rst_i;
  assign accept          = s_axis_tvalid_i && s_axis_tready_o;
  assign framing_error_o = error_q;
  assign unused_padding  = ^s_axis_tdata_i;

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    assign out_data_o[l] = s_axis_tdata_i[l*PaddedWidth+:Width];
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      beat_q  <= '0;
      error_q <= 1'b0;
    end else if (accept) begin
      beat_q <= last ? '0 : beat_q + BeatWidth'(1);
      if (s_axis_tlast_i != last) error_q <= 1'b1;
    end
  end

endmodule
