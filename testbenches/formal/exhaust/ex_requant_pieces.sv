// hg_requant_pieces with one lane, all inputs in one word: {rst, valid, data}.  out_o {valid, data}, 32 bits each, zero extended
module ex_requant_pieces #(
  parameter int unsigned Blocks   = 1,
  parameter int unsigned Pieces   = 2,
  parameter int unsigned InWidth  = 4,
  parameter bit          InSigned = 1'b1,
  parameter int unsigned TWidth   = 4,
  parameter int unsigned MWidth   = 2,
  parameter int unsigned BWidth   = 2,
  parameter int unsigned Shift    = 1,
  parameter bit          TwoSums  = 1'b0,
  parameter int unsigned OutWidth = 3,
  parameter int          OutLow   = 0,
  parameter int          OutHigh  = 7,
  parameter bit          Wrap     = 1'b0,
  parameter File                  = "m.mem",
  parameter int unsigned RomStyle = 0
) (
  input  logic               clk_i,
  input  logic [InWidth+1:0] in_i,
  output logic [1:0][31:0]   out_o
);

  logic                valid;
  logic [OutWidth-1:0] data;

  hg_requant_pieces #(
    .Lanes   (1),
    .Blocks  (Blocks),
    .Pieces  (Pieces),
    .InWidth (InWidth),
    .InSigned(InSigned),
    .TWidth  (TWidth),
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
    .rst_i      (in_i[InWidth+1]),
    .in_valid_i (in_i[InWidth]),
    .in_data_i  (in_i[InWidth-1:0]),
    .out_valid_o(valid),
    .out_data_o (data)
  );

  assign out_o[0] = 32'(data);
  assign out_o[1] = 32'(valid);

endmodule
