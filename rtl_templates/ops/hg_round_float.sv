// Integers rounded as floats are: to few bits below the leading one, of each element or of the largest of a block of lanes.
//
// m = |in|; a member is a multiple of 2**cut, nearest, ties to even; cut is the greatest of
//   0, step, and (Precision > 0) the place of m's leading one less Precision - 1;
//   Subnormals 0 and m < 2**(step + Precision - 1): step + Precision - 1
// step: the place of the block's leading one less Reach, within Least ... Most; Least where Adaptive is 0
// out = sign * min(member, Greatest * 2**step) / 2**max(Least, 0); HasZero 0: 2**step instead of 0
// Precision 1: a tie goes up where place of the leading one less step is Odd modulo 2
// Limits     Adaptive 0: Greatest is the limit itself, Greatest * 2**step; 0: none is reached
// Stream     valid only; Block lanes are a block; Lanes % Block are one too, which no beat may leave open
// Cycles     one beat a cycle; latency 4: magnitude, leading ones, sum, limit and sign
// Reset      rst_i synchronous, active high; clears valids
module hg_round_float #(
  parameter int unsigned Lanes      = 1,
  parameter int unsigned InWidth    = 8,
  parameter bit          InSigned   = 1'b1,
  parameter int unsigned Block      = 1,
  parameter bit          Adaptive   = 1'b0,
  parameter int          Least      = 0,
  parameter int          Most       = 0,
  parameter int unsigned Reach      = 0,
  parameter              Greatest   = 0,
  parameter int unsigned Precision  = 0,
  parameter bit          Subnormals = 1'b1,
  parameter bit          HasZero    = 1'b1,
  parameter bit          Odd        = 1'b0,
  parameter int unsigned OutWidth   = 8
) (
  input  logic                           clk_i,
  input  logic                           rst_i,
  input  logic                           in_valid_i,
  input  logic [Lanes-1:0][InWidth-1:0]  in_data_i,
  output logic                           out_valid_o,
  output logic [Lanes-1:0][OutWidth-1:0] out_data_o
);

  localparam int unsigned Blocks = (Lanes + Block - 1) / Block;
  localparam int          Below  = (Precision > 0) ? int'(Precision) - 1 : 0;  // bits of a member below its leading one
  localparam int          Far    = Least + ((int'(Reach) > Below) ? int'(Reach) : Below) + 1;
  localparam int unsigned Width  = ((Far > int'(InWidth)) ? Far : int'(InWidth)) + 1;
  localparam int unsigned Drop   = (Least > 0) ? Least : 0;

  if (Lanes < 1 || InWidth < 1 || Block < 1 || OutWidth < 1) begin : gen_bad_size
    $error("hg_round_float: Lanes, InWidth, Block and OutWidth must be at least 1");
  end
  if (Most < Least || (Adaptive && int'(Reach) < Below)) begin : gen_bad_step
    $error("hg_round_float: Most is at least Least, and Reach at least Precision - 1");
  end
  if (!HasZero && Least < 0) begin : gen_bad_zero
    $error("hg_round_float: without zero, Least is not negative");
  end
  if (!Subnormals && Precision < 1) begin : gen_bad_subnormals
    $error("hg_round_float: without subnormals, Precision is at least 1");
  end

  // The lowest `count` bits.
  function automatic logic [Width-1:0] lowest(input int count);
    for (int i = 0; i < int'(Width); i++) lowest[i] = i < count;
  endfunction

  // Whatever the count: nothing is left of a value of fewer bits.
  function automatic logic [Width-1:0] moved_down(input logic [Width-1:0] value, input int unsigned count);
    moved_down = value >> count;
  endfunction

  // All bits up to the leading one.
  function automatic logic [Width-1:0] filled(input logic [Width-1:0] value);
    filled = value;
    for (int unsigned k = 1; k < Width; k = 2 * k) filled = filled | (filled >> k);
  endfunction

  function automatic logic [Width-1:0] leading(input logic [Width-1:0] up_to);
    leading = up_to & ~(up_to >> 1);
  endfunction

  // Whether the leading one of what is filled lies at an odd place: an even number of bits up to it.
  function automatic logic odd_place(input logic [Width-1:0] up_to);
    odd_place = ~(^up_to);
  endfunction

  logic [Lanes-1:0][Width-1:0]  size_q, size_2_q, own_q, rounded_q;
  logic [Lanes-1:0]             negative_q, negative_2_q, negative_3_q;
  logic [Blocks-1:0][Width-1:0] reach, step, under, limit, limit_q, unit_q;
  logic [Blocks-1:0]            step_odd;

  hg_delay #(
    .Width   (1),
    .Cycles  (4),
    .HasReset(1'b1)
  ) u_valid (
    .clk_i,
    .rst_i,
    .data_i(in_valid_i),
    .data_o(out_valid_o)
  );

  for (genvar b = 0; b < Blocks; b++) begin : gen_block
    if (Adaptive) begin : gen_adaptive
      localparam int unsigned Own = ((b + 1) * Block <= Lanes) ? Block : Lanes - b * Block;
      localparam logic [Reach:0] Limit = (Reach + 1)'(Greatest);
      logic [Width-1:0] some, shared_q;

      always_comb begin
        some = '0;
        for (int unsigned l = 0; l < Own; l++) some = some | size_q[b*Block+l];
      end

      always_ff @(posedge clk_i) begin
        shared_q <= (filled(some) | lowest(Least + int'(Reach) + 1)) & lowest(Most + int'(Reach) + 1);
      end

      assign reach[b]    = leading(shared_q);
      assign step[b]     = moved_down(shared_q, Reach + 1);
      assign under[b]    = moved_down(shared_q, Reach + 1 - Below);
      assign step_odd[b] = odd_place(shared_q) ^ Reach[0];

      always_comb begin
        limit[b] = '0;
        for (int unsigned k = 0; k <= Reach; k++) if (Limit[k]) limit[b] = limit[b] | moved_down(reach[b], Reach - k);
      end
    end else begin : gen_fixed
      assign reach[b]    = Width'(1) << Drop;
      assign step[b]     = lowest(Least);
      assign under[b]    = lowest(Least + Below);
      assign step_odd[b] = Least[0];
      assign limit[b]    = (Greatest == 0) ? '1 : Width'(Greatest);
    end

    always_ff @(posedge clk_i) begin
      limit_q[b] <= limit[b];
      unit_q[b]  <= Adaptive ? moved_down(reach[b], Reach) : reach[b];
    end
  end

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    localparam int unsigned Of = l / Block;
    logic                negative, normal, odd, tie_up;
    logic [Width-1:0]    value, cut, last, kept, member;
    logic [OutWidth-1:0] code;

    if (InSigned) begin : gen_signed
      assign negative = in_data_i[l][InWidth-1];
      assign value    = Width'($signed(in_data_i[l]));
    end else begin : gen_unsigned
      assign negative = 1'b0;
      assign value    = Width'(in_data_i[l]);
    end

    assign normal = (size_2_q[l] & ~under[Of]) != '0;
    assign cut    = step[Of] | ((Precision > 0) ? moved_down(own_q[l], Precision) : '0) | ((Subnormals || normal) ? '0 : under[Of]);
    assign last   = {cut[Width-2:0], 1'b1} & ~cut;
    assign tie_up = (Precision != 1) || ((odd_place(own_q[l]) ^ step_odd[Of]) == Odd);
    assign odd    = cut[0] && tie_up && ((size_2_q[l] & last) != '0);
    assign kept   = (rounded_q[l] > limit_q[Of]) ? limit_q[Of] : rounded_q[l];
    assign member = (HasZero || kept != '0) ? kept : unit_q[Of];
    assign code   = OutWidth'(member >> Drop);

    always_ff @(posedge clk_i) begin
      size_q[l]       <= negative ? -value : value;
      negative_q[l]   <= negative;
      size_2_q[l]     <= size_q[l];
      own_q[l]        <= filled(size_q[l]);
      negative_2_q[l] <= negative_q[l];
      rounded_q[l]    <= (size_2_q[l] + (cut >> 1) + Width'(odd)) & ~cut;
      negative_3_q[l] <= negative_2_q[l];
      out_data_o[l]   <= negative_3_q[l] ? -code : code;
    end
  end

endmodule
