// First in, first out, any depth.
//
// Stream     in order, nothing lost, nothing twice
// Cycles     one beat a cycle (Depth 1: one every second cycle); latency 1: pushed at edge e, popped at e+1 at the earliest
// Ready      in_ready_o is a function of registers: fewer than Depth beats stored
// Memory     Depth x Width, distributed; capacity Depth
// Reset      rst_i synchronous, active high; empties it
module hg_stream_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 2
) (
  input  logic             clk_i,
  input  logic             rst_i,

  input  logic             in_valid_i,
  output logic             in_ready_o,
  input  logic [Width-1:0] in_data_i,

  output logic             out_valid_o,
  input  logic             out_ready_i,
  output logic [Width-1:0] out_data_o
);

  if (Width < 1 || Depth < 1) begin : gen_bad_size
    $error("hg_stream_fifo: Width and Depth must be at least 1");
  end

  localparam int unsigned PlaceWidth = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int unsigned CountWidth = $clog2(Depth + 1);

  (* ram_style = "distributed" *) logic [Width-1:0] mem [Depth];
  logic [PlaceWidth-1:0] write_q, read_q;
  logic [CountWidth-1:0] count_q;
  logic                  push, pop;

  assign in_ready_o  = count_q != CountWidth'(Depth);
  assign out_valid_o = count_q != '0;
  assign out_data_o  = mem[read_q];
  assign push        = in_valid_i && in_ready_o;
  assign pop         = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      write_q <= '0;
      read_q  <= '0;
      count_q <= '0;
    end else begin
      if (push) write_q <= (write_q == PlaceWidth'(Depth - 1)) ? '0 : write_q + PlaceWidth'(1);
      if (pop)  read_q  <= (read_q == PlaceWidth'(Depth - 1)) ? '0 : read_q + PlaceWidth'(1);
      if (push && !pop) count_q <= count_q + CountWidth'(1);
      if (pop && !push) count_q <= count_q - CountWidth'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) mem[write_q] <= in_data_i;
  end

endmodule
