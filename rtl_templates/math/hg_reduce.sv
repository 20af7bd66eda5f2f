// Maximum, sum or weighted sum of Taps consecutive beats, lane by lane.
//
// out[l] = max_t in[t][l]               Kind 0
//          sum_t in[t][l]               Kind 1
//          sum_t in[t][l] * w[b][t][l]  Kind 2, in vector k counted from reset b = k mod Blocks
// Stream     in: valid only, Taps beats a result;  out: valid only, one beat
// Widths     Kind 0: extended to OutWidth by Signed; Kind 1, 2: modulo 2**OutWidth, exact whenever the sum fits, signed or not
// Kinds      of in and w for Kind 2, and WWidth: hg_product; Signed means nothing there
// Cycles     one beat a cycle; latency from a result's last beat 1, for Kind 2 R + 2: read, product, sum;
//            R = 2 for RomStyle 2, else 1
// Memory     Kind 2: Blocks * Taps words of Lanes * WWidth; word b * Taps + t holds the weights of block b at tap t
// Reset      rst_i synchronous, active high; clears valids and counters
module hg_reduce #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned Width    = 8,
  parameter bit          Signed   = 1'b0,
  parameter int unsigned Kind     = 0,
  parameter int unsigned Taps     = 4,
  parameter int unsigned Blocks   = 1,
  parameter int unsigned OutWidth = 8,
  parameter int unsigned XKind    = 0,
  parameter int unsigned WWidth   = 8,
  parameter int unsigned WKind    = 0,
  parameter WeightFile            = "",
  parameter int unsigned RomStyle = 0
) (
  input  logic                           clk_i,
  input  logic                           rst_i,
  input  logic                           in_valid_i,
  input  logic [Lanes-1:0][Width-1:0]    in_data_i,
  output logic                           out_valid_o,
  output logic [Lanes-1:0][OutWidth-1:0] out_data_o
);

  if (Lanes < 1 || Width < 1 || Taps < 1 || Blocks < 1 || OutWidth < 1) begin : gen_bad_size
    $error("hg_reduce: Lanes, Width, Taps, Blocks and OutWidth must be at least 1");
  end
  if (Kind > 2) begin : gen_bad_kind
    $error("hg_reduce: Kind must be 0 (maximum), 1 (sum) or 2 (weighted sum)");
  end
  if (Kind == 0 && OutWidth < Width) begin : gen_bad_out_width
    $error("hg_reduce: a maximum (Kind 0) does not fit in OutWidth bits: they are fewer than Width");
  end

  localparam int unsigned TapWidth = (Taps > 1) ? $clog2(Taps) : 1;

  logic [TapWidth-1:0] tap_q;
  logic                first_q, last;

  assign last = Taps == 1 || tap_q == TapWidth'(Taps - 1);

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      first_q <= 1'b1;
      tap_q   <= '0;
    end else if (in_valid_i) begin
      first_q <= last;
      tap_q   <= last ? '0 : tap_q + TapWidth'(1);
    end
  end

  if (Kind == 0) begin : gen_maximum
    logic [Width-1:0] sign_bit;  // with it turned over codes compare as unsigned
    logic             valid_q;

    assign sign_bit = Signed ? Width'(1) << (Width - 1) : '0;

    for (genvar l = 0; l < Lanes; l++) begin : gen_lane
      logic [Width-1:0] best_q;
      logic             as_great;

      assign as_great = (in_data_i[l] ^ sign_bit) >= (best_q ^ sign_bit);

      always_ff @(posedge clk_i) begin
        if (in_valid_i && (first_q || as_great)) best_q <= in_data_i[l];
      end

      if (Signed) begin : gen_signed
        assign out_data_o[l] = OutWidth'($signed(best_q));
      end else begin : gen_unsigned
        assign out_data_o[l] = OutWidth'(best_q);
      end
    end

    always_ff @(posedge clk_i) begin
      if (rst_i) valid_q <= 1'b0;
      else       valid_q <= in_valid_i && last;
    end

    assign out_valid_o = valid_q;
  end else begin : gen_sum
    localparam int unsigned TermWidth = (Kind == 2) ? Width + ((WKind == 2) ? 1 : WWidth) : Width + (Signed ? 0 : 1);
    logic [Lanes*TermWidth-1:0] term;
    logic                       term_valid, term_first, term_last;

    if (Kind == 2) begin : gen_weighted
      localparam int unsigned RomLatency = (RomStyle == 2) ? 2 : 1;
      localparam int unsigned Words      = Blocks * Taps;
      localparam int unsigned WordWidth  = (Words > 1) ? $clog2(Words) : 1;
      logic [WordWidth-1:0]       word_q;
      logic [Lanes*WWidth-1:0]    w;
      logic [Lanes*Width-1:0]     x;
      logic [Lanes*TermWidth-1:0] product_d, product_q;

      always_ff @(posedge clk_i) begin
        if (rst_i)           word_q <= '0;
        else if (in_valid_i) word_q <= (word_q == WordWidth'(Words - 1)) ? '0 : word_q + WordWidth'(1);
      end

      hg_rom #(
        .Depth(Words),
        .Width(Lanes * WWidth),
        .File (WeightFile),
        .Style(RomStyle)
      ) u_weights (
        .clk_i,
        .addr_i(word_q),
        .data_o(w)
      );

      hg_delay #(
        .Width (Lanes * Width),
        .Cycles(RomLatency)
      ) u_x (
        .clk_i,
        .rst_i,
        .data_i(in_data_i),
        .data_o(x)
      );

      for (genvar l = 0; l < Lanes; l++) begin : gen_lane
        hg_product #(
          .XWidth(Width),
          .XKind (XKind),
          .WWidth(WWidth),
          .WKind (WKind)
        ) u_product (
          .x_i      (x[l*Width+:Width]),
          .x_used_i (1'b1),
          .w_i      (w[l*WWidth+:WWidth]),
          .product_o(product_d[l*TermWidth+:TermWidth])
        );
      end

      always_ff @(posedge clk_i) product_q <= product_d;

      hg_delay #(
        .Width (2),
        .Cycles(RomLatency + 1)
      ) u_tags (
        .clk_i,
        .rst_i,
        .data_i({first_q, last}),
        .data_o({term_first, term_last})
      );

      hg_delay #(
        .Width   (1),
        .Cycles  (RomLatency + 1),
        .HasReset(1'b1)
      ) u_valid (
        .clk_i,
        .rst_i,
        .data_i(in_valid_i),
        .data_o(term_valid)
      );

      assign term = product_q;
    end else begin : gen_plain
      for (genvar l = 0; l < Lanes; l++) begin : gen_lane
        if (Signed) begin : gen_signed
          assign term[l*TermWidth+:TermWidth] = in_data_i[l];
        end else begin : gen_unsigned
          assign term[l*TermWidth+:TermWidth] = {1'b0, in_data_i[l]};
        end
      end
      assign term_valid = in_valid_i;
      assign term_first = first_q;
      assign term_last  = last;
    end

    hg_accumulator #(
      .Lanes   (Lanes),
      .InWidth (TermWidth),
      .AccWidth(OutWidth)
    ) u_sums (
      .clk_i,
      .rst_i,
      .in_valid_i(term_valid),
      .in_first_i(term_first),
      .in_last_i (term_last),
      .in_block_i('0),
      .in_data_i (term),
      .in_bias_i ('0),
      .out_valid_o,
      .out_data_o
    );
  end

endmodule
