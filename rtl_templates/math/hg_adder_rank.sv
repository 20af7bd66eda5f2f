// One registered rank of an adder tree: groups of 2**Levels neighbours become their sums.
//
// sum_o[l * Groups + g] = data_i[l * Inputs + g * 2**Levels] + ... of lane l, the last group of a lane may be short; exact
// data_i     Width bits, two's complement if Signed;  sum_o Width + Levels bits;  Groups = ceil(Inputs / 2**Levels)
// Cycles     one set of sums a cycle; latency 1
// Reset      none; valid travels outside
module hg_adder_rank #(
  parameter int unsigned Lanes  = 1,
  parameter int unsigned Inputs = 2,
  parameter int unsigned Width  = 8,
  parameter bit          Signed = 1'b1,
  parameter int unsigned Levels = 1,
  localparam int unsigned Group    = 1 << Levels,
  localparam int unsigned Groups   = (Inputs + Group - 1) / Group,
  localparam int unsigned SumWidth = Width + Levels
) (
  input  logic                                clk_i,
  input  logic [Lanes*Inputs-1:0][Width-1:0]  data_i,
  output logic [Lanes*Groups-1:0][SumWidth-1:0] sum_o
);

  if (Lanes < 1 || Inputs < 1 || Width < 1 || Levels < 1) begin : gen_bad_size
    $error("hg_adder_rank: Lanes, Inputs, Width and Levels must be at least 1");
  end

  logic [Lanes*Groups-1:0][SumWidth-1:0] sum_d, sum_q;

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    for (genvar g = 0; g < Groups; g++) begin : gen_group
      localparam int unsigned First = g * Group;
      localparam int unsigned Terms = (First + Group > Inputs) ? Inputs - First : Group;

      hg_sum #(
        .Inputs(Terms),
        .Width (Width),
        .Signed(Signed),
        .Levels(Levels)
      ) u_sum (
        .data_i(data_i[l*Inputs+First+:Terms]),
        .sum_o (sum_d[l*Groups+g])
      );
    end
  end

  always_ff @(posedge clk_i) sum_q <= sum_d;

  assign sum_o = sum_q;

endmodule
