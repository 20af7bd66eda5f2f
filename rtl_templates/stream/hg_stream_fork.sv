// One stream to several: each output gets every beat once, as soon as it is ready (eager).
//
// Stream     a beat is taken from the input when the last output takes it
// Cycles     one beat a cycle; latency 0 (combinational)
// Ready      in_ready_o is a function of registers and of all out_ready_i
// Memory     none but a register an output: it already has the beat that is offered now
// Reset      rst_i synchronous, active high; clears these registers
module hg_stream_fork #(
  parameter int unsigned Width   = 8,
  parameter int unsigned Outputs = 2
) (
  input  logic                          clk_i,
  input  logic                          rst_i,

  input  logic                          in_valid_i,
  output logic                          in_ready_o,
  input  logic [Width-1:0]              in_data_i,

  output logic [Outputs-1:0]            out_valid_o,
  input  logic [Outputs-1:0]            out_ready_i,
  output logic [Outputs-1:0][Width-1:0] out_data_o
);

  if (Width < 1 || Outputs < 1) begin : gen_bad_size
    $error("hg_stream_fork: Width and Outputs must be at least 1");
  end

  logic [Outputs-1:0] done_q, served;

  assign served      = done_q | out_ready_i;
  assign in_ready_o  = &served;
  assign out_valid_o = {Outputs{in_valid_i}} & ~done_q;
  assign out_data_o  = {Outputs{in_data_i}};

  always_ff @(posedge clk_i) begin
    if (rst_i)           done_q <= '0;
    else if (in_valid_i) done_q <= in_ready_o ? '0 : served;
  end

endmodule
