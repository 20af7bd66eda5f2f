// hg_stream_fork: every output gets every beat exactly once, as soon as it is ready, whatever the others do.
module fv_stream_fork #(
  parameter int unsigned Width   = 2,
  parameter int unsigned Outputs = 2
) (
  input logic               clk_i,
  input logic               rst_i,
  input logic               in_valid_i,
  input logic [Width-1:0]   in_data_i,
  input logic [Outputs-1:0] out_ready_i
);

  logic                          active, in_ready, taken;
  logic [Outputs-1:0]            out_valid, moves, has_q;
  logic [Outputs-1:0][Width-1:0] out_data;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_stream_fork #(
    .Width  (Width),
    .Outputs(Outputs)
  ) u_dut (
    .clk_i,
    .rst_i,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data)
  );

  fv_stable #(
    .Width  (Width),
    .Assumed(1'b1)
  ) u_source (
    .clk_i,
    .active_i(active),
    .valid_i (in_valid_i),
    .ready_i (in_ready),
    .data_i  (in_data_i)
  );

  assign taken = in_valid_i && in_ready;
  assign moves = out_valid & out_ready_i;

  // The outputs that have the beat that is offered now.
  always_ff @(posedge clk_i) begin
    if (!active || taken) has_q <= '0;
    else                  has_q <= has_q | moves;
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_no_output_gets_it_twice : assert ((moves & has_q) == '0);
      assert_no_output_misses_it : assert (!taken || (moves | has_q) == '1);
      assert_offered_at_once : assert (!in_valid_i || (out_valid | has_q) == '1);
      assert_nothing_from_nowhere : assert (in_valid_i || out_valid == '0);
      assert_taken_as_soon_as_all_have_it : assert (!in_valid_i || in_ready == ((out_ready_i | has_q) == '1));
      assert_same_data : assert (out_data == {Outputs{in_data_i}});
      cover_outputs_served_one_by_one : cover (taken && $onehot(moves));
    end
  end

  for (genvar k = 0; k < Outputs; k++) begin : gen_output
    fv_stable #(
      .Width(Width)
    ) u_stable (
      .clk_i,
      .active_i(active),
      .valid_i (out_valid[k]),
      .ready_i (out_ready_i[k]),
      .data_i  (out_data[k])
    );
  end

  fv_rate u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(in_valid_i && out_ready_i == '1),
    .moves_i  (taken && moves == '1)
  );

endmodule
