// Read-only memory filled from a hex file that is read word after word, over and over.
//
// data_o     the word at hand; next_i moves on to the one after it, the first after the last
// Cycles     one word a cycle; the first one is there from the second edge without reset on, later ones an edge after next_i
// Memory     Depth x Width; Style 0 and 1 LUTs, 2 block memory, whose output register is not used
// File       one hex word a line, word 0 first, as in hg_rom
// Reset      rst_i synchronous, active high; begins with word 0 again
module hg_sequence #(
  parameter int unsigned Depth = 1,
  parameter int unsigned Width = 8,
  parameter File = "",
  parameter int unsigned Style = 0
) (
  input  logic             clk_i,
  input  logic             rst_i,
  input  logic             next_i,
  output logic [Width-1:0] data_o
);

  if (Depth < 1 || Width < 1) begin : gen_bad_size
    $error("hg_sequence: Depth and Width must be at least 1");
  end
  if (Style > 2) begin : gen_bad_style
    $error("hg_sequence: Style must be 0 or 1 (LUTs) or 2 (block memory)");
  end
  if (File == "") begin : gen_bad_file
    $error("hg_sequence: File is empty: a memory without contents must not be built");
  end

  localparam int unsigned AddrWidth = (Depth > 1) ? $clog2(Depth) : 1;

  // The address is one ahead of the word at hand.
  logic [AddrWidth-1:0] ahead_q;
  logic [Width-1:0]     data_q;
  logic                 filled_q, read;

  assign read   = next_i || !filled_q;
  assign data_o = data_q;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      ahead_q  <= '0;
      filled_q <= 1'b0;
    end else begin
      filled_q <= 1'b1;
      if (read) ahead_q <= (ahead_q == AddrWidth'(Depth - 1)) ? '0 : ahead_q + AddrWidth'(1);
    end
  end

  if (Style < 2) begin : gen_logic
`ifdef YOSYS
    (* ram_style = "logic" *)
`else
    (* rom_style = "distributed", romstyle = "logic" *)
`endif
    logic [Width-1:0] mem [Depth];
    initial $readmemh(File, mem);
    always_ff @(posedge clk_i) begin
      if (read) data_q <= mem[ahead_q];
    end
  end else begin : gen_block
    (* rom_style = "block", ram_style = "block" *) logic [Width-1:0] mem [Depth];
    initial $readmemh(File, mem);
    always_ff @(posedge clk_i) begin
      if (read) data_q <= mem[ahead_q];
    end
  end

`ifndef SYNTHESIS
  // Simulators only warn of a file that $readmemh does not find.
  initial begin
    int file;
    file = $fopen(File, "r");
    if (file == 0) $fatal(1, "hg_sequence: memory file %s cannot be read", File);
    $fclose(file);
  end
`endif

endmodule
