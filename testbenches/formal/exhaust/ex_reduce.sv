// hg_reduce with one lane, all inputs in one word: {rst, valid, data}.  out_o {valid, data}, 32 bits each, zero extended
module ex_reduce #(
  parameter int unsigned Width    = 3,
  parameter bit          Signed   = 1'b0,
  parameter int unsigned Kind     = 0,
  parameter int unsigned Taps     = 3,
  parameter int unsigned Blocks   = 1,
  parameter int unsigned OutWidth = 5,
  parameter int unsigned XKind    = 0,
  parameter int unsigned WWidth   = 2,
  parameter int unsigned WKind    = 0,
  parameter File                  = "m.mem",
  parameter int unsigned RomStyle = 0
) (
  input  logic             clk_i,
  input  logic [Width+1:0] in_i,
  output logic [1:0][31:0] out_o
);

  logic                valid;
  logic [OutWidth-1:0] data;

  hg_reduce #(
    .Lanes     (1),
    .Width     (Width),
    .Signed    (Signed),
    .Kind      (Kind),
    .Taps      (Taps),
    .Blocks    (Blocks),
    .OutWidth  (OutWidth),
    .XKind     (XKind),
    .WWidth    (WWidth),
    .WKind     (WKind),
    .WeightFile(File),
    .RomStyle  (RomStyle)
  ) u_dut (
    .clk_i,
    .rst_i      (in_i[Width+1]),
    .in_valid_i (in_i[Width]),
    .in_data_i  (in_i[Width-1:0]),
    .out_valid_o(valid),
    .out_data_o (data)
  );

  assign out_o[0] = 32'(data);
  assign out_o[1] = 32'(valid);

endmodule
