// hg_eltwise of every kind, with operands of either sign, one lane, fed with the same two codes.
//
// in_i       {b, a};  out_o 32 bits, zero extended: kind k of operands of sign s (1: a is signed, 2: b is) at 4 * k + s
module ex_eltwise #(
  parameter int unsigned AWidth   = 4,
  parameter int unsigned BWidth   = 4,
  parameter AMul                  = 1,
  parameter AOff                  = 0,
  parameter BMul                  = 1,
  parameter BOff                  = 0,
  parameter int unsigned OutWidth = 5
) (
  input  logic                     clk_i,
  input  logic [AWidth+BWidth-1:0] in_i,
  output logic [15:0][31:0]        out_o
);

  for (genvar k = 0; k < 4; k++) begin : gen_kind
    for (genvar s = 0; s < 4; s++) begin : gen_sign
      logic [OutWidth-1:0] out;
      logic                unused_valid;

      hg_eltwise #(
        .Lanes   (1),
        .AWidth  (AWidth),
        .ASigned (s % 2 == 1),
        .BWidth  (BWidth),
        .BSigned (s / 2 == 1),
        .Kind    (k),
        .AMul    (AMul),
        .AOff    (AOff),
        .BMul    (BMul),
        .BOff    (BOff),
        .OutWidth(OutWidth)
      ) u_dut (
        .clk_i,
        .rst_i      (1'b0),
        .in_valid_i (1'b1),
        .in_data_i  (in_i),
        .out_valid_o(unused_valid),
        .out_data_o (out)
      );

      assign out_o[4*k+s] = 32'(out);
    end
  end

endmodule
