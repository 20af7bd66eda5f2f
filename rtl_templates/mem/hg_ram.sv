// Memory with one write port and one read port on one clock.
//
// data_o = mem[read_addr_i] as it was before the edge with read_i; a block memory's output register takes it at the next edge
// with out_i. What a port does not enable stays
// Cycles     one write and one read a cycle; latency 1 (Style 0, 1) or 2 (Style 2: read_i, then out_i)
//            a word written at edge e can be read at e+1 at the earliest; at edge e itself its place must not be read
// Memory     Depth x Width; Style 0 and 1 LUTs (out_i unused), 2 block memory with its own output register
// Reset      none; it comes up with noise
module hg_ram #(
  parameter int unsigned Depth = 2,
  parameter int unsigned Width = 8,
  parameter int unsigned Style = 0,
  localparam int unsigned AddrWidth = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                 clk_i,

  input  logic                 write_i,
  input  logic [AddrWidth-1:0] write_addr_i,
  input  logic [Width-1:0]     write_data_i,

  input  logic                 read_i,
  input  logic [AddrWidth-1:0] read_addr_i,
  input  logic                 out_i,
  output logic [Width-1:0]     data_o
);

  if (Depth < 1 || Width < 1) begin : gen_bad_size
    $error("hg_ram: Depth and Width must be at least 1");
  end
  if (Style > 2) begin : gen_bad_style
    $error("hg_ram: Style must be 0 or 1 (LUTs) or 2 (block memory)");
  end

  logic [Width-1:0] data_q;

  if (Style < 2) begin : gen_logic
    (* ram_style = "distributed", ramstyle = "logic" *) logic [Width-1:0] mem [Depth];
    logic unused_out;

    assign unused_out = out_i;

    always_ff @(posedge clk_i) begin
      if (write_i) mem[write_addr_i] <= write_data_i;
      if (read_i)  data_q <= mem[read_addr_i];
    end
    assign data_o = data_q;
  end else begin : gen_block
    // Nobody reads what is being written, so that no bypass is needed around the memory.
    (* ram_style = "block", no_rw_check, ramstyle = "no_rw_check" *) logic [Width-1:0] mem [Depth];
    logic [Width-1:0] out_q;

    always_ff @(posedge clk_i) begin
      if (write_i) mem[write_addr_i] <= write_data_i;
      if (read_i)  data_q <= mem[read_addr_i];
      if (out_i)   out_q <= data_q;
    end
    assign data_o = out_q;
  end

endmodule
