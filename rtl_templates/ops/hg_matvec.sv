// Product of a weight matrix and a streamed vector: the blocked multiplier array.
//
// y[g][o] = bias[g][o] + sum_p sum_i w[g][o][p][i] * x[p][i]     int64 view: y = w[g] @ x + bias[g]
// A vector has Positions * In elements. Vector k counted from reset meets the weights of group g = k mod Groups.
// Stream     in: Positions * InBlocks beats a vector, InBlocks = ceil(In / InLanes) a position, lanes past In ignored;
//            out: OutBlocks = ceil(Out / OutLanes) beats, each as soon as its last input block is in, valid only:
//            an operation whose result will leave waits for room_i and pulses reserve_o (hg_credit_fifo)
// Cycles     Positions * InBlocks * OutBlocks a vector, none idle while input and room are there. A beat accepted at edge t
//            is issued at t+1 ... t+OutBlocks, the next beat is accepted at t+OutBlocks at the earliest
// Latency    a result issued at edge e can be sampled at e + R + T + 2; R = 2 for RomStyle 2, else 1;
//            T = ceil(clog2(InLanes) / TreeLevelsPerStage)
// Ready      in_ready_o is a function of registers and room_i
// Memory     w: Groups * Positions * InBlocks * OutBlocks words of OutLanes * InLanes * WWidth; word
//            ((g * Positions + p) * InBlocks + i) * OutBlocks + o holds w[g][out][p][in] of input block i, output block o
//            at field (out lane * InLanes + in lane). Padding is zero bits
//            bias: Groups * OutBlocks words of OutLanes * AccWidth, the initial values of the accumulators
// Kinds      of x and w: hg_product
// Reset      rst_i synchronous, active high; clears valids and counters
module hg_matvec #(
  parameter int unsigned In                 = 8,
  parameter int unsigned Out                = 4,
  parameter int unsigned InLanes            = 2,
  parameter int unsigned OutLanes           = 2,
  parameter int unsigned XWidth             = 8,
  parameter int unsigned XKind              = 0,
  parameter int unsigned WWidth             = 8,
  parameter int unsigned WKind              = 0,
  parameter int unsigned AccWidth           = 20,
  parameter bit          HasBias            = 1'b0,
  parameter WeightFile                      = "",
  parameter BiasFile                        = "",
  parameter int unsigned RomStyle           = 0,
  parameter int unsigned BiasRomStyle       = 0,
  parameter int unsigned TreeLevelsPerStage = 2,
  parameter int unsigned Positions          = 1,
  parameter int unsigned Groups             = 1
) (
  input  logic                              clk_i,
  input  logic                              rst_i,

  input  logic                              in_valid_i,
  output logic                              in_ready_o,
  input  logic [InLanes-1:0][XWidth-1:0]    in_data_i,

  input  logic                              room_i,
  output logic                              reserve_o,
  output logic                              out_valid_o,
  output logic [OutLanes-1:0][AccWidth-1:0] out_data_o
);

  if (In < 1 || Out < 1) begin : gen_bad_size
    $error("hg_matvec: In and Out must be at least 1");
  end
  if (Positions < 1 || Groups < 1) begin : gen_bad_count
    $error("hg_matvec: Positions and Groups must be at least 1");
  end
  if (InLanes < 1 || InLanes > In) begin : gen_bad_in_lanes
    $error("hg_matvec: InLanes must lie in 1 ... In");
  end
  if (OutLanes < 1 || OutLanes > Out) begin : gen_bad_out_lanes
    $error("hg_matvec: OutLanes must lie in 1 ... Out");
  end
  if (RomStyle > 2 || BiasRomStyle > 2) begin : gen_bad_style
    $error("hg_matvec: RomStyle and BiasRomStyle must be 0 or 1 (LUTs) or 2 (block memory)");
  end

  localparam int unsigned InBlocks     = (In + InLanes - 1) / InLanes;
  localparam int unsigned OutBlocks    = (Out + OutLanes - 1) / OutLanes;
  localparam int unsigned TailLanes    = In - (InBlocks - 1) * InLanes;
  localparam int unsigned Words        = Groups * Positions * InBlocks * OutBlocks;
  localparam int unsigned Products     = InLanes * OutLanes;
  localparam int unsigned ProductWidth = XWidth + ((WKind == 2) ? 1 : WWidth);
  localparam int unsigned SumWidth     = ProductWidth + $clog2(InLanes);
  localparam int unsigned RomLatency   = (RomStyle == 2) ? 2 : 1;
  localparam int unsigned BiasLatency  = (BiasRomStyle == 2) ? 2 : 1;
  localparam int unsigned TreeLatency  = ($clog2(InLanes) + TreeLevelsPerStage - 1) / TreeLevelsPerStage;
  localparam int unsigned WordWidth    = (Words > 1) ? $clog2(Words) : 1;
  localparam int unsigned InBlockWidth = (InBlocks > 1) ? $clog2(InBlocks) : 1;
  localparam int unsigned BlockWidth   = (OutBlocks > 1) ? $clog2(OutBlocks) : 1;
  localparam int unsigned SideWidth    = 2 + BlockWidth;

  // Issue: the held beat meets one output block a cycle.
  logic                           busy_q;
  logic [InLanes-1:0][XWidth-1:0] x_q;
  logic [WordWidth-1:0]           word_q;
  logic [InBlockWidth-1:0]        in_block_q;
  logic [BlockWidth-1:0]          block_q;
  logic                           first_block, last_block, first_position, last_position;
  logic                           first_in, last_in, last_out, issue, accept;

  assign first_block = in_block_q == '0;
  assign last_block  = in_block_q == InBlockWidth'(InBlocks - 1);
  assign first_in    = first_block && first_position;
  assign last_in     = last_block && last_position;
  assign last_out    = block_q == BlockWidth'(OutBlocks - 1);
  assign issue       = busy_q && (room_i || !last_in);
  assign in_ready_o  = !busy_q || (issue && last_out);
  assign accept      = in_valid_i && in_ready_o;
  assign reserve_o   = issue && last_in;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      busy_q     <= 1'b0;
      word_q     <= '0;
      in_block_q <= '0;
      block_q    <= '0;
    end else begin
      if (in_ready_o) busy_q <= in_valid_i;
      if (issue) begin
        word_q  <= (word_q == WordWidth'(Words - 1)) ? '0 : word_q + WordWidth'(1);
        block_q <= last_out ? '0 : block_q + BlockWidth'(1);
        if (last_out) in_block_q <= last_block ? '0 : in_block_q + InBlockWidth'(1);
      end
    end
  end

  if (Positions == 1) begin : gen_position
    assign first_position = 1'b1;
    assign last_position  = 1'b1;
  end else begin : gen_positions
    localparam int unsigned PositionWidth = $clog2(Positions);
    logic [PositionWidth-1:0] position_q;

    assign first_position = position_q == '0;
    assign last_position  = position_q == PositionWidth'(Positions - 1);

    always_ff @(posedge clk_i) begin
      if (rst_i)                                position_q <= '0;
      else if (issue && last_out && last_block) position_q <= last_position ? '0 : position_q + PositionWidth'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) x_q <= in_data_i;
  end

  // Weights, and beside them the activations and the operation's tags.
  logic [Products-1:0][WWidth-1:0] w;
  logic [InLanes-1:0][XWidth-1:0]  x;
  logic [InLanes-1:0]              x_used;
  logic                            read_valid, read_last_block;
  logic [SideWidth-1:0]            read_side, product_side, sum_side;

  hg_rom #(
    .Depth(Words),
    .Width(Products * WWidth),
    .File (WeightFile),
    .Style(RomStyle)
  ) u_weights (
    .clk_i,
    .addr_i(word_q),
    .data_o(w)
  );

  hg_delay #(
    .Width (InLanes * XWidth + 1 + SideWidth),
    .Cycles(RomLatency)
  ) u_read_data (
    .clk_i,
    .rst_i,
    .data_i({x_q, last_block, first_in, last_in, block_q}),
    .data_o({x, read_last_block, read_side})
  );

  hg_delay #(
    .Width   (1),
    .Cycles  (RomLatency),
    .HasReset(1'b1)
  ) u_read_valid (
    .clk_i,
    .rst_i,
    .data_i(issue),
    .data_o(read_valid)
  );

  for (genvar i = 0; i < InLanes; i++) begin : gen_used
    assign x_used[i] = (i < TailLanes) || !read_last_block;
  end

  // Products, their sums, the sums of the sums.
  logic                                  product_valid, sum_valid;
  logic [Products-1:0][ProductWidth-1:0] product;
  logic [OutLanes-1:0][SumWidth-1:0]     sum;
  logic [OutLanes-1:0][AccWidth-1:0]     bias;

  hg_mult_array #(
    .InLanes (InLanes),
    .OutLanes(OutLanes),
    .XWidth  (XWidth),
    .XKind   (XKind),
    .WWidth  (WWidth),
    .WKind   (WKind)
  ) u_products (
    .clk_i,
    .x_i      (x),
    .x_used_i (x_used),
    .w_i      (w),
    .product_o(product)
  );

  hg_delay #(
    .Width(SideWidth)
  ) u_product_side (
    .clk_i,
    .rst_i,
    .data_i(read_side),
    .data_o(product_side)
  );

  hg_delay #(
    .Width   (1),
    .HasReset(1'b1)
  ) u_product_valid (
    .clk_i,
    .rst_i,
    .data_i(read_valid),
    .data_o(product_valid)
  );

  hg_adder_tree #(
    .Lanes             (OutLanes),
    .Inputs            (InLanes),
    .Width             (ProductWidth),
    .Signed            (1'b1),
    .SideWidth         (SideWidth),
    .TreeLevelsPerStage(TreeLevelsPerStage)
  ) u_sums (
    .clk_i,
    .rst_i,
    .valid_i(product_valid),
    .side_i (product_side),
    .data_i (product),
    .valid_o(sum_valid),
    .side_o (sum_side),
    .sum_o  (sum)
  );

  if (HasBias) begin : gen_bias
    // The bias is asked for so late that it arrives with the block's sum; one word for each operation that begins a sum.
    localparam int unsigned Biases    = Groups * OutBlocks;
    localparam int unsigned BiasWidth = (Biases > 1) ? $clog2(Biases) : 1;
    logic [BiasWidth-1:0] bias_q, bias_word;

    always_ff @(posedge clk_i) begin
      if (rst_i)                  bias_q <= '0;
      else if (issue && first_in) bias_q <= (bias_q == BiasWidth'(Biases - 1)) ? '0 : bias_q + BiasWidth'(1);
    end

    hg_delay #(
      .Width (BiasWidth),
      .Cycles(RomLatency + 1 + TreeLatency - BiasLatency)
    ) u_bias_word (
      .clk_i,
      .rst_i,
      .data_i(bias_q),
      .data_o(bias_word)
    );

    hg_rom #(
      .Depth(Biases),
      .Width(OutLanes * AccWidth),
      .File (BiasFile),
      .Style(BiasRomStyle)
    ) u_bias (
      .clk_i,
      .addr_i(bias_word),
      .data_o(bias)
    );
  end else begin : gen_no_bias
    assign bias = '0;
  end

  hg_accumulator #(
    .Lanes   (OutLanes),
    .InWidth (SumWidth),
    .AccWidth(AccWidth),
    .Blocks  (OutBlocks)
  ) u_accumulators (
    .clk_i,
    .rst_i,
    .in_valid_i(sum_valid),
    .in_first_i(sum_side[BlockWidth+1]),
    .in_last_i (sum_side[BlockWidth]),
    .in_block_i(sum_side[BlockWidth-1:0]),
    .in_data_i (sum),
    .in_bias_i (bias),
    .out_valid_o,
    .out_data_o
  );

endmodule
