// Several streams to one, in turn: Beats[0] beats of input 0, then Beats[1] of input 1, ... of the last, and again.
//
// Beats      32 bits an input, input 0 lowest
// Stream     nothing is stored, changed or left out; inputs whose turn it is not wait
// Cycles     one beat a cycle, also where the turn goes on; latency 0 (combinational)
// Ready      in_ready_o[k] = out_ready_i while it is k's turn, else 0; out_valid_o = in_valid_i of the input whose turn it is
// Memory     none but two counters: the input, and its beats that are left
// Reset      rst_i synchronous, active high; begins with input 0
module hg_concat #(
  parameter int unsigned Width  = 8,
  parameter int unsigned Inputs = 2,
  parameter Beats = 64'h00000001_00000001
) (
  input  logic                         clk_i,
  input  logic                         rst_i,

  input  logic [Inputs-1:0]            in_valid_i,
  output logic [Inputs-1:0]            in_ready_o,
  input  logic [Inputs-1:0][Width-1:0] in_data_i,

  output logic                         out_valid_o,
  input  logic                         out_ready_i,
  output logic [Width-1:0]             out_data_o
);

  if (Width < 1 || Inputs < 1) begin : gen_bad_size
    $error("hg_concat: Width and Inputs must be at least 1");
  end

  localparam int unsigned TableWidth = (Inputs > 0) ? 32 * Inputs : 32;
  localparam logic [TableWidth-1:0] BeatTable = TableWidth'(Beats);

  function automatic int unsigned most_beats();
    most_beats = 1;
    for (int unsigned k = 0; k < Inputs; k++) begin
      if (BeatTable[32*k+:32] > most_beats) most_beats = BeatTable[32*k+:32];
    end
  endfunction

  localparam int unsigned Most      = most_beats();
  localparam int unsigned LeftWidth = (Most > 1) ? $clog2(Most) : 1;
  localparam int unsigned TurnWidth = (Inputs > 1) ? $clog2(Inputs) : 1;
  localparam int unsigned Places    = 1 << TurnWidth;

  logic [TurnWidth-1:0]         turn_q, turn_next;
  logic [LeftWidth-1:0]         left_q, left_next;
  logic                         last, moves;
  logic [Places-1:0]            valid;
  logic [Places-1:0][Width-1:0] data;

  for (genvar k = 0; k < Inputs; k++) begin : gen_input
    if (BeatTable[32*k+:32] == 0) begin : gen_bad_beats
      $error("hg_concat: Beats of each input must be at least 1");
    end
    assign in_ready_o[k] = out_ready_i && turn_q == TurnWidth'(k);
  end

  // A place for each number that turn_q can show; those past the last input stand for it.
  for (genvar p = 0; p < Places; p++) begin : gen_place
    assign valid[p] = in_valid_i[(p < Inputs) ? p : Inputs - 1];
    assign data[p]  = in_data_i[(p < Inputs) ? p : Inputs - 1];
  end

  assign out_valid_o = valid[turn_q];
  assign out_data_o  = data[turn_q];
  assign moves       = out_valid_o && out_ready_i;
  assign last        = left_q == '0;
  assign turn_next   = (turn_q == TurnWidth'(Inputs - 1)) ? '0 : turn_q + TurnWidth'(1);

  // left_q: beats that the input whose turn it is has after this one.
  always_comb begin
    left_next = '0;
    for (int unsigned k = 0; k < Inputs; k++) begin
      if (turn_next == TurnWidth'(k)) left_next = LeftWidth'(BeatTable[32*k+:32] - 32'd1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      turn_q <= '0;
      left_q <= LeftWidth'(BeatTable[31:0] - 32'd1);
    end else if (moves) begin
      turn_q <= last ? turn_next : turn_q;
      left_q <= last ? left_next : left_q - LeftWidth'(1);
    end
  end

endmodule
