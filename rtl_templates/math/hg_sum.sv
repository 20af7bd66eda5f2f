// Sum of Inputs integers in Levels levels of adders, combinational.
//
// sum_o = data_i[0] + ... + data_i[Inputs - 1], exact;  Inputs at most 2**Levels
// data_i     Width bits, two's complement if Signed;  sum_o Width + Levels bits
// Cycles     none; register it (hg_adder_rank)
module hg_sum #(
  parameter int unsigned Inputs = 2,
  parameter int unsigned Width  = 8,
  parameter bit          Signed = 1'b1,
  parameter int unsigned Levels = 1,
  localparam int unsigned SumWidth = Width + Levels
) (
  input  logic [Inputs-1:0][Width-1:0] data_i,
  output logic [SumWidth-1:0]          sum_o
);

  if (Inputs < 1 || Width < 1) begin : gen_bad_size
    $error("hg_sum: Inputs and Width must be at least 1");
  end
  if (Inputs > (1 << Levels)) begin : gen_bad_levels
    $error("hg_sum: Inputs must be at most 2**Levels");
  end

  localparam int unsigned Terms = 1 << Levels;

  logic [Terms-1:0][SumWidth-1:0] term;

  always_comb begin
    term = '0;
    for (int unsigned t = 0; t < Inputs; t++) begin
      if (Signed) term[t] = SumWidth'($signed(data_i[t]));
      else        term[t] = SumWidth'(data_i[t]);
    end
    for (int unsigned level = 1; level <= Levels; level++) begin
      for (int unsigned t = 0; t < (Terms >> level); t++) term[t] = term[2*t] + term[2*t+1];
    end
  end

  assign sum_o = term[0];

endmodule
