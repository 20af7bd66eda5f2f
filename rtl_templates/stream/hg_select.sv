// The beats of a box of a streamed tensor; the others are swallowed.
//
// A tensor is Rows x Cols positions of Blocks beats, the block counting fastest. Passed are the beats with row, column and block
// in RowFirst ... RowLast, ColFirst ... ColLast, BlockFirst ... BlockLast.
// Stream     in: Rows * Cols * Blocks beats a tensor; out: the beats of the box, as they are, in the same order
// Cycles     one beat a cycle, also where it is swallowed and between tensors; latency 0 (combinational)
// Ready      in_ready_o = out_ready_i for a beat of the box, else 1; out_valid_o = in_valid_i for a beat of the box, else 0
// Memory     none but the counters of row, column and block
// Reset      rst_i synchronous, active high; begins a tensor
module hg_select #(
  parameter int unsigned Width      = 8,
  parameter int unsigned Rows       = 1,
  parameter int unsigned Cols       = 1,
  parameter int unsigned Blocks     = 2,
  parameter int unsigned RowFirst   = 0,
  parameter int unsigned RowLast    = 0,
  parameter int unsigned ColFirst   = 0,
  parameter int unsigned ColLast    = 0,
  parameter int unsigned BlockFirst = 0,
  parameter int unsigned BlockLast  = 0
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

  if (Width < 1 || Rows < 1 || Cols < 1 || Blocks < 1) begin : gen_bad_size
    $error("hg_select: Width, Rows, Cols and Blocks must be at least 1");
  end
  if (RowFirst > RowLast || RowLast >= Rows) begin : gen_bad_rows
    $error("hg_select: rows RowFirst ... RowLast must be some of 0 ... Rows - 1");
  end
  if (ColFirst > ColLast || ColLast >= Cols) begin : gen_bad_cols
    $error("hg_select: columns ColFirst ... ColLast must be some of 0 ... Cols - 1");
  end
  if (BlockFirst > BlockLast || BlockLast >= Blocks) begin : gen_bad_blocks
    $error("hg_select: blocks BlockFirst ... BlockLast must be some of 0 ... Blocks - 1");
  end

  localparam int unsigned RowWidth   = (Rows > 1) ? $clog2(Rows) : 1;
  localparam int unsigned ColWidth   = (Cols > 1) ? $clog2(Cols) : 1;
  localparam int unsigned BlockWidth = (Blocks > 1) ? $clog2(Blocks) : 1;

  logic [RowWidth-1:0]   row_q;
  logic [ColWidth-1:0]   col_q;
  logic [BlockWidth-1:0] block_q;
  logic                  chosen, taken, row_end, col_end, block_end;

  // A bound that every place keeps is not compared with.
  function automatic logic lies_in(input int unsigned at, input int unsigned size, input int unsigned first,
                                   input int unsigned last);
    lies_in = (first == 0 || first <= at) && (last == size - 1 || at <= last);
  endfunction

  assign chosen = lies_in(32'(row_q), Rows, RowFirst, RowLast)
               && lies_in(32'(col_q), Cols, ColFirst, ColLast)
               && lies_in(32'(block_q), Blocks, BlockFirst, BlockLast);

  assign in_ready_o  = out_ready_i || !chosen;
  assign out_valid_o = in_valid_i && chosen;
  assign out_data_o  = in_data_i;

  assign taken     = in_valid_i && in_ready_o;
  assign block_end = block_q == BlockWidth'(Blocks - 1);
  assign col_end   = col_q == ColWidth'(Cols - 1);
  assign row_end   = row_q == RowWidth'(Rows - 1);

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      row_q   <= '0;
      col_q   <= '0;
      block_q <= '0;
    end else if (taken) begin
      block_q <= block_end ? '0 : block_q + BlockWidth'(1);
      if (block_end)            col_q <= col_end ? '0 : col_q + ColWidth'(1);
      if (block_end && col_end) row_q <= row_end ? '0 : row_q + RowWidth'(1);
    end
  end

endmodule
