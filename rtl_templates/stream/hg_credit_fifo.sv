// The elastic end of a free-running pipeline: a FIFO whose places are reserved before the data is on its way.
//
// room_o     a place is free; then reserve_i may be raised for one that will be pushed some cycles later
// Stream     in: valid only, each push was reserved, so it never overflows; out: valid and ready, in order
// Cycles     one beat a cycle; latency 1: pushed at edge e, popped at e+1 at the earliest.
//            a place reserved at edge e counts from e on, a place popped at e shows on room_o after e
// Ready      room_o is a function of registers
// Memory     hg_stream_fifo, Depth x Width, RamStyle; capacity Depth, on the way and stored together. The full rate of a
//            pipeline whose push comes L edges after its reserve_i needs Depth L + 2
// Reset      rst_i synchronous, active high; forgets contents and reservations (reset the pipeline with it)
module hg_credit_fifo #(
  parameter int unsigned Width    = 8,
  parameter int unsigned Depth    = 2,
  parameter int unsigned RamStyle = 0
) (
  input  logic             clk_i,
  input  logic             rst_i,

  output logic             room_o,
  input  logic             reserve_i,

  input  logic             in_valid_i,
  input  logic [Width-1:0] in_data_i,

  output logic             out_valid_o,
  input  logic             out_ready_i,
  output logic [Width-1:0] out_data_o
);

  localparam int unsigned CountWidth = $clog2(Depth + 1);

  logic [CountWidth-1:0] reserved_q;
  logic                  in_ready, pop;

  assign room_o = reserved_q != CountWidth'(Depth);
  assign pop    = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i) begin
    if (rst_i)                  reserved_q <= '0;
    else if (reserve_i && !pop) reserved_q <= reserved_q + CountWidth'(1);
    else if (pop && !reserve_i) reserved_q <= reserved_q - CountWidth'(1);
  end

  hg_stream_fifo #(
    .Width   (Width),
    .Depth   (Depth),
    .RamStyle(RamStyle)
  ) u_fifo (
    .clk_i,
    .rst_i,
    .in_valid_i,
    .in_ready_o(in_ready),  // always there: the place was reserved
    .in_data_i,
    .out_valid_o,
    .out_ready_i,
    .out_data_o
  );

`ifndef SYNTHESIS
  // Reserved places whose data is still on its way.
  logic [CountWidth-1:0] awaited_q;

  always_ff @(posedge clk_i) begin
    if (rst_i)                         awaited_q <= '0;
    else if (reserve_i && !in_valid_i) awaited_q <= awaited_q + CountWidth'(1);
    else if (in_valid_i && !reserve_i) awaited_q <= awaited_q - CountWidth'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_i) begin
      assert_reserve_only_with_room : assert (!reserve_i || room_o);
      assert_push_was_reserved : assert (!in_valid_i || awaited_q != '0 || reserve_i);
      assert_push_has_a_place : assert (!in_valid_i || in_ready);
    end
  end
`endif

endmodule
