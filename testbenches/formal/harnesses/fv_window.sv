// hg_window: each word says which row, column and block it is; each beat out must be the one of its tap, or padding. Nothing comes
// of an image of which nothing came, and while nothing leaves the line buffer takes as many rows as it has slots.
//
// PadTop, PadLeft  positions before the image at which the first tap of the first window lies
// StepWidth        > 0: steps are the entries of RowSteps and ColSteps, so many bits each
// Period           within so many cycles a beat leaves while both sides are willing
// Rows are counted over images, modulo a power of two of at least twice the Slots: a word of another image or of the row that had
// the slot before is told from the right one.
module fv_window #(
  parameter int unsigned Blocks       = 1,
  parameter int unsigned Groups       = 1,
  parameter int unsigned Rows         = 2,
  parameter int unsigned Cols         = 2,
  parameter int unsigned OutRows      = 2,
  parameter int unsigned OutCols      = 2,
  parameter int unsigned KernelRows   = 2,
  parameter int unsigned KernelCols   = 2,
  parameter int unsigned DilationRows = 1,
  parameter int unsigned DilationCols = 1,
  parameter int unsigned PadTop       = 1,
  parameter int unsigned PadLeft      = 1,
  parameter int unsigned RowStep      = 1,
  parameter int unsigned ColStep      = 1,
  parameter int unsigned StepWidth    = 0,
  parameter int unsigned RowSteps     = 0,
  parameter int unsigned ColSteps     = 0,
  parameter int unsigned Slots        = 2,
  parameter int unsigned RamStyle     = 0,
  parameter int unsigned Period       = 4
) (
  input logic clk_i,
  input logic rst_i,
  input logic in_valid_i,
  input logic out_ready_i
);

  localparam int unsigned RowWidth    = $clog2(2 * Slots);
  localparam int unsigned ColWidth    = (Cols > 1) ? $clog2(Cols) : 1;
  localparam int unsigned LineWidth   = (Rows > 1) ? $clog2(Rows) : 1;
  localparam int unsigned BlockWidth  = (Blocks > 1) ? $clog2(Blocks) : 1;
  localparam int unsigned Width       = RowWidth + ColWidth + BlockWidth;
  localparam int unsigned GroupBlocks = Blocks / Groups;
  localparam int unsigned BegunWidth  = $clog2(Slots + 5);  // of images in the line buffer, or on their way out of it
  localparam int unsigned Entries     = 1 << StepWidth;
  localparam int unsigned IndexWidth  = 4;
  localparam int unsigned PosWidth    = 6;
  localparam int unsigned PadValue    = 1;

  typedef logic [IndexWidth-1:0] index_t;
  typedef logic signed [PosWidth-1:0] pos_t;

  logic                  active, in_ready, out_valid, push, pop, in_image, block_last, col_last, row_last, image_begins, image_ends;
  logic [Width-1:0]      out_data, wanted;
  logic [RowWidth-1:0]   row_q, image_q;
  logic [LineWidth-1:0]  line_q;
  logic [BegunWidth-1:0] begun_q;
  logic                  popped_q;
  logic [ColWidth-1:0]   col_q;
  logic [BlockWidth-1:0] block_q, block;
  index_t                oy_q, ox_q, group_q, ky_q, kx_q, inner_q;
  pos_t                  tap_row, tap_col;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_window #(
    .Width       (Width),
    .Blocks      (Blocks),
    .Groups      (Groups),
    .Rows        (Rows),
    .Cols        (Cols),
    .OutRows     (OutRows),
    .OutCols     (OutCols),
    .KernelRows  (KernelRows),
    .KernelCols  (KernelCols),
    .DilationRows(DilationRows),
    .DilationCols(DilationCols),
    .RowStart    (-int'(PadTop)),
    .ColStart    (-int'(PadLeft)),
    .RowStep     (RowStep),
    .ColStep     (ColStep),
    .StepWidth   (StepWidth),
    .RowSteps    (RowSteps),
    .ColSteps    (ColSteps),
    .PadValue    (PadValue),
    .Slots       (Slots),
    .RamStyle    (RamStyle)
  ) u_dut (
    .clk_i,
    .rst_i,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i  ({row_q, col_q, block_q}),
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  // What goes in. line_q: the row in its own image; begun_q: images of which the first position is in, and not yet the last beat out.
  assign push         = in_valid_i && in_ready;
  assign block_last   = block_q == BlockWidth'(Blocks - 1);
  assign col_last     = col_q == ColWidth'(Cols - 1);
  assign row_last     = line_q == LineWidth'(Rows - 1);
  assign image_begins = push && block_last && col_q == '0 && line_q == '0;

  always_ff @(posedge clk_i) begin
    if (!active) begin
      row_q   <= '0;
      line_q  <= '0;
      col_q   <= '0;
      block_q <= '0;
      begun_q <= '0;
    end else begin
      begun_q <= begun_q + BegunWidth'(image_begins) - BegunWidth'(image_ends);
      if (push) begin
        block_q <= block_last ? '0 : block_q + BlockWidth'(1);
        if (block_last) col_q <= col_last ? '0 : col_q + ColWidth'(1);
        if (block_last && col_last) begin
          row_q  <= row_q + RowWidth'(1);
          line_q <= row_last ? '0 : line_q + LineWidth'(1);
        end
      end
    end
  end

  // What comes out: six loops, the innermost first, and the count of the first row of their image.
  function automatic index_t turned(input index_t index, input int unsigned count);
    turned = (index == index_t'(count - 1)) ? '0 : index + index_t'(1);
  endfunction

  // Where the first tap of a window lies, from that of the first window.
  function automatic pos_t reached(input index_t window, input int unsigned windows, input int unsigned uniform,
                                   input int unsigned table_steps);
    reached = '0;
    for (int unsigned k = 0; k + 1 < windows; k++) begin
      if (index_t'(k) < window) reached = reached + pos_t'((StepWidth > 0) ? (table_steps >> (k * StepWidth)) % Entries : uniform);
    end
  endfunction

  assign pop      = out_valid && out_ready_i;
  assign tap_row  = reached(oy_q, OutRows, RowStep, RowSteps) + pos_t'(ky_q * DilationRows) - pos_t'(PadTop);
  assign tap_col  = reached(ox_q, OutCols, ColStep, ColSteps) + pos_t'(kx_q * DilationCols) - pos_t'(PadLeft);
  assign block    = BlockWidth'(group_q * GroupBlocks + 32'(inner_q));
  assign in_image = tap_row >= 0 && tap_row < pos_t'(Rows) && tap_col >= 0 && tap_col < pos_t'(Cols);
  assign wanted   = in_image ? {image_q + RowWidth'(tap_row), ColWidth'(tap_col), block} : Width'(PadValue);

  assign image_ends = pop && inner_q == index_t'(GroupBlocks - 1) && kx_q == index_t'(KernelCols - 1) &&
                      ky_q == index_t'(KernelRows - 1) && group_q == index_t'(Groups - 1) && ox_q == index_t'(OutCols - 1) &&
                      oy_q == index_t'(OutRows - 1);

  always_ff @(posedge clk_i) begin
    if (!active) begin
      {oy_q, ox_q, group_q, ky_q, kx_q, inner_q} <= '0;
      image_q                                    <= '0;
      popped_q                                   <= 1'b0;
    end else if (pop) begin
      popped_q <= 1'b1;
      inner_q  <= turned(inner_q, GroupBlocks);
      if (inner_q == index_t'(GroupBlocks - 1)) begin
        kx_q <= turned(kx_q, KernelCols);
        if (kx_q == index_t'(KernelCols - 1)) begin
          ky_q <= turned(ky_q, KernelRows);
          if (ky_q == index_t'(KernelRows - 1)) begin
            group_q <= turned(group_q, Groups);
            if (group_q == index_t'(Groups - 1)) begin
              ox_q <= turned(ox_q, OutCols);
              if (ox_q == index_t'(OutCols - 1)) oy_q <= turned(oy_q, OutRows);
            end
          end
        end
      end
      if (image_ends) image_q <= image_q + RowWidth'(Rows);
    end
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_nothing_of_an_image_before_its_first_position : assert (!out_valid || begun_q != '0);
      assert_word_of_the_tap : assert (!out_valid || out_data == wanted);
      cover_second_image : cover (image_q == RowWidth'(Rows) && pop && in_image);
      cover_all_slots_written : cover (row_q == RowWidth'(Slots) && !popped_q);
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

  fv_rate #(
    .Warmup (Period),
    .Period (Period),
    .Latency(Period + 2),
    .Beats  (3)
  ) u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(in_valid_i && out_ready_i),
    .moves_i  (pop)
  );

endmodule
