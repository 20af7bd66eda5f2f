// hg_requant_threshold, all inputs in one word: {rst, valid, data}.  out_o {valid, one word of 32 bits a lane, zero extended}
module ex_requant_threshold #(
  parameter int unsigned Lanes              = 1,
  parameter int unsigned Blocks             = 1,
  parameter int unsigned InWidth            = 4,
  parameter bit          InSigned           = 1'b1,
  parameter int unsigned Levels             = 2,
  parameter int unsigned TWidth             = 4,
  parameter int          OutOffset          = 0,
  parameter int unsigned OutWidth           = 2,
  parameter bit          HasInvert          = 1'b0,
  parameter File                            = "m.mem",
  parameter int unsigned RomStyle           = 0,
  parameter int unsigned TreeLevelsPerStage = 2
) (
  input  logic                      clk_i,
  input  logic [Lanes*InWidth+1:0]  in_i,
  output logic [Lanes:0][31:0]      out_o
);

  logic                           valid;
  logic [Lanes-1:0][OutWidth-1:0] data;

  hg_requant_threshold #(
    .Lanes             (Lanes),
    .Blocks            (Blocks),
    .InWidth           (InWidth),
    .InSigned          (InSigned),
    .Levels            (Levels),
    .TWidth            (TWidth),
    .OutOffset         (OutOffset),
    .OutWidth          (OutWidth),
    .HasInvert         (HasInvert),
    .File              (File),
    .RomStyle          (RomStyle),
    .TreeLevelsPerStage(TreeLevelsPerStage)
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
