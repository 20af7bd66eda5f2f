// First in, first out, any depth.
//
// Stream     in order, nothing lost, nothing twice
// Cycles     one beat a cycle (Depth 1: one every second cycle); latency 1: pushed at edge e, popped at e+1 at the earliest
// Ready      in_ready_o is a function of registers: fewer than Depth beats stored. With RamStyle 2 out_ready_i goes
//            combinationally into the memory's read enables
// Memory     Depth x Width; capacity Depth. RamStyle 0 and 1 LUTs; 2 block memory (Depth 3 or more) and 2 x Width of LUTs. All of
//            them look alike from outside
// Reset      rst_i synchronous, active high; empties it
module hg_stream_fifo #(
  parameter int unsigned Width    = 8,
  parameter int unsigned Depth    = 2,
  parameter int unsigned RamStyle = 0
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
  if (RamStyle > 2) begin : gen_bad_style
    $error("hg_stream_fifo: RamStyle must be 0 or 1 (LUTs) or 2 (block memory)");
  end
  if (RamStyle == 2 && Depth < 3) begin : gen_too_shallow
    $error("hg_stream_fifo: block memory is for a Depth of 3 or more");
  end

  localparam int unsigned PlaceWidth = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int unsigned CountWidth = $clog2(Depth + 1);
  // Beats that leave between a block memory's read and the beat that it reads.
  localparam int unsigned Ahead      = (RamStyle == 2) ? 2 : 0;

  logic [PlaceWidth-1:0] write_q, read_q;
  logic [CountWidth-1:0] count_q;
  logic                  push, pop;

  assign in_ready_o  = count_q != CountWidth'(Depth);
  assign out_valid_o = count_q != '0;
  assign push        = in_valid_i && in_ready_o;
  assign pop         = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      write_q <= '0;
      read_q  <= PlaceWidth'(Ahead);
      count_q <= '0;
    end else begin
      if (push) write_q <= (write_q == PlaceWidth'(Depth - 1)) ? '0 : write_q + PlaceWidth'(1);
      if (pop)  read_q  <= (read_q == PlaceWidth'(Depth - 1)) ? '0 : read_q + PlaceWidth'(1);
      if (push && !pop) count_q <= count_q + CountWidth'(1);
      if (pop && !push) count_q <= count_q - CountWidth'(1);
    end
  end

  if (RamStyle == 2) begin : gen_block
    // The memory's two registers hold the first and the second beat, and move on as beats leave: a beat is read as the second one
    // before it leaves. What has not come by then is late: it waits in the front, which so never holds more than two.
    (* ram_style = "distributed" *) logic [Width-1:0] front [2];
    logic [Width-1:0] word;
    logic             front_write_q, front_read_q, second_read_q, first_read_q, read, late;

    assign read       = pop && count_q > CountWidth'(2);
    assign late       = count_q < CountWidth'(2) || (count_q == CountWidth'(2) && pop);
    assign out_data_o = first_read_q ? word : front[front_read_q];

    always_ff @(posedge clk_i) begin
      if (rst_i) begin
        front_write_q <= 1'b0;
        front_read_q  <= 1'b0;
        second_read_q <= 1'b0;
        first_read_q  <= 1'b0;
      end else begin
        if (push) front_write_q <= !front_write_q;
        if (pop) begin
          front_read_q  <= !front_read_q;
          second_read_q <= read;
          first_read_q  <= second_read_q;
        end
      end
    end

    always_ff @(posedge clk_i) begin
      if (push && late) front[front_write_q] <= in_data_i;
    end

    hg_ram #(
      .Depth(Depth),
      .Width(Width),
      .Style(RamStyle)
    ) u_ram (
      .clk_i,
      .write_i     (push),
      .write_addr_i(write_q),
      .write_data_i(in_data_i),
      .read_i      (read),
      .read_addr_i (read_q),
      .out_i       (pop),
      .data_o      (word)
    );

`ifndef SYNTHESIS
    always_ff @(posedge clk_i) begin
      if (!rst_i) begin
        assert_reads_what_is_written : assert (!read || !push || read_q != write_q);
      end
    end
`endif
  end else begin : gen_logic
    (* ram_style = "distributed" *) logic [Width-1:0] mem [Depth];

    assign out_data_o = mem[read_q];

    always_ff @(posedge clk_i) begin
      if (push) mem[write_q] <= in_data_i;
    end
  end

endmodule
