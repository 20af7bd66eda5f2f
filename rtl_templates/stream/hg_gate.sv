// The issue point of a free-running pipeline: beats go in only if their result will have a place at the end.
//
// A result comes of every BeatsPerOutput beats: the last of them waits for room_i and pulses reserve_o
// Stream     in: valid and ready; out: valid only, the accepted beat itself
// Cycles     one beat a cycle; latency 0 (combinational)
// Ready      in_ready_o is a function of registers and room_i
// Reset      rst_i synchronous, active high; clears the beat counter
module hg_gate #(
  parameter int unsigned Width          = 8,
  parameter int unsigned BeatsPerOutput = 1
) (
  input  logic             clk_i,
  input  logic             rst_i,

  input  logic             in_valid_i,
  output logic             in_ready_o,
  input  logic [Width-1:0] in_data_i,

  input  logic             room_i,
  output logic             reserve_o,
  output logic             out_valid_o,
  output logic [Width-1:0] out_data_o
);

  if (Width < 1 || BeatsPerOutput < 1) begin : gen_bad_size
    $error("hg_gate: Width and BeatsPerOutput must be at least 1");
  end

  localparam int unsigned BeatWidth = (BeatsPerOutput > 1) ? $clog2(BeatsPerOutput) : 1;

  logic [BeatWidth-1:0] beat_q;
  logic                 last;

  assign last        = beat_q == BeatWidth'(BeatsPerOutput - 1);
  assign in_ready_o  = room_i || !last;
  assign out_valid_o = in_valid_i && in_ready_o;
  assign reserve_o   = out_valid_o && last;
  assign out_data_o  = in_data_i;

  always_ff @(posedge clk_i) begin
    if (rst_i)            beat_q <= '0;
    else if (out_valid_o) beat_q <= last ? '0 : beat_q + BeatWidth'(1);
  end

endmodule
