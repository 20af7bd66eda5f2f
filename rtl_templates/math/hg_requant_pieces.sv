// Piecewise linear requantization: for each range of the input its own multiplier and offsets, then shift and clip.
//
// piece = number of k with a >= t[c][k];  p = a * m[c][piece];  y and out from p as in hg_requant_scale
// Thresholds ascend. One multiplier a lane, however many pieces. No intermediate overflows, whatever the input
// Stream     valid only; beat k carries the channels of block k mod Blocks, counted from reset
// Cycles     one beat a cycle; latency R + 3 + (MWidth > 0); R = 2 for RomStyle 2, else 1: choice, product, sums, clip
// Memory     Blocks words of Lanes fields {t[Pieces-2], ..., t[0], piece[Pieces-1], ..., piece[0]}, lane 0 lowest;
//            piece = {b2 if TwoSums, b1, m if MWidth > 0}, m lowest; m signed MWidth bits (MWidth 0: m = 1, no multiplier),
//            b1 and b2 signed BWidth bits, t signed TWidth bits
// Reset      rst_i synchronous, active high; clears valids and the block counter
module hg_requant_pieces #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned Blocks   = 1,
  parameter int unsigned Pieces   = 2,
  parameter int unsigned InWidth  = 16,
  parameter bit          InSigned = 1'b1,
  parameter int unsigned TWidth   = 16,
  parameter int unsigned MWidth   = 8,
  parameter int unsigned BWidth   = 16,
  parameter int unsigned Shift    = 8,
  parameter bit          TwoSums  = 1'b0,
  parameter int unsigned OutWidth = 8,
  parameter int          OutLow   = 0,
  parameter int          OutHigh  = 255,
  parameter bit          Wrap     = 1'b0,
  parameter File                  = "",
  parameter int unsigned RomStyle = 0
) (
  input  logic                           clk_i,
  input  logic                           rst_i,
  input  logic                           in_valid_i,
  input  logic [Lanes-1:0][InWidth-1:0]  in_data_i,
  output logic                           out_valid_o,
  output logic [Lanes-1:0][OutWidth-1:0] out_data_o
);

  localparam int unsigned RomLatency = (RomStyle == 2) ? 2 : 1;
  localparam int unsigned Latency    = RomLatency + 3 + ((MWidth > 0) ? 1 : 0);
  localparam int unsigned PieceWidth = MWidth + (TwoSums ? 2 : 1) * BWidth;
  localparam int unsigned FieldWidth = Pieces * PieceWidth + (Pieces - 1) * TWidth;
  localparam int unsigned BlockWidth = (Blocks > 1) ? $clog2(Blocks) : 1;
  localparam int unsigned AWidth     = InWidth + (InSigned ? 0 : 1);
  localparam int unsigned CWidth     = (AWidth > TWidth) ? AWidth : TWidth;

  if (Lanes < 1 || Blocks < 1 || InWidth < 1 || TWidth < 1 || BWidth < 1) begin : gen_bad_size
    $error("hg_requant_pieces: Lanes, Blocks, InWidth, TWidth and BWidth must be at least 1");
  end
  if (Pieces < 2) begin : gen_bad_pieces
    $error("hg_requant_pieces: Pieces must be at least 2");
  end
  logic [BlockWidth-1:0]            block_q;
  logic [Lanes-1:0][FieldWidth-1:0] field;
  logic [Lanes-1:0][InWidth-1:0]    a;

  always_ff @(posedge clk_i) begin
    if (rst_i)           block_q <= '0;
    else if (in_valid_i) block_q <= (block_q == BlockWidth'(Blocks - 1)) ? '0 : block_q + BlockWidth'(1);
  end

  hg_rom #(
    .Depth(Blocks),
    .Width(Lanes * FieldWidth),
    .File (File),
    .Style(RomStyle)
  ) u_parameters (
    .clk_i,
    .addr_i(block_q),
    .data_o(field)
  );

  hg_delay #(
    .Width (Lanes * InWidth),
    .Cycles(RomLatency)
  ) u_a (
    .clk_i,
    .rst_i,
    .data_i(in_data_i),
    .data_o(a)
  );

  hg_delay #(
    .Width   (1),
    .Cycles  (Latency),
    .HasReset(1'b1)
  ) u_valid (
    .clk_i,
    .rst_i,
    .data_i(in_valid_i),
    .data_o(out_valid_o)
  );

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [FieldWidth-1:0]    own;
    logic signed [AWidth-1:0] value;
    logic [Pieces-2:0]        reached;
    logic [PieceWidth-1:0]    chosen_d, chosen_q;
    logic [InWidth-1:0]       a_q;

    assign own = field[l];

    if (InSigned) begin : gen_signed
      assign value = $signed(a[l]);
    end else begin : gen_unsigned
      assign value = $signed({1'b0, a[l]});
    end

    for (genvar k = 0; k < Pieces - 1; k++) begin : gen_threshold
      logic signed [TWidth-1:0] threshold;
      assign threshold  = $signed(own[Pieces*PieceWidth+k*TWidth+:TWidth]);
      assign reached[k] = CWidth'(value) >= CWidth'(threshold);
    end

    always_comb begin
      chosen_d = own[PieceWidth-1:0];
      for (int unsigned k = 1; k < Pieces; k++) begin
        if (reached[k-1]) chosen_d = own[k*PieceWidth+:PieceWidth];
      end
    end

    always_ff @(posedge clk_i) begin
      chosen_q <= chosen_d;
      a_q      <= a[l];
    end

    hg_requant_scale_lane #(
      .InWidth (InWidth),
      .InSigned(InSigned),
      .MWidth  (MWidth),
      .BWidth  (BWidth),
      .Shift   (Shift),
      .TwoSums (TwoSums),
      .OutWidth(OutWidth),
      .OutLow  (OutLow),
      .OutHigh (OutHigh),
      .Wrap    (Wrap)
    ) u_lane (
      .clk_i,
      .a_i    (a_q),
      .field_i(chosen_q),
      .out_o  (out_data_o[l])
    );
  end

endmodule
