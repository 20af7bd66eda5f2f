// An AXI4-Stream master end: packed lanes to byte-padded elements.
//
// Stream     m_axis: Lanes elements a beat, each in whole bytes, the code in the low Width bits, above it copies of its
//            top bit (SignExtend) or zeros; Beats beats a vector, tlast on the last
// Cycles     one beat a cycle; latency 0 (combinational)
// Ready      in_ready_o is m_axis_tready_i
// Reset      rst_i synchronous, active high; clears the beat counter
module hg_axis_out #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned Width      = 8,
  parameter bit          SignExtend = 1'b0,
  parameter int unsigned Beats      = 1,
  localparam int unsigned PaddedWidth = ((Width + 7) / 8) * 8
) (
  input  logic                         clk_i,
  input  logic                         rst_i,

  input  logic                         in_valid_i,
  output logic                         in_ready_o,
  input  logic [Lanes-1:0][Width-1:0]  in_data_i,

  output logic                         m_axis_tvalid_o,
  input  logic                         m_axis_tready_i,
  output logic [Lanes*PaddedWidth-1:0] m_axis_tdata_o,
  output logic                         m_axis_tlast_o
);

  if (Lanes < 1 || Width < 1 || Beats < 1) begin : gen_bad_size
    $error("hg_axis_out: Lanes, Width and Beats must be at least 1");
  end

  localparam int unsigned BeatWidth = (Beats > 1) ? $clog2(Beats) : 1;

  logic [BeatWidth-1:0] beat_q;

  assign m_axis_tvalid_o = in_valid_i;
  assign in_ready_o      = m_axis_tready_i;
  assign m_axis_tlast_o  = beat_q == BeatWidth'(Beats - 1);

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    if (SignExtend) begin : gen_signed
      assign m_axis_tdata_o[l*PaddedWidth+:PaddedWidth] = PaddedWidth'($signed(in_data_i[l]));
    end else begin : gen_unsigned
      assign m_axis_tdata_o[l*PaddedWidth+:PaddedWidth] = PaddedWidth'(in_data_i[l]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_i)                              beat_q <= '0;
    else if (in_valid_i && m_axis_tready_i) beat_q <= m_axis_tlast_o ? '0 : beat_q + BeatWidth'(1);
  end

endmodule
