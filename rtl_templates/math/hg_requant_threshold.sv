// Any monotone function from accumulators to few codes: count the thresholds that are reached.
//
// out = OutOffset + number of k with a' >= t[c][k];  a' = ~a where invert[c], else a (falling functions), exact
// Stream     valid only; beat k carries the channels of block k mod Blocks, counted from reset
// Cycles     one beat a cycle; latency R + T + 2: memory, comparison, count, offset; R = 2 for RomStyle 2, else 1;
//            T = ceil(clog2(Levels) / TreeLevelsPerStage)
// Memory     Blocks words of Lanes fields {invert if HasInvert, t[Levels-1], ... t[0]}, t[0] lowest, lane 0 lowest;
//            thresholds signed, TWidth bits; one above the greatest a' is never reached
// Reset      rst_i synchronous, active high; clears valids and the block counter
module hg_requant_threshold #(
  parameter int unsigned Lanes              = 1,
  parameter int unsigned Blocks             = 1,
  parameter int unsigned InWidth            = 16,
  parameter bit          InSigned           = 1'b1,
  parameter int unsigned Levels             = 3,
  parameter int unsigned TWidth             = 17,
  parameter int          OutOffset          = 0,
  parameter int unsigned OutWidth           = 2,
  parameter bit          HasInvert          = 1'b0,
  parameter File                            = "",
  parameter int unsigned RomStyle           = 0,
  parameter int unsigned TreeLevelsPerStage = 2
) (
  input  logic                           clk_i,
  input  logic                           rst_i,
  input  logic                           in_valid_i,
  input  logic [Lanes-1:0][InWidth-1:0]  in_data_i,
  output logic                           out_valid_o,
  output logic [Lanes-1:0][OutWidth-1:0] out_data_o
);

  localparam int OutTop = OutOffset + int'(Levels);  // Yosys takes the bare sum for unsigned

  if (Lanes < 1 || Blocks < 1 || InWidth < 1 || Levels < 1 || TWidth < 1) begin : gen_bad_size
    $error("hg_requant_threshold: Lanes, Blocks, InWidth, Levels and TWidth must be at least 1");
  end
  if (OutWidth < 1 || OutWidth > 31) begin : gen_bad_out_width
    $error("hg_requant_threshold: OutWidth must lie in 1 ... 31");
  end
  if (OutOffset < -(1 << (OutWidth - 1)) || (OutTop >>> OutWidth) > 0
      || (OutOffset < 0 && (OutTop >>> (OutWidth - 1)) > 0)) begin : gen_bad_range
    $error("hg_requant_threshold: OutOffset ... OutOffset + Levels does not fit in OutWidth bits");
  end

  localparam int unsigned RomLatency   = (RomStyle == 2) ? 2 : 1;
  localparam int unsigned CompareWidth = (TWidth > InWidth + 1) ? TWidth : InWidth + 1;
  localparam int unsigned CountWidth   = 1 + $clog2(Levels);
  localparam int unsigned FieldWidth   = Levels * TWidth + (HasInvert ? 1 : 0);
  localparam int unsigned BlockWidth   = (Blocks > 1) ? $clog2(Blocks) : 1;

  logic [BlockWidth-1:0]            block_q;
  logic [Lanes-1:0][FieldWidth-1:0] field;
  logic [Lanes-1:0][InWidth-1:0]    a;
  logic                             read_valid, reached_valid_q, count_valid, valid_q;
  logic                             unused_side;
  logic [Lanes*Levels-1:0]          reached_d, reached_q;
  logic [Lanes-1:0][CountWidth-1:0] count;
  logic [Lanes-1:0][OutWidth-1:0]   out_q;

  always_ff @(posedge clk_i) begin
    if (rst_i)           block_q <= '0;
    else if (in_valid_i) block_q <= (block_q == BlockWidth'(Blocks - 1)) ? '0 : block_q + BlockWidth'(1);
  end

  hg_rom #(
    .Depth(Blocks),
    .Width(Lanes * FieldWidth),
    .File (File),
    .Style(RomStyle)
  ) u_thresholds (
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
    .Cycles  (RomLatency),
    .HasReset(1'b1)
  ) u_read_valid (
    .clk_i,
    .rst_i,
    .data_i(in_valid_i),
    .data_o(read_valid)
  );

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic signed [CompareWidth-1:0] plain, turned;

    if (InSigned) begin : gen_signed
      assign plain = CompareWidth'($signed(a[l]));
    end else begin : gen_unsigned
      assign plain = CompareWidth'(a[l]);
    end

    if (HasInvert) begin : gen_invert
      assign turned = field[l][FieldWidth-1] ? ~plain : plain;
    end else begin : gen_no_invert
      assign turned = plain;
    end

    for (genvar k = 0; k < Levels; k++) begin : gen_level
      logic signed [CompareWidth-1:0] threshold;
      assign threshold             = CompareWidth'($signed(field[l][k*TWidth+:TWidth]));
      assign reached_d[l*Levels+k] = turned >= threshold;
    end
  end

  always_ff @(posedge clk_i) reached_q <= reached_d;

  always_ff @(posedge clk_i) begin
    if (rst_i) reached_valid_q <= 1'b0;
    else       reached_valid_q <= read_valid;
  end

  hg_adder_tree #(
    .Lanes             (Lanes),
    .Inputs            (Levels),
    .Width             (1),
    .Signed            (1'b0),
    .SideWidth         (1),
    .TreeLevelsPerStage(TreeLevelsPerStage)
  ) u_count (
    .clk_i,
    .rst_i,
    .valid_i(reached_valid_q),
    .side_i (1'b0),
    .data_i (reached_q),
    .valid_o(count_valid),
    .side_o (unused_side),
    .sum_o  (count)
  );

  always_ff @(posedge clk_i) begin
    for (int unsigned l = 0; l < Lanes; l++) out_q[l] <= OutWidth'(OutOffset) + OutWidth'(count[l]);
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) valid_q <= 1'b0;
    else       valid_q <= count_valid;
  end

  assign out_valid_o = valid_q;
  assign out_data_o  = out_q;

endmodule
