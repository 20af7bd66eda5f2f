// Sum, product, minimum or maximum of two operands, each scaled and offset by constants, lane by lane.
//
// out[l] = (a[l] * AMul + AOff) op (b[l] * BMul + BOff)     op: Kind 0 +, 1 *, 2 min, 3 max
// Stream     valid only; in_data_i = {b lanes, a lanes}, lane 0 lowest
// Constants  signed, up to 64 bits; without a type: they have the width and the sign of what they are given
// Widths     Kind 0, 1: modulo 2**OutWidth, exact whenever the result fits, signed or not;
//            Kind 2, 3: the operands are compared as they are, the low OutWidth bits of the chosen one leave
// Cycles     one beat a cycle; latency 2: operands, result
// Reset      rst_i synchronous, active high; clears valids
module hg_eltwise #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned AWidth   = 8,
  parameter bit          ASigned  = 1'b1,
  parameter int unsigned BWidth   = 8,
  parameter bit          BSigned  = 1'b1,
  parameter int unsigned Kind     = 0,
  parameter AMul                  = 1,
  parameter AOff                  = 0,
  parameter BMul                  = 1,
  parameter BOff                  = 0,
  parameter int unsigned OutWidth = 9
) (
  input  logic                             clk_i,
  input  logic                             rst_i,
  input  logic                             in_valid_i,
  input  logic [Lanes*(AWidth+BWidth)-1:0] in_data_i,
  output logic                             out_valid_o,
  output logic [Lanes-1:0][OutWidth-1:0]   out_data_o
);

  if (Lanes < 1 || OutWidth < 1) begin : gen_bad_size
    $error("hg_eltwise: Lanes and OutWidth must be at least 1");
  end
  if (AWidth < 1 || AWidth > 64 || BWidth < 1 || BWidth > 64) begin : gen_bad_width
    $error("hg_eltwise: AWidth and BWidth must lie in 1 ... 64");
  end
  if (Kind > 3) begin : gen_bad_kind
    $error("hg_eltwise: Kind must be 0 (sum), 1 (product), 2 (minimum) or 3 (maximum)");
  end

  // The bits, two's complement, of x * Mul + Off for all x of Width bits, signed or not.
  localparam int unsigned MostBits = 64 + 64 + 2;

  function automatic int unsigned operand_bits(input int unsigned width, input bit is_signed,
                                               input logic signed [MostBits-1:0] mul,
                                               input logic signed [MostBits-1:0] off);
    logic signed [MostBits-1:0] least, greatest, first, last;
    least        = is_signed ? -(MostBits'(1) << (width - 1)) : '0;
    greatest     = (MostBits'(1) << (is_signed ? width - 1 : width)) - MostBits'(1);
    first        = least * mul + off;
    last         = greatest * mul + off;
    operand_bits = 1;
    for (int unsigned bits = 1; bits < MostBits; bits++) begin
      if ((first >>> (bits - 1)) != (first >>> bits) || (last >>> (bits - 1)) != (last >>> bits)) operand_bits = bits + 1;
    end
  endfunction

  localparam int unsigned ABits = operand_bits(AWidth, ASigned, MostBits'(AMul), MostBits'(AOff));
  localparam int unsigned BBits = operand_bits(BWidth, BSigned, MostBits'(BMul), MostBits'(BOff));
  localparam bit          Whole = Kind > 1;  // a sum or product needs no more of its operands than it leaves with
  localparam int unsigned AKept = (Whole || ABits < OutWidth) ? ABits : OutWidth;
  localparam int unsigned BKept = (Whole || BBits < OutWidth) ? BBits : OutWidth;
  // Operands are made no narrower than their codes; what is kept of them may be.
  localparam int unsigned AMade = (AKept > AWidth) ? AKept : AWidth + 1;
  localparam int unsigned BMade = (BKept > BWidth) ? BKept : BWidth + 1;
  localparam int unsigned Wider = (AKept > BKept) ? AKept : BKept;

  hg_delay #(
    .Width   (1),
    .Cycles  (2),
    .HasReset(1'b1)
  ) u_valid (
    .clk_i,
    .rst_i,
    .data_i(in_valid_i),
    .data_o(out_valid_o)
  );

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [AWidth-1:0]          a_code;
    logic [BWidth-1:0]          b_code;
    logic signed [AMade-1:0]    a;
    logic signed [BMade-1:0]    b;
    logic signed [AKept-1:0]    a_q;
    logic signed [BKept-1:0]    b_q;
    logic signed [OutWidth-1:0] out_d, out_q;

    assign a_code = in_data_i[l*AWidth+:AWidth];
    assign b_code = in_data_i[Lanes*AWidth+l*BWidth+:BWidth];

    if (ASigned) begin : gen_a_signed
      assign a = AMade'($signed(a_code));
    end else begin : gen_a_unsigned
      assign a = AMade'($signed({1'b0, a_code}));
    end
    if (BSigned) begin : gen_b_signed
      assign b = BMade'($signed(b_code));
    end else begin : gen_b_unsigned
      assign b = BMade'($signed({1'b0, b_code}));
    end

    always_ff @(posedge clk_i) begin
      a_q <= AKept'(a * $signed(AMade'(AMul)) + $signed(AMade'(AOff)));
      b_q <= BKept'(b * $signed(BMade'(BMul)) + $signed(BMade'(BOff)));
    end

    if (Kind == 0) begin : gen_sum
      assign out_d = OutWidth'(a_q) + OutWidth'(b_q);
    end else if (Kind == 1) begin : gen_product
      assign out_d = OutWidth'(a_q) * OutWidth'(b_q);
    end else begin : gen_choice
      logic greater;
      assign greater = Wider'(a_q) > Wider'(b_q);
      assign out_d   = (greater == (Kind == 3)) ? OutWidth'(a_q) : OutWidth'(b_q);
    end

    always_ff @(posedge clk_i) out_q <= out_d;

    assign out_data_o[l] = out_q;
  end

endmodule
