// Scale, shift and clip: accumulators to codes, with a multiplier and one or two offsets a channel.
//
// p = a * m[c];  y = (p + b1[c]) >>> Shift              TwoSums 0
//                y = ((p + b1[c]) >>> Shift) + ((p + b2[c]) >>> Shift)   TwoSums 1 (half to even, exactly)
// out = clip(y, OutLow, OutHigh), or y itself with Wrap; its low OutWidth bits. No intermediate overflows, whatever the input
// Stream     valid only; beat k carries the channels of block k mod Blocks, counted from reset
// Cycles     one beat a cycle; latency R + 2 + (MWidth > 0); R = 2 for RomStyle 2, else 1
// Memory     Blocks words of Lanes fields {b2 if TwoSums, b1, m if MWidth > 0}, m lowest, lane 0 lowest;
//            m signed MWidth bits (MWidth 0: m = 1, no multiplier), b1 and b2 signed BWidth bits
// Reset      rst_i synchronous, active high; clears valids and the block counter
module hg_requant_scale #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned Blocks   = 1,
  parameter int unsigned InWidth  = 16,
  parameter bit          InSigned = 1'b1,
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
  localparam int unsigned Latency    = RomLatency + 2 + ((MWidth > 0) ? 1 : 0);
  localparam int unsigned FieldWidth = MWidth + (TwoSums ? 2 : 1) * BWidth;
  localparam int unsigned BlockWidth = (Blocks > 1) ? $clog2(Blocks) : 1;

  if (Lanes < 1 || Blocks < 1 || InWidth < 1 || BWidth < 1) begin : gen_bad_size
    $error("hg_requant_scale: Lanes, Blocks, InWidth and BWidth must be at least 1");
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
      .a_i    (a[l]),
      .field_i(field[l]),
      .out_o  (out_data_o[l])
    );
  end

endmodule
