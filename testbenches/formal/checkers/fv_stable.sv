// The second rule of the handshake: a raised valid stays, its data unchanged, until the beat moves.
//
// Assumed    of a stream that enters the design, 0: asserted of one that leaves it
module fv_stable #(
  parameter int unsigned Width   = 1,
  parameter bit          Assumed = 1'b0
) (
  input logic             clk_i,
  input logic             active_i,
  input logic             valid_i,
  input logic             ready_i,
  input logic [Width-1:0] data_i
);

  logic             stalled_q;
  logic [Width-1:0] data_q;

  always_ff @(posedge clk_i) begin
    stalled_q <= active_i && valid_i && !ready_i;
    data_q    <= data_i;
  end

  if (Assumed) begin : gen_assumed
    always_ff @(posedge clk_i) begin
      if (active_i && stalled_q) begin
        assume_valid_stays : assume (valid_i);
        assume_data_stays : assume (data_i == data_q);
      end
    end
  end else begin : gen_asserted
    always_ff @(posedge clk_i) begin
      if (active_i && stalled_q) begin
        assert_valid_stays : assert (valid_i);
        assert_data_stays : assert (data_i == data_q);
      end
    end
  end

endmodule
