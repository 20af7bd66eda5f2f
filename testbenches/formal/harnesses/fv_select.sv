// hg_select: the beats of the box pass at once or wait, the others are taken whatever the output does.
module fv_select #(
  parameter int unsigned Width      = 2,
  parameter int unsigned Rows       = 2,
  parameter int unsigned Cols       = 3,
  parameter int unsigned Blocks     = 2,
  parameter int unsigned RowFirst   = 0,
  parameter int unsigned RowLast    = 0,
  parameter int unsigned ColFirst   = 1,
  parameter int unsigned ColLast    = 2,
  parameter int unsigned BlockFirst = 1,
  parameter int unsigned BlockLast  = 1
) (
  input logic             clk_i,
  input logic             rst_i,
  input logic             in_valid_i,
  input logic [Width-1:0] in_data_i,
  input logic             out_ready_i
);

  localparam int unsigned Total      = Rows * Cols * Blocks;
  localparam int unsigned PlaceWidth = (Total > 1) ? $clog2(Total) : 1;
  localparam logic [Total-1:0] Box   = box();

  function automatic bit lies_in(input int unsigned at, input int unsigned first, input int unsigned last);
    lies_in = first <= at && at <= last;
  endfunction

  // Of each beat of a tensor, whether it passes.
  function automatic logic [Total-1:0] box();
    for (int unsigned n = 0; n < Total; n++) begin
      box[n] = lies_in(n / Blocks / Cols, RowFirst, RowLast)
            && lies_in(n / Blocks % Cols, ColFirst, ColLast)
            && lies_in(n % Blocks, BlockFirst, BlockLast);
    end
  endfunction

  logic                  active, in_ready, out_valid, taken, passes;
  logic [Width-1:0]      out_data;
  logic [PlaceWidth-1:0] place_q;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_select #(
    .Width     (Width),
    .Rows      (Rows),
    .Cols      (Cols),
    .Blocks    (Blocks),
    .RowFirst  (RowFirst),
    .RowLast   (RowLast),
    .ColFirst  (ColFirst),
    .ColLast   (ColLast),
    .BlockFirst(BlockFirst),
    .BlockLast (BlockLast)
  ) u_dut (
    .clk_i,
    .rst_i,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  fv_stable #(
    .Width  (Width),
    .Assumed(1'b1)
  ) u_source (
    .clk_i,
    .active_i(active),
    .valid_i (in_valid_i),
    .ready_i (in_ready),
    .data_i  (in_data_i)
  );

  // place_q: beats of this tensor that were taken.
  assign taken  = in_valid_i && in_ready;
  assign passes = 1'(Box >> place_q);

  always_ff @(posedge clk_i) begin
    if (!active)    place_q <= '0;
    else if (taken) place_q <= (place_q == PlaceWidth'(Total - 1)) ? '0 : place_q + PlaceWidth'(1);
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_waits_only_within_the_box : assert (in_ready == (out_ready_i || !passes));
      assert_valid_only_within_the_box : assert (out_valid == (in_valid_i && passes));
      assert_same_data : assert (!out_valid || out_data == in_data_i);
    end
  end

  fv_stable #(
    .Width(Width)
  ) u_stable (
    .clk_i,
    .active_i(active),
    .valid_i (out_valid),
    .ready_i (out_ready_i),
    .data_i  (out_data)
  );

  fv_rate u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(in_valid_i && out_ready_i),
    .moves_i  (taken)
  );

endmodule
