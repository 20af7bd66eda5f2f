// One axis of hg_window: walks over its windows, again and again, one place an advance_i.
//
// first_o    position of the window's first tap, next_o of the next window's, negative before the image
// addr_o     their addresses: position * Pitch, on a ring of Ring positions that runs on over frames (Ring > 0), or, the
// next_addr_o  same in every frame, modulo 2**AddrWidth (Ring 0)
// base_o     first_o, clamped to 0 ... Size;  limit_o = base_o + Ring
// moves_o    the next window's base is a later one (after the last window, the next frame's)
// inside_o   the box from first to last tap meets the image; last_o is then its last position in it
// final_o    this is the last window of the axis
// Cycles     all are registers, changed by an edge with advance_i
// Reset      rst_i synchronous, active high; back to the first window, at the ring's first position
module hg_window_axis #(
  parameter int unsigned Size      = 4,  // positions of the image
  parameter int unsigned Windows   = 4,
  parameter int unsigned Extent    = 3,  // from first to last tap
  parameter int          Start     = -1,
  parameter int unsigned Step      = 1,
  parameter int unsigned StepWidth = 0,
  parameter Steps                  = 0,
  parameter int unsigned Pitch     = 1,
  parameter int unsigned Ring      = 0,
  parameter int unsigned PosWidth  = 4,
  parameter int unsigned AddrWidth = 4
) (
  input  logic                       clk_i,
  input  logic                       rst_i,
  input  logic                       advance_i,

  output logic signed [PosWidth-1:0] first_o,
  output logic signed [PosWidth-1:0] next_o,
  output logic [AddrWidth-1:0]       addr_o,
  output logic [AddrWidth-1:0]       next_addr_o,
  output logic signed [PosWidth-1:0] base_o,
  output logic signed [PosWidth-1:0] limit_o,
  output logic signed [PosWidth-1:0] last_o,
  output logic                       moves_o,
  output logic                       inside_o,
  output logic                       final_o
);

  typedef logic signed [PosWidth-1:0] pos_t;
  typedef logic [AddrWidth-1:0] addr_t;

  // Yosys compares a cast of something unsigned as unsigned; a constant declared as signed is signed.
  localparam int   RingSize  = int'(Ring);
  localparam int   SizeSpan  = int'(Size);
  localparam pos_t Zero      = pos_t'(0);
  localparam pos_t Stop      = pos_t'(Size);
  localparam pos_t Before    = pos_t'(-int'(Extent));             // a first tap there, or less: the box ends before the image
  localparam pos_t Last      = pos_t'(Size - 1);
  localparam pos_t LastWhole = pos_t'(int'(Size) - int'(Extent));  // the box ends with the image

  // Address of a position: on the ring, or modulo what an address holds.
  function automatic addr_t addr_of(input int pos);
    int place;
    place = pos;
    if (RingSize > 0) begin
      place = pos % RingSize;
      if (place < 0) place = place + RingSize;
    end
    addr_of = addr_t'(place * int'(Pitch));
  endfunction

  function automatic addr_t plus(input addr_t a, input addr_t b);
    logic [AddrWidth:0] sum;
    sum = {1'b0, a} + {1'b0, b};
    if (Ring > 0 && sum >= (AddrWidth + 1)'(Ring * Pitch)) sum = sum - (AddrWidth + 1)'(Ring * Pitch);
    plus = sum[AddrWidth-1:0];
  endfunction

  function automatic pos_t clamped(input pos_t pos);
    clamped = pos;
    if (pos < Zero) clamped = Zero;
    if (pos > Stop) clamped = Stop;
  endfunction

  // Whether the box of a window whose first tap is at pos meets the image, and its last position in it.
  function automatic logic meets(input pos_t pos);
    meets = pos > Before && pos < Stop;
  endfunction

  function automatic pos_t last_inside(input pos_t pos);
    last_inside = (pos > LastWhole) ? Last : pos + pos_t'(Extent - 1);
  endfunction

  localparam int unsigned EntryWidth = (StepWidth > 0) ? StepWidth : 1;
  localparam int unsigned IndexWidth = (Windows > 1) ? $clog2(Windows) : 1;
  localparam int unsigned TableWidth = (Windows > 0) ? Windows * EntryWidth : 1;
  localparam logic [TableWidth-1:0] Table = TableWidth'(Steps);
  localparam int unsigned FirstStep = (StepWidth > 0) ? 32'(Table[EntryWidth-1:0]) : Step;

  // The second place of the walk, the third and, on a ring, where the frame after the second place's starts.
  localparam bit    Single    = Windows == 1;
  localparam int    Second    = Single ? Start : Start + int'(FirstStep);
  localparam addr_t Turn      = addr_of(SizeSpan);
  localparam addr_t Restart   = (Ring > 0) ? plus(addr_of(Start), Turn) : addr_of(Start);
  localparam addr_t SecondPos = Single ? Restart : addr_of(Second);
  localparam addr_t After     = Single ? plus(Restart, Turn) : Restart;

  logic [IndexWidth-1:0] index_q;  // of the next window
  pos_t                  first_q, next_q, next_d, base_q, limit_q, last_q, step;
  addr_t                 addr_q, next_addr_q, restart, stride;
  logic                  moves_q, inside_q, final_q, next_final;

  if (StepWidth > 0) begin : gen_table
    logic [EntryWidth-1:0] entry;
    assign entry = EntryWidth'(Table >> (index_q * EntryWidth));
    assign step  = pos_t'({1'b0, entry});
    always_comb begin
      stride = addr_of(0);
      for (int unsigned s = 1; s < 1 << EntryWidth; s++) begin
        if (entry == EntryWidth'(s)) stride = addr_of(int'(s));
      end
    end
  end else begin : gen_uniform
    assign step   = pos_t'(Step);
    assign stride = addr_of(int'(Step));
  end

  if (Ring > 0) begin : gen_ring
    addr_t restart_q;
    always_ff @(posedge clk_i) begin
      if (rst_i)                        restart_q <= After;
      else if (advance_i && next_final) restart_q <= plus(restart_q, Turn);
    end
    assign restart = restart_q;
  end else begin : gen_still
    assign restart = Restart;
  end

  assign next_final = index_q == IndexWidth'(Windows - 1);
  assign next_d     = next_final ? pos_t'(Start) : next_q + step;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      index_q     <= Single ? '0 : IndexWidth'(1);
      first_q     <= pos_t'(Start);
      next_q      <= pos_t'(Second);
      addr_q      <= addr_of(Start);
      next_addr_q <= SecondPos;
      base_q      <= clamped(pos_t'(Start));
      limit_q     <= clamped(pos_t'(Start)) + pos_t'(Ring);
      last_q      <= last_inside(pos_t'(Start));
      moves_q     <= Single || (Second > 0 && Start < SizeSpan && Second != Start);
      inside_q    <= meets(pos_t'(Start));
      final_q     <= Single;
    end else if (advance_i) begin
      index_q     <= next_final ? '0 : index_q + IndexWidth'(1);
      first_q     <= next_q;
      next_q      <= next_d;
      addr_q      <= next_addr_q;
      next_addr_q <= next_final ? restart : plus(next_addr_q, stride);
      base_q      <= clamped(next_q);
      limit_q     <= clamped(next_q) + pos_t'(Ring);
      last_q      <= last_inside(next_q);
      moves_q     <= next_final ? (next_q < Stop || Start > 0)
                                : (next_d > Zero && next_q < Stop && step != Zero);
      inside_q    <= meets(next_q);
      final_q     <= next_final;
    end
  end

  assign first_o     = first_q;
  assign next_o      = next_q;
  assign addr_o      = addr_q;
  assign next_addr_o = next_addr_q;
  assign base_o      = base_q;
  assign limit_o     = limit_q;
  assign last_o      = last_q;
  assign inside_o    = inside_q;
  assign final_o     = final_q;
  assign moves_o     = moves_q;

endmodule
