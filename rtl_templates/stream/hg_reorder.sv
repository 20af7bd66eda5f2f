// Blocks of Words beats in another order: a block is written as it comes, then read by nested loops.
//
// Counts, Strides  32 bits a loop, that of the outermost loop lowest. The n-th beat of a block that leaves is the beat that came as
//            number index_0 * Strides[0] + ... + index_(Loops-1) * Strides[Loops-1], where the indices are the digits of n in the
//            mixed radix Counts, the last one counting fastest. This must be a permutation of 0 ... Words - 1
// Stream     blocks of Words beats, in and out; nothing is lost, nothing comes twice, blocks never mix
// Cycles     a block is stored after the edge that takes its last beat, until the edge of its last read.
//            A beat is taken iff fewer than Banks blocks are stored. A beat is read iff a block is stored and the first stage
//            of the read pipeline moves: one an edge, also from block to block. The pipeline has L stages, 1 or (RamStyle 2) 2;
//            a stage moves if it is empty or the next one moves, the last one if it is empty or its beat leaves. What is read at
//            edge r leaves at r + L at the earliest: the first beat of a block 1 + L edges after its last beat was taken.
//            Banks 2: one beat in and one out a cycle. Banks 1: 2 * Words cycles a block
// Ready      in_ready_o and out_valid_o are functions of registers
// Memory     hg_ram, Banks * Words x Width; capacity Banks * Words + L beats
// Reset      rst_i synchronous, active high; empties it and begins a block
module hg_reorder #(
  parameter int unsigned Width    = 8,
  parameter int unsigned Words    = 4,
  parameter int unsigned Loops    = 2,
  parameter Counts                = 64'h00000002_00000002,
  parameter Strides               = 64'h00000002_00000001,
  parameter int unsigned Banks    = 2,
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

  if (Width < 1 || Words < 1) begin : gen_bad_size
    $error("hg_reorder: Width and Words must be at least 1");
  end
  if (Loops < 1 || Loops > 6) begin : gen_bad_loops
    $error("hg_reorder: Loops must lie in 1 ... 6");
  end
  if (Banks < 1 || Banks > 2) begin : gen_bad_banks
    $error("hg_reorder: Banks must lie in 1 ... 2");
  end
  if (RamStyle > 2) begin : gen_bad_style
    $error("hg_reorder: RamStyle must be 0 or 1 (LUTs) or 2 (block memory)");
  end
  localparam int unsigned TableWidth = (Loops > 0) ? 32 * Loops : 32;
  localparam logic [TableWidth-1:0] CountTable  = TableWidth'(Counts);
  localparam logic [TableWidth-1:0] StrideTable = TableWidth'(Strides);

  // Whether the addresses are 0 ... Words - 1, each once: the stride of each loop is the product of the counts of all loops with
  // smaller strides, no two are alike, and the product of all counts is Words. Loops of one turn do not matter.
  function automatic bit is_permutation();
    int unsigned product, below;
    product        = 1;
    is_permutation = 1'b1;
    for (int unsigned k = 0; k < Loops; k++) begin
      product *= CountTable[32*k+:32];
      below = 1;
      for (int unsigned j = 0; j < Loops; j++) begin
        if (StrideTable[32*j+:32] < StrideTable[32*k+:32]) below *= CountTable[32*j+:32];
        if (j != k && StrideTable[32*j+:32] == StrideTable[32*k+:32] && CountTable[32*j+:32] > 1 && CountTable[32*k+:32] > 1) begin
          is_permutation = 1'b0;
        end
      end
      if (CountTable[32*k+:32] > 1 && StrideTable[32*k+:32] != below) is_permutation = 1'b0;
    end
    if (product != Words) is_permutation = 1'b0;
  endfunction

  if (!is_permutation()) begin : gen_bad_order
    $error("hg_reorder: Counts and Strides do not reach each of the Words once");
  end

  // What is added to the address where loop k goes on and all loops within it begin again.
  function automatic int unsigned step(input int unsigned k);
    step = StrideTable[32*k+:32];
    for (int unsigned j = 0; j < Loops; j++) begin
      if (j > k) step -= (CountTable[32*j+:32] - 1) * StrideTable[32*j+:32];
    end
  endfunction

  localparam int unsigned Depth      = Banks * Words;
  localparam int unsigned AddrWidth  = (Depth > 1) ? $clog2(Depth) : 1;
  localparam int unsigned StoreWidth = $clog2(Banks + 1);

  logic [StoreWidth-1:0] stored_q;
  logic [AddrWidth-1:0]  write_q, read_q, read_step;
  logic [Loops-1:0]      last, loop_ends;
  logic                  write, write_wraps, write_ends, read, read_wraps, read_ends, out_moves;

  assign in_ready_o  = stored_q != StoreWidth'(Banks);
  assign write       = in_valid_i && in_ready_o;
  assign write_wraps = write_q == AddrWidth'(Depth - 1);
  assign write_ends  = write && (write_wraps || write_q == AddrWidth'(Words - 1));
  assign read_wraps  = loop_ends[0] && read_q == AddrWidth'(Depth - 1);
  assign read_ends   = read && loop_ends[0];

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      stored_q <= '0;
      write_q  <= '0;
      read_q   <= '0;
    end else begin
      if (write_ends && !read_ends) stored_q <= stored_q + StoreWidth'(1);
      if (read_ends && !write_ends) stored_q <= stored_q - StoreWidth'(1);
      if (write) write_q <= write_wraps ? '0 : write_q + AddrWidth'(1);
      if (read)  read_q  <= read_wraps ? '0 : read_q + read_step;
    end
  end

  // last[k]: loop k is in its last turn; loop_ends[k]: and all within it are, so that the one around it goes on.
  for (genvar k = 0; k < Loops; k++) begin : gen_loop
    localparam int unsigned Turns     = CountTable[32*k+:32];
    localparam int unsigned TurnWidth = (Turns > 1) ? $clog2(Turns) : 1;

    logic [TurnWidth-1:0] turn_q;
    logic                 goes_on;

    if (k == Loops - 1) begin : gen_innermost
      assign goes_on = read;
    end else begin : gen_outer
      assign goes_on = read && loop_ends[k+1];
    end
    assign last[k]      = turn_q == TurnWidth'(Turns - 1);
    assign loop_ends[k] = &last[Loops-1:k];

    always_ff @(posedge clk_i) begin
      if (rst_i)        turn_q <= '0;
      else if (goes_on) turn_q <= last[k] ? '0 : turn_q + TurnWidth'(1);
    end
  end

  // A block's last word stands at its last address: the next block begins one place on.
  always_comb begin
    read_step = AddrWidth'(step(0));
    for (int unsigned k = 1; k < Loops; k++) begin
      if (!loop_ends[k]) read_step = AddrWidth'(step(k));
    end
    if (loop_ends[0]) read_step = AddrWidth'(1);
  end

  hg_ram #(
    .Depth(Depth),
    .Width(Width),
    .Style(RamStyle)
  ) u_ram (
    .clk_i,
    .write_i     (write),
    .write_addr_i(write_q),
    .write_data_i(in_data_i),
    .read_i      (read),
    .read_addr_i (read_q),
    .out_i       (out_moves),
    .data_o      (out_data_o)
  );

  if (RamStyle == 2) begin : gen_two_stages
    logic word_q, out_q;

    assign out_moves   = !out_q || out_ready_i;
    assign read        = stored_q != '0 && (!word_q || out_moves);
    assign out_valid_o = out_q;

    always_ff @(posedge clk_i) begin
      if (rst_i) begin
        word_q <= 1'b0;
        out_q  <= 1'b0;
      end else begin
        if (!word_q || out_moves) word_q <= read;
        if (out_moves)            out_q  <= word_q;
      end
    end
  end else begin : gen_one_stage
    logic out_q;

    assign out_moves   = !out_q || out_ready_i;
    assign read        = stored_q != '0 && out_moves;
    assign out_valid_o = out_q;

    always_ff @(posedge clk_i) begin
      if (rst_i)          out_q <= 1'b0;
      else if (out_moves) out_q <= read;
    end
  end

endmodule
