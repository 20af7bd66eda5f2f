// hg_requant_scale, all inputs in one word: {rst, valid, data}.  out_o {valid, one word of 32 bits a lane, zero extended}
module ex_requant_scale #(
  parameter int unsigned Lanes    = 2,
  parameter int unsigned Blocks   = 1,
  parameter int unsigned InWidth  = 4,
  parameter bit          InSigned = 1'b1,
  parameter int unsigned MWidth   = 3,
  parameter int unsigned BWidth   = 4,
  parameter int unsigned Shift    = 3,
  parameter bit          TwoSums  = 1'b0,
  parameter int unsigned OutWidth = 3,
  parameter int          OutLow   = 0,
  parameter int          OutHigh  = 7,
  parameter bit          Wrap     = 1'b0,
  parameter File                  = "m.mem",
  parameter int unsigned RomStyle = 0
) (
  input  logic                      clk_i,
  input  logic [Lanes*InWidth+1:0]  in_i,
  output logic [Lanes:0][31:0]      out_o
);

  logic                           valid;
  logic [Lanes-1:0][OutWidth-1:0] data;

  hg_requant_scale #(
    .Lanes   (Lanes),
    .Blocks  (Blocks),
    .InWidth (InWidth),
    .InSigned(InSigned),
    .MWidth  (MWidth),
    .BWidth  (BWidth),
    .Shift   (Shift),
    .TwoSums (TwoSums),
    .OutWidth(OutWidth),
    .OutLow  (OutLow),
    .OutHigh (OutHigh),
    .Wrap    (Wrap),
    .File    (File),
    .RomStyle(RomStyle)
  ) u_dut (
    .clk_i,
    .rst_i      (in_i[Lanes*InWidth+1]),
    .in_valid_i (in_i[Lanes*InWidth]),
    .in_data_i  (in_i[Lanes*InWidth-1:0]),
    .out_valid_o(valid),
    .out_data_o (data)
  );

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    assign out_o[l] = 32'(data[l]);
  end
  assign out_o[Lanes] = 32'(valid);

endmodule
