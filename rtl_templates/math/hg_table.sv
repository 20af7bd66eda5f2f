// A function of one code by enumeration: out = mem[code], one memory a lane.
//
// Stream     valid only
// Cycles     one beat a cycle; latency R = 2 for RomStyle 2, else 1
// Memory     Lanes memories of 2**InWidth words of OutWidth; the code is the address, read as unsigned
// Reset      rst_i synchronous, active high; clears valids
module hg_table #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned InWidth  = 8,
  parameter int unsigned OutWidth = 8,
  parameter File                  = "",
  parameter int unsigned RomStyle = 0
) (
  input  logic                           clk_i,
  input  logic                           rst_i,
  input  logic                           in_valid_i,
  input  logic [Lanes-1:0][InWidth-1:0]  in_data_i,
  output logic                           out_valid_o,
  output logic [Lanes-1:0][OutWidth-1:0] out_data_o
);

  if (Lanes < 1 || OutWidth < 1) begin : gen_bad_size
    $error("hg_table: Lanes and OutWidth must be at least 1");
  end
  if (InWidth < 1 || InWidth > 20) begin : gen_bad_in_width
    $error("hg_table: InWidth must lie in 1 ... 20: the table has 2**InWidth words");
  end

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    hg_rom #(
      .Depth(1 << InWidth),
      .Width(OutWidth),
      .File (File),
      .Style(RomStyle)
    ) u_table (
      .clk_i,
      .addr_i(in_data_i[l]),
      .data_o(out_data_o[l])
    );
  end

  hg_delay #(
    .Width   (1),
    .Cycles  ((RomStyle == 2) ? 2 : 1),
    .HasReset(1'b1)
  ) u_valid (
    .clk_i,
    .rst_i,
    .data_i(in_valid_i),
    .data_o(out_valid_o)
  );

endmodule
