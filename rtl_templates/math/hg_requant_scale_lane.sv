// One lane of hg_requant_scale: multiply, add, shift, clip, with the parameters of the channel beside the value.
//
// p = a * m;  y = (p + b1) >>> Shift, with TwoSums + ((p + b2) >>> Shift);  out = clip(y, OutLow, OutHigh), exact
// With Wrap the low OutWidth bits of y leave instead of the clipped value (OutLow and OutHigh mean nothing then).
// field_i    {b2 if TwoSums, b1, m if MWidth > 0}, m lowest
// Cycles     one value a cycle; latency 2 + (MWidth > 0): product, sums, clip
// Reset      none; valid travels outside
module hg_requant_scale_lane #(
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
  localparam int unsigned Offsets    = TwoSums ? 2 : 1,
  localparam int unsigned FieldWidth = MWidth + Offsets * BWidth
) (
  input  logic                  clk_i,
  input  logic [InWidth-1:0]    a_i,
  input  logic [FieldWidth-1:0] field_i,
  output logic [OutWidth-1:0]   out_o
);

  if (OutWidth < 1 || OutWidth > 32) begin : gen_bad_out_width
    $error("hg_requant_scale_lane: OutWidth must lie in 1 ... 32");
  end
  if (OutLow > OutHigh) begin : gen_bad_range
    $error("hg_requant_scale_lane: OutLow must not exceed OutHigh");
  end
  if (OutWidth < 32 && (OutLow < -(1 << (OutWidth - 1)) || (OutHigh >>> OutWidth) > 0
                        || (OutLow < 0 && (OutHigh >>> (OutWidth - 1)) > 0))) begin : gen_bad_bounds
    $error("hg_requant_scale_lane: OutLow and OutHigh do not fit in OutWidth bits");
  end

  localparam int unsigned AWidth    = InWidth + (InSigned ? 0 : 1);
  localparam int unsigned PWidth    = AWidth + MWidth;
  localparam int unsigned SumWidth  = ((PWidth > BWidth) ? PWidth : BWidth) + 1;
  localparam int unsigned Dropped   = (Shift < SumWidth) ? Shift : SumWidth - 1;  // only the sign is left past it
  localparam int unsigned TermWidth = SumWidth - Dropped;
  localparam int unsigned YWidth    = ((TermWidth > OutWidth) ? TermWidth : OutWidth) + 1;

  logic signed [AWidth-1:0]          a;
  logic signed [PWidth-1:0]          p;
  logic [Offsets-1:0][BWidth-1:0]    offset;
  logic [Offsets-1:0][TermWidth-1:0] term_d, term_q;
  // verilator lint_off UNUSEDSIGNAL
  logic signed [YWidth-1:0]          y;  // Wrap drops its upper bits
  // verilator lint_on UNUSEDSIGNAL
  logic [OutWidth-1:0]               out_d, out_q;

  if (InSigned) begin : gen_signed
    assign a = $signed(a_i);
  end else begin : gen_unsigned
    assign a = $signed({1'b0, a_i});
  end

  if (MWidth > 0) begin : gen_multiplier
    logic signed [PWidth-1:0]  p_q;
    logic [Offsets*BWidth-1:0] offset_q;
    always_ff @(posedge clk_i) begin
      p_q      <= PWidth'(a) * PWidth'($signed(field_i[MWidth-1:0]));
      offset_q <= field_i[FieldWidth-1:MWidth];
    end
    assign p      = p_q;
    assign offset = offset_q;
  end else begin : gen_no_multiplier
    assign p      = a;
    assign offset = field_i;
  end

  for (genvar k = 0; k < Offsets; k++) begin : gen_term
    logic signed [SumWidth-1:0] sum;
    assign sum       = SumWidth'(p) + SumWidth'($signed(offset[k]));
    assign term_d[k] = TermWidth'(sum >>> Dropped);
  end

  if (TwoSums) begin : gen_two_sums
    assign y = YWidth'($signed(term_q[0])) + YWidth'($signed(term_q[Offsets-1]));
  end else begin : gen_one_sum
    assign y = YWidth'($signed(term_q[0]));
  end

  if (Wrap) begin : gen_wrap
    assign out_d = OutWidth'(y);
  end else begin : gen_clip
    always_comb begin
      out_d = OutWidth'(y);
      if (y < YWidth'(OutLow))  out_d = OutWidth'(OutLow);
      if (y > YWidth'(OutHigh)) out_d = OutWidth'(OutHigh);
    end
  end

  always_ff @(posedge clk_i) begin
    term_q <= term_d;
    out_q  <= out_d;
  end

  assign out_o = out_q;

endmodule
