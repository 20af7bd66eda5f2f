// The rate: where both sides have been willing for Warmup cycles, something moves in at least one of every Period cycles.
//
// The cover reaches Beats moves within Beats * Period + Latency cycles of a reset: the rate without any warm-up.
module fv_rate #(
  parameter int unsigned Warmup  = 1,
  parameter int unsigned Period  = 1,
  parameter int unsigned Latency = 0,
  parameter int unsigned Beats   = 8
) (
  input logic clk_i,
  input logic active_i,
  input logic willing_i,
  input logic moves_i
);

  localparam int unsigned Cycles      = Beats * Period + Latency;
  localparam int unsigned CycleWidth  = $clog2(Cycles + 2);
  localparam int unsigned BeatWidth   = $clog2(Beats + 1);
  localparam int unsigned WarmupWidth = $clog2(Warmup + 1);
  localparam int unsigned IdleWidth   = $clog2(Period + 1);

  logic [WarmupWidth-1:0] willing_q;
  logic [IdleWidth-1:0]   idle_q;
  logic [CycleWidth-1:0]  cycle_q;
  logic [BeatWidth-1:0]   beat_q;
  logic                   warm;

  assign warm = willing_q == WarmupWidth'(Warmup);

  always_ff @(posedge clk_i) begin
    if (!active_i || !willing_i) willing_q <= '0;
    else if (!warm)              willing_q <= willing_q + WarmupWidth'(1);

    if (!active_i || !willing_i || !warm || moves_i) idle_q <= '0;
    else                                             idle_q <= idle_q + IdleWidth'(1);

    if (!active_i) begin
      cycle_q <= '0;
      beat_q  <= '0;
    end else begin
      if (cycle_q != CycleWidth'(Cycles + 1)) cycle_q <= cycle_q + CycleWidth'(1);
      if (beat_q != BeatWidth'(Beats))        beat_q <= beat_q + BeatWidth'(moves_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (active_i) begin
      assert_keeps_the_rate : assert (!willing_i || !warm || moves_i || idle_q != IdleWidth'(Period - 1));
      cover_full_rate_reached : cover (beat_q == BeatWidth'(Beats) && cycle_q <= CycleWidth'(Cycles));
    end
  end

endmodule
