// hg_concat: the inputs in turn, First beats of input 0, Second of input 1, Third of input 2; each beat moves at once or waits.
module fv_concat #(
  parameter int unsigned Width  = 2,
  parameter int unsigned Inputs = 3,
  parameter int unsigned First  = 1,
  parameter int unsigned Second = 2,
  parameter int unsigned Third  = 3
) (
  input logic                         clk_i,
  input logic                         rst_i,
  input logic [Inputs-1:0]            in_valid_i,
  input logic [Inputs-1:0][Width-1:0] in_data_i,
  input logic                         out_ready_i
);

  localparam int unsigned Two        = First + ((Inputs > 1) ? Second : 0);
  localparam int unsigned Total      = Two + ((Inputs > 2) ? Third : 0);
  localparam int unsigned PlaceWidth = $clog2(Total + 1);

  logic                  active, out_valid, moves;
  logic [Inputs-1:0]     in_ready;
  logic [Width-1:0]      out_data;
  logic [PlaceWidth-1:0] place_q;
  int unsigned           turn;

  fv_start u_start (
    .clk_i,
    .rst_i,
    .active_o(active)
  );

  hg_concat #(
    .Width (Width),
    .Inputs(Inputs),
    .Beats ((32*Inputs)'({Third, Second, First}))
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

  for (genvar k = 0; k < Inputs; k++) begin : gen_source
    fv_stable #(
      .Width  (Width),
      .Assumed(1'b1)
    ) u_source (
      .clk_i,
      .active_i(active),
      .valid_i (in_valid_i[k]),
      .ready_i (in_ready[k]),
      .data_i  (in_data_i[k])
    );
  end

  // place_q: beats that came out, counted over all inputs.
  assign moves = out_valid && out_ready_i;
  assign turn  = 32'(place_q >= PlaceWidth'(First)) + 32'(place_q >= PlaceWidth'(Two));

  always_ff @(posedge clk_i) begin
    if (!active)    place_q <= '0;
    else if (moves) place_q <= (place_q == PlaceWidth'(Total - 1)) ? '0 : place_q + PlaceWidth'(1);
  end

  always_ff @(posedge clk_i) begin
    if (active) begin
      assert_ready_in_turn : assert (in_ready == (out_ready_i ? Inputs'(1) << turn : '0));
      assert_valid_in_turn : assert (out_valid == 1'(in_valid_i >> turn));
      assert_same_data : assert (!out_valid || out_data == Width'(in_data_i >> turn * Width));
    end
  end

  fv_stable #(
    .Width(Width)
  ) u_stable (
    .clk_i,
    .active_i(active),
    .valid_i (out_valid),
    .ready_i (out_ready_i),
    .data_i  (out_data)
  );

  fv_rate u_rate (
    .clk_i,
    .active_i (active),
    .willing_i(in_valid_i == '1 && out_ready_i),
    .moves_i  (moves)
  );

endmodule
