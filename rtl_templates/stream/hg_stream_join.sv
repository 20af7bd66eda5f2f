// Several streams to one: waits for a beat of each and passes them side by side.
//
// out_data_o[k] = in_data_i[k]
// Stream     a beat is taken from all inputs in the same cycle, or from none
// Cycles     one beat a cycle; latency 0 (combinational)
// Ready      in_ready_o[k] is a function of out_ready_i and of all in_valid_i
// Reset      none; there is no state
module hg_stream_join #(
  parameter int unsigned Width  = 8,
  parameter int unsigned Inputs = 2
) (
  input  logic [Inputs-1:0]            in_valid_i,
  output logic [Inputs-1:0]            in_ready_o,
  input  logic [Inputs-1:0][Width-1:0] in_data_i,

  output logic                         out_valid_o,
  input  logic                         out_ready_i,
  output logic [Inputs-1:0][Width-1:0] out_data_o
);

  if (Width < 1 || Inputs < 1) begin : gen_bad_size
    $error("hg_stream_join: Width and Inputs must be at least 1");
  end

  assign out_valid_o = &in_valid_i;
  assign out_data_o  = in_data_i;
  assign in_ready_o  = {Inputs{out_valid_o && out_ready_i}};

endmodule
