// hg_requant_scale_lane with every shift from 0 to Shifts - 1, fed with the same value and the same parameters of the channel.
//
// in_i       {field, a};  out_o 32 bits a lane, zero extended, shift s at s
module ex_requant_lane #(
  parameter int unsigned Shifts   = 8,
  parameter int unsigned InWidth  = 5,
  parameter bit          InSigned = 1'b1,
  parameter int unsigned MWidth   = 3,
  parameter int unsigned BWidth   = 4,
  parameter bit          TwoSums  = 1'b0,
  parameter int unsigned OutWidth = 3,
  parameter int          OutLow   = 0,
  parameter int          OutHigh  = 7,
  parameter bit          Wrap     = 1'b0,
  localparam int unsigned FieldWidth = MWidth + (TwoSums ? 2 : 1) * BWidth
) (
  input  logic                           clk_i,
  input  logic [InWidth+FieldWidth-1:0]  in_i,
  output logic [Shifts-1:0][31:0]        out_o
);

  for (genvar s = 0; s < Shifts; s++) begin : gen_shift
    logic [OutWidth-1:0] out;

    hg_requant_scale_lane #(
      .InWidth (InWidth),
      .InSigned(InSigned),
      .MWidth  (MWidth),
      .BWidth  (BWidth),
      .Shift   (s),
      .TwoSums (TwoSums),
      .OutWidth(OutWidth),
      .OutLow  (OutLow),
      .OutHigh (OutHigh),
      .Wrap    (Wrap)
    ) u_lane (
      .clk_i,
      .a_i    (in_i[0+:InWidth]),
      .field_i(in_i[InWidth+:FieldWidth]),
      .out_o  (out)
    );

    assign out_o[s] = 32'(out);
  end

endmodule
