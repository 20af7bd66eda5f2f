// Sliding windows over a streamed image, from a line buffer.
//
// Image      Rows x Cols positions in row order, Blocks beats a position, one image after the other
// Stream     in: the image's beats; out, for oy, ox, g in Groups, ky, kx, c in Blocks / Groups:
//            the beat of row RowStart + oy * RowStep + ky * DilationRows, column ColStart + ox * ColStep + kx * DilationCols,
//            block g * Blocks / Groups + c, or PadValue in every lane where that lies outside the image
// Steps      StepWidth > 0: the step from window row (column) k to k + 1 is entry k of RowSteps (ColSteps) instead
//            (StepWidth bits an entry, one entry a window, the last ignored). Tables and PadValue have no type: they have
//            the width of what they are given
// Writer     h: rows that it has finished, counted from the first row of the reader's image (< 0: it is in an image before).
//            b: first tap row of the current window, clamped to 0 ... Rows. It takes a beat iff h < b + Slots, or h = b + Slots,
//            the next window row has another b (the next image's counted from there) and its column is left of the first tap's
// Reader     the box of a window goes from its first tap to its last. A window starts once the last position where box and
//            image meet is written; one outside the image, once the image's first position is, so that no window comes of an image
//            that does not. From then on it reads one word a cycle, and the next window follows without a gap if it may
//            start. At the edge of a window's last read the next one becomes the current one
// Cycles     KernelRows * KernelCols * Blocks a window, none idle while it may start and the output moves. A word taken at
//            edge e can be read at e+1 at the earliest; one read at edge r can be taken downstream at r + L;
//            L = 2 for RamStyle 2, else 1
// Ready      in_ready_o is a function of registers; the read pipeline of L beats is one of registers and out_ready_i
// Memory     Slots * Cols * Blocks words of Lanes * Width (hg_ram): image row r of the running count is in slot r mod Slots.
//            Slots >= min(Rows, DilationRows * (KernelRows - 1) + 1); one more and the writer need not wait for a row's end
// Reset      rst_i synchronous, active high; empties it, the next beat is an image's first
module hg_window #(
  parameter int unsigned Width        = 8,
  parameter int unsigned Lanes        = 1,
  parameter int unsigned Blocks       = 1,
  parameter int unsigned Rows         = 4,
  parameter int unsigned Cols         = 4,
  parameter int unsigned OutRows      = 4,
  parameter int unsigned OutCols      = 4,
  parameter int unsigned KernelRows   = 3,
  parameter int unsigned KernelCols   = 3,
  parameter int unsigned DilationRows = 1,
  parameter int unsigned DilationCols = 1,
  parameter int          RowStart     = -1,
  parameter int          ColStart     = -1,
  parameter int unsigned RowStep      = 1,
  parameter int unsigned ColStep      = 1,
  parameter int unsigned StepWidth    = 0,
  parameter RowSteps                  = 0,
  parameter ColSteps                  = 0,
  parameter int unsigned Groups       = 1,
  parameter PadValue                  = 0,
  parameter int unsigned Slots        = 4,
  parameter int unsigned RamStyle     = 0
) (
  input  logic                        clk_i,
  input  logic                        rst_i,

  input  logic                        in_valid_i,
  output logic                        in_ready_o,
  input  logic [Lanes-1:0][Width-1:0] in_data_i,

  output logic                        out_valid_o,
  input  logic                        out_ready_i,
  output logic [Lanes-1:0][Width-1:0] out_data_o
);

  localparam int unsigned RowExtent = DilationRows * (KernelRows - 1) + 1;
  localparam int unsigned ColExtent = DilationCols * (KernelCols - 1) + 1;

  if (Width < 1 || Lanes < 1) begin : gen_bad_beat
    $error("hg_window: Width and Lanes must be at least 1");
  end
  if (Rows < 1 || Cols < 1 || Blocks < 1) begin : gen_bad_image
    $error("hg_window: Rows, Cols and Blocks must be at least 1");
  end
  if (OutRows < 1 || OutCols < 1) begin : gen_bad_out
    $error("hg_window: OutRows and OutCols must be at least 1");
  end
  if (KernelRows < 1 || KernelCols < 1 || DilationRows < 1 || DilationCols < 1) begin : gen_bad_kernel
    $error("hg_window: KernelRows, KernelCols, DilationRows and DilationCols must be at least 1");
  end
  if (Groups < 1) begin : gen_no_groups
    $error("hg_window: Groups must be at least 1");
  end else if (Blocks % Groups != 0) begin : gen_bad_groups
    $error("hg_window: Groups must divide Blocks");
  end
  if (Slots < 1) begin : gen_no_slots
    $error("hg_window: Slots must be at least 1");
  end else if (Slots < RowExtent && Slots < Rows) begin : gen_bad_slots
    $error("hg_window: Slots must hold a window's rows");
  end
  if (StepWidth > 8) begin : gen_bad_steps
    $error("hg_window: StepWidth must be at most 8");
  end
  if (RamStyle > 2) begin : gen_bad_style
    $error("hg_window: RamStyle must be 0 or 1 (LUTs) or 2 (block memory)");
  end

  localparam int unsigned EntryWidth = (StepWidth > 0) ? StepWidth : 1;
  localparam int unsigned TableWidth = (OutRows + OutCols) * EntryWidth + 1;

  // From the first window of an axis to its last.
  function automatic int unsigned walk(input logic [TableWidth-1:0] steps, input int unsigned windows, input int unsigned step);
    walk = 0;
    for (int unsigned k = 0; k + 1 < windows; k++) begin
      walk = walk + ((StepWidth > 0) ? 32'(steps[k*EntryWidth+:EntryWidth]) : step);
    end
  endfunction

  // Bits of a signed position from `start` to `stop`, or as far from 0 as `room`.
  function automatic int unsigned pos_width(input int start, input int stop, input int unsigned room);
    int unsigned reach;
    reach = room;
    if (start < 0 && unsigned'(-start) > reach) reach = unsigned'(-start);
    if (stop > 0 && unsigned'(stop) > reach)    reach = unsigned'(stop);
    pos_width = $clog2(reach + 1) + 1;
  endfunction

  // One past the last tap of all.
  localparam int RowStop = RowStart + int'(walk(TableWidth'(RowSteps), OutRows, RowStep) + RowExtent);
  localparam int ColStop = ColStart + int'(walk(TableWidth'(ColSteps), OutCols, ColStep) + ColExtent);
  localparam int RowSpan = int'(Rows);
  localparam int ColSpan = int'(Cols);
  localparam bit RowsPadded = RowStart < 0 || RowStop > RowSpan;
  localparam bit ColsPadded = ColStart < 0 || ColStop > ColSpan;

  localparam int unsigned Word        = Lanes * Width;
  localparam int unsigned RowWords    = Cols * Blocks;
  localparam int unsigned Depth       = Slots * RowWords;
  localparam int unsigned GroupBlocks = (Groups > 0) ? Blocks / Groups : 1;
  localparam int unsigned AddrWidth   = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int unsigned RowPosWidth = pos_width(RowStart - int'(RowExtent), RowStop, Rows + Slots);
  localparam int unsigned ColPosWidth = pos_width(ColStart - int'(ColExtent), ColStop, Cols);
  localparam int unsigned BlockWidth  = (Blocks > 1) ? $clog2(Blocks) : 1;
  localparam int unsigned InnerWidth  = (GroupBlocks > 1) ? $clog2(GroupBlocks) : 1;
  localparam int unsigned GroupWidth  = (Groups > 1) ? $clog2(Groups) : 1;
  localparam int unsigned TapRowWidth = (KernelRows > 1) ? $clog2(KernelRows) : 1;
  localparam int unsigned TapColWidth = (KernelCols > 1) ? $clog2(KernelCols) : 1;
  localparam int          Ring        = (Slots > 0) ? int'(Slots) : 1;
  localparam int unsigned TapRowStep  = (DilationRows % unsigned'(Ring)) * RowWords;
  localparam int          FirstSlot   = (RowStart % Ring + Ring) % Ring;

  typedef logic signed [RowPosWidth-1:0] row_t;
  typedef logic signed [ColPosWidth-1:0] col_t;
  typedef logic [AddrWidth-1:0] addr_t;

  // Yosys compares a cast of something unsigned as unsigned; a constant declared as signed is signed.
  localparam row_t RowZero = row_t'(0);
  localparam row_t RowEnd  = row_t'(Rows);
  localparam col_t ColZero = col_t'(0);
  localparam col_t ColEnd  = col_t'(Cols);

  // The windows' first taps.
  row_t  row_first, row_next, row_limit, row_last;
  col_t  col_first, col_next, col_base, col_last;
  addr_t row_addr, row_next_addr, col_next_addr;
  logic  row_moves, row_inside, row_final, col_inside, col_final, window_done, row_done;
  row_t  unused_row_base;
  col_t  unused_col_limit;
  addr_t unused_col_addr;
  logic  unused_col_moves;

  hg_window_axis #(
    .Size     (Rows),
    .Windows  (OutRows),
    .Extent   (RowExtent),
    .Start    (RowStart),
    .Step     (RowStep),
    .StepWidth(StepWidth),
    .Steps    (RowSteps),
    .Pitch    (RowWords),
    .Ring     (Slots),
    .PosWidth (RowPosWidth),
    .AddrWidth(AddrWidth)
  ) u_rows (
    .clk_i,
    .rst_i,
    .advance_i  (row_done),
    .first_o    (row_first),
    .next_o     (row_next),
    .addr_o     (row_addr),
    .next_addr_o(row_next_addr),
    .base_o     (unused_row_base),
    .limit_o    (row_limit),
    .last_o     (row_last),
    .moves_o    (row_moves),
    .inside_o   (row_inside),
    .final_o    (row_final)
  );

  hg_window_axis #(
    .Size     (Cols),
    .Windows  (OutCols),
    .Extent   (ColExtent),
    .Start    (ColStart),
    .Step     (ColStep),
    .StepWidth(StepWidth),
    .Steps    (ColSteps),
    .Pitch    (Blocks),
    .PosWidth (ColPosWidth),
    .AddrWidth(AddrWidth)
  ) u_cols (
    .clk_i,
    .rst_i,
    .advance_i  (window_done),
    .first_o    (col_first),
    .next_o     (col_next),
    .addr_o     (unused_col_addr),
    .next_addr_o(col_next_addr),
    .base_o     (col_base),
    .limit_o    (unused_col_limit),
    .last_o     (col_last),
    .moves_o    (unused_col_moves),
    .inside_o   (col_inside),
    .final_o    (col_final)
  );

  // Writer: rows finished since the reader's image began, and the place of the next beat.
  row_t                  rows_q;
  col_t                  write_col_q;
  logic [BlockWidth-1:0] write_block_q;
  addr_t                 write_addr_q;
  row_t                  rows_delta;
  logic                  write, write_block_last, write_col_last, row_written, image_done;

  assign in_ready_o       = rows_q < row_limit || (rows_q == row_limit && row_moves && write_col_q < col_base);
  assign write            = in_valid_i && in_ready_o;
  assign write_block_last = write_block_q == BlockWidth'(Blocks - 1);
  assign write_col_last   = write_col_q == col_t'(Cols - 1);
  assign row_written      = write && write_block_last && write_col_last;

  always_comb begin
    rows_delta = row_written ? row_t'(1) : row_t'(0);
    if (image_done) rows_delta = row_written ? row_t'(1 - int'(Rows)) : row_t'(-int'(Rows));
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      rows_q        <= '0;
      write_col_q   <= '0;
      write_block_q <= '0;
      write_addr_q  <= '0;
    end else begin
      rows_q <= rows_q + rows_delta;
      if (write) begin
        write_block_q <= write_block_last ? '0 : write_block_q + BlockWidth'(1);
        write_addr_q  <= (write_addr_q == addr_t'(Depth - 1)) ? '0 : write_addr_q + addr_t'(1);
        if (write_block_last) write_col_q <= write_col_last ? '0 : write_col_q + col_t'(1);
      end
    end
  end

  // Reader: the taps of the current window, block by block.
  row_t                   tap_row_q;
  col_t                   tap_col_q;
  addr_t                  tap_row_addr_q, tap_addr_q, group_addr_q;
  logic [InnerWidth-1:0]  inner_q;
  logic [TapColWidth-1:0] kx_q;
  logic [TapRowWidth-1:0] ky_q;
  logic [GroupWidth-1:0]  group_q;
  logic                   fresh_q, may_start, issue, advance;
  logic                   inner_last, kx_last, ky_last, group_last, turn_kx, turn_ky, turn_group, padded;

  function automatic addr_t down(input addr_t addr);
    logic [AddrWidth:0] sum;
    sum = {1'b0, addr} + (AddrWidth + 1)'(TapRowStep);
    if (sum >= (AddrWidth + 1)'(Depth)) sum = sum - (AddrWidth + 1)'(Depth);
    down = sum[AddrWidth-1:0];
  endfunction

  assign may_start = (row_inside && col_inside) ? (rows_q > row_last || (rows_q == row_last && write_col_q > col_last))
                                                : (!rows_q[RowPosWidth-1] && (rows_q != RowZero || write_col_q != ColZero));
  assign issue       = advance && (may_start || !fresh_q);
  assign inner_last  = inner_q == InnerWidth'(GroupBlocks - 1);
  assign kx_last     = kx_q == TapColWidth'(KernelCols - 1);
  assign ky_last     = ky_q == TapRowWidth'(KernelRows - 1);
  assign group_last  = group_q == GroupWidth'(Groups - 1);
  assign turn_kx     = issue && inner_last;
  assign turn_ky     = turn_kx && kx_last;
  assign turn_group  = turn_ky && ky_last;
  assign window_done = turn_group && group_last;
  assign row_done    = window_done && col_final;
  assign image_done  = row_done && row_final;
  assign padded      = (RowsPadded && (tap_row_q < RowZero || tap_row_q >= RowEnd)) ||
                       (ColsPadded && (tap_col_q < ColZero || tap_col_q >= ColEnd));

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      fresh_q <= 1'b1;
      inner_q <= '0;
      kx_q    <= '0;
      ky_q    <= '0;
      group_q <= '0;
    end else begin
      if (issue)      fresh_q <= window_done;
      if (issue)      inner_q <= inner_last ? '0 : inner_q + InnerWidth'(1);
      if (turn_kx)    kx_q    <= kx_last ? '0 : kx_q + TapColWidth'(1);
      if (turn_ky)    ky_q    <= ky_last ? '0 : ky_q + TapRowWidth'(1);
      if (turn_group) group_q <= group_last ? '0 : group_q + GroupWidth'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      tap_row_q      <= row_t'(RowStart);
      tap_row_addr_q <= addr_t'(FirstSlot * int'(RowWords));
      tap_col_q      <= col_t'(ColStart);
      tap_addr_q     <= addr_t'(ColStart * int'(Blocks));
      group_addr_q   <= addr_t'(ColStart * int'(Blocks));
    end else if (window_done) begin
      tap_row_q      <= col_final ? row_next : row_first;
      tap_row_addr_q <= col_final ? row_next_addr : row_addr;
      tap_col_q      <= col_next;
      tap_addr_q     <= col_next_addr;
      group_addr_q   <= col_next_addr;
    end else if (turn_group) begin
      tap_row_q      <= row_first;
      tap_row_addr_q <= row_addr;
      tap_col_q      <= col_first;
      tap_addr_q     <= group_addr_q + addr_t'(GroupBlocks);
      group_addr_q   <= group_addr_q + addr_t'(GroupBlocks);
    end else if (turn_ky) begin
      tap_row_q      <= tap_row_q + row_t'(DilationRows);
      tap_row_addr_q <= down(tap_row_addr_q);
      tap_col_q      <= col_first;
      tap_addr_q     <= group_addr_q;
    end else if (turn_kx) begin
      tap_col_q      <= tap_col_q + col_t'(DilationCols);
      tap_addr_q     <= tap_addr_q + addr_t'(DilationCols * Blocks - (GroupBlocks - 1));
    end else if (issue) begin
      tap_addr_q     <= tap_addr_q + addr_t'(1);
    end
  end

  // Read pipeline: each stage moves when the next is empty or moves.
  logic            read_valid_q, read_padded_q, last_padded, out_move;
  logic [Word-1:0] data;

  if (RamStyle < 2) begin : gen_one_stage
    assign advance     = out_ready_i || !read_valid_q;
    assign out_move    = 1'b0;
    assign out_valid_o = read_valid_q;
    assign last_padded = read_padded_q;
  end else begin : gen_two_stages
    logic out_valid_q, out_padded_q;

    assign out_move    = out_ready_i || !out_valid_q;
    assign advance     = out_move || !read_valid_q;
    assign out_valid_o = out_valid_q;
    assign last_padded = out_padded_q;

    always_ff @(posedge clk_i) begin
      if (rst_i)         out_valid_q <= 1'b0;
      else if (out_move) out_valid_q <= read_valid_q;
    end
    always_ff @(posedge clk_i) begin
      if (out_move) out_padded_q <= read_padded_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_i)        read_valid_q <= 1'b0;
    else if (advance) read_valid_q <= issue;
  end
  always_ff @(posedge clk_i) begin
    if (advance) read_padded_q <= padded;
  end

  hg_ram #(
    .Depth(Depth),
    .Width(Word),
    .Style(RamStyle)
  ) u_lines (
    .clk_i,
    .write_i     (write),
    .write_addr_i(write_addr_q),
    .write_data_i(in_data_i),
    .read_i      (issue),
    .read_addr_i (tap_row_addr_q + tap_addr_q),
    .out_i       (out_move),
    .data_o      (data)
  );

  assign out_data_o = last_padded ? {Lanes{Width'(PadValue)}} : data;

endmodule
