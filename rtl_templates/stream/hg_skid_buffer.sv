// Cuts the combinational path of ready: a register each way, at full rate.
//
// Stream     in order, nothing lost, nothing twice
// Cycles     one beat a cycle; latency 1
// Ready      in_ready_o is a register
// Memory     2 * Width registers; capacity 2
// Reset      rst_i synchronous, active high; empties it
module hg_skid_buffer #(
  parameter int unsigned Width = 8
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

  if (Width < 1) begin : gen_bad_width
    $error("hg_skid_buffer: Width must be at least 1");
  end

  // The second place is taken only while the first one waits.
  logic             ready_q, valid_q, take, stall;
  logic [Width-1:0] data_q, skid_q;

  assign in_ready_o  = ready_q;
  assign out_valid_o = valid_q;
  assign out_data_o  = data_q;
  assign take        = in_valid_i && ready_q;
  assign stall       = valid_q && !out_ready_i;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      ready_q <= 1'b1;
      valid_q <= 1'b0;
    end else begin
      ready_q <= !stall || (ready_q && !take);
      valid_q <= stall || take || !ready_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!stall) data_q <= ready_q ? in_data_i : skid_q;
    if (ready_q) skid_q <= in_data_i;
  end

endmodule
