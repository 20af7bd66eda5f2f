// Read-only memory filled from a hex file, one read a cycle.
//
// data_o = mem[addr_i], R edges later
// Cycles     one read a cycle; latency R = 1 (Style 0, 1) or 2 (Style 2: the block memory's own output register)
// Memory     Depth x Width; Style 0 and 1 LUTs, 2 block memory
// File       one hex word a line, word 0 first, read by $readmemh relative to the working directory; without it neither
//            synthesis nor simulation goes on
// Reset      none; there is no control state
module hg_rom #(
  parameter int unsigned Depth = 1,
  parameter int unsigned Width = 8,
  parameter File = "",
  parameter int unsigned Style = 0,
  localparam int unsigned AddrWidth = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                 clk_i,
  input  logic [AddrWidth-1:0] addr_i,
  output logic [Width-1:0]     data_o
);

  if (Depth < 1) begin : gen_bad_depth
    $error("hg_rom: Depth must be at least 1");
  end
  if (Width < 1) begin : gen_bad_width
    $error("hg_rom: Width must be at least 1");
  end
  if (Style > 2) begin : gen_bad_style
    $error("hg_rom: Style must be 0 or 1 (LUTs) or 2 (block memory)");
  end
  if (File == "") begin : gen_bad_file
    $error("hg_rom: File is empty: a memory without contents must not be built");
  end

  logic [Width-1:0] data_q;

  if (Style < 2) begin : gen_logic
`ifdef YOSYS
    // Yosys knows no LUT memory with contents; as logic it comes to the same LUTs.
    (* ram_style = "logic" *)
`else
    (* rom_style = "distributed", romstyle = "logic" *)
`endif
    logic [Width-1:0] mem [Depth];
    initial $readmemh(File, mem);
    always_ff @(posedge clk_i) data_q <= mem[addr_i];
    assign data_o = data_q;
  end else begin : gen_block
    (* rom_style = "block", ram_style = "block" *) logic [Width-1:0] mem [Depth];
    logic [Width-1:0] out_q;
    initial $readmemh(File, mem);
    always_ff @(posedge clk_i) begin
      data_q <= mem[addr_i];
      out_q  <= data_q;
    end
    assign data_o = out_q;
  end

`ifndef SYNTHESIS
  // Simulators only warn of a file that $readmemh does not find.
  initial begin
    int file;
    file = $fopen(File, "r");
    if (file == 0) $fatal(1, "hg_rom: memory file %s cannot be read", File);
    $fclose(file);
  end
`endif

endmodule
