// Beginning of a pipeline that takes two streams at once: waits for a beat of each, and for room.
//
// out_data_o = {b_data_i, a_data_i}
// Stream     a beat is taken from both inputs in the same cycle, or from none
// Cycles     one beat of each a cycle; latency 0 (combinational)
// Ready      a_ready_o and b_ready_o are functions of room_i and of the other's valid
// Reset      none; there is no state
module hg_pair_gate #(
  parameter int unsigned AWidth = 8,
  parameter int unsigned BWidth = 8
) (
  input  logic                     a_valid_i,
  output logic                     a_ready_o,
  input  logic [AWidth-1:0]        a_data_i,

  input  logic                     b_valid_i,
  output logic                     b_ready_o,
  input  logic [BWidth-1:0]        b_data_i,

  input  logic                     room_i,
  output logic                     reserve_o,
  output logic                     out_valid_o,
  output logic [AWidth+BWidth-1:0] out_data_o
);

  if (AWidth < 1 || BWidth < 1) begin : gen_bad_size
    $error("hg_pair_gate: AWidth and BWidth must be at least 1");
  end

  assign out_valid_o = a_valid_i && b_valid_i && room_i;
  assign reserve_o   = out_valid_o;
  assign a_ready_o   = b_valid_i && room_i;
  assign b_ready_o   = a_valid_i && room_i;
  assign out_data_o  = {b_data_i, a_data_i};

endmodule
