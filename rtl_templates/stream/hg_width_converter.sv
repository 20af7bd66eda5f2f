// Vectors of Elements elements, InLanes a beat, to the same vectors, OutLanes a beat.
//
// Stream     in: ceil(Elements / InLanes) beats a vector, the lanes of the last past Elements ignored;
//            out: ceil(Elements / OutLanes) beats, the lanes of the last past Elements zero; vectors never share a beat
// Cycles     full rate on the narrower side. With count elements stored, and n_in, n_out the elements of the next beats:
//            in_ready_o = count + n_in <= C, out_valid_o = count >= n_out; latency 1 where one beat fills the other
// Ready      in_ready_o is a function of registers
// Memory     C * Width registers; capacity C = InLanes + OutLanes + min(InLanes, OutLanes) - 1 elements
// Reset      rst_i synchronous, active high; empties it
//
// All positions are multiples of G = gcd(InLanes, OutLanes, Elements): the work is done in units of G elements, so that
// lanes which divide each other cost one multiplexer input a place.
module hg_width_converter #(
  parameter int unsigned Width    = 8,
  parameter int unsigned Elements = 8,
  parameter int unsigned InLanes  = 2,
  parameter int unsigned OutLanes = 4
) (
  input  logic                           clk_i,
  input  logic                           rst_i,

  input  logic                           in_valid_i,
  output logic                           in_ready_o,
  input  logic [InLanes-1:0][Width-1:0]  in_data_i,

  output logic                           out_valid_o,
  input  logic                           out_ready_i,
  output logic [OutLanes-1:0][Width-1:0] out_data_o
);

  if (Width < 1 || Elements < 1 || InLanes < 1 || OutLanes < 1) begin : gen_bad_size
    $error("hg_width_converter: Width, Elements, InLanes and OutLanes must be at least 1");
  end
  if (InLanes == OutLanes) begin : gen_bad_same
    $error("hg_width_converter: InLanes equals OutLanes: use a wire");
  end
  if (InLanes > Elements || OutLanes > Elements) begin : gen_bad_lanes
    $error("hg_width_converter: InLanes and OutLanes must not exceed Elements");
  end

  function automatic int unsigned gcd(input int unsigned a, input int unsigned b);
    int unsigned x, y, r;
    x = a;
    y = b;
    while (y != 0) begin
      r = x % y;
      x = y;
      y = r;
    end
    gcd = x;
  endfunction

  localparam int unsigned Unit     = gcd(gcd(InLanes, OutLanes), Elements);
  localparam int unsigned Units    = Elements / Unit;
  localparam int unsigned InUnits  = InLanes / Unit;
  localparam int unsigned OutUnits = OutLanes / Unit;
  localparam int unsigned InBeats  = (Units + InUnits - 1) / InUnits;
  localparam int unsigned OutBeats = (Units + OutUnits - 1) / OutUnits;
  localparam int unsigned InTail   = Units - (InBeats - 1) * InUnits;
  localparam int unsigned OutTail  = Units - (OutBeats - 1) * OutUnits;
  localparam int unsigned Places   = InUnits + OutUnits + ((InUnits < OutUnits) ? InUnits : OutUnits) - 1;

  localparam int unsigned UnitWidth    = Unit * Width;
  localparam int unsigned CountWidth   = $clog2(Places + 1);
  localparam int unsigned InBeatWidth  = (InBeats > 1) ? $clog2(InBeats) : 1;
  localparam int unsigned OutBeatWidth = (OutBeats > 1) ? $clog2(OutBeats) : 1;

  logic [InBeatWidth-1:0]             in_beat_q;
  logic [OutBeatWidth-1:0]            out_beat_q;
  logic [CountWidth-1:0]              count_q, count_kept, in_units, out_units;
  logic                               in_last, out_last, push, pop;
  logic [InUnits-1:0][UnitWidth-1:0]  in_unit;
  logic [OutUnits-1:0][UnitWidth-1:0] out_unit;
  logic [Places-1:0][UnitWidth-1:0]   place_d, place_q;

  assign in_last     = in_beat_q == InBeatWidth'(InBeats - 1);
  assign out_last    = out_beat_q == OutBeatWidth'(OutBeats - 1);
  assign in_units    = in_last ? CountWidth'(InTail) : CountWidth'(InUnits);
  assign out_units   = out_last ? CountWidth'(OutTail) : CountWidth'(OutUnits);
  assign in_ready_o  = count_q <= CountWidth'(Places) - in_units;
  assign out_valid_o = count_q >= out_units;
  assign push        = in_valid_i && in_ready_o;
  assign pop         = out_valid_o && out_ready_i;
  assign count_kept  = pop ? count_q - out_units : count_q;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      in_beat_q  <= '0;
      out_beat_q <= '0;
      count_q    <= '0;
    end else begin
      if (push) in_beat_q  <= in_last ? '0 : in_beat_q + InBeatWidth'(1);
      if (pop)  out_beat_q <= out_last ? '0 : out_beat_q + OutBeatWidth'(1);
      count_q <= push ? count_kept + in_units : count_kept;
    end
  end

  // The oldest unit is in place 0. What leaves makes the rest move down, what comes lands behind it; a beat lands at most
  // at place Places - InTail, which bounds the multiplexers.
  assign in_unit = in_data_i;

  for (genvar p = 0; p < Places; p++) begin : gen_place
    always_comb begin
      place_d[p] = place_q[p];
      if (pop && !out_last && p + OutUnits < Places) place_d[p] = place_q[(p+OutUnits)%Places];
      if (pop && out_last && p + OutTail < Places)   place_d[p] = place_q[(p+OutTail)%Places];
      for (int unsigned u = 0; u < InUnits; u++) begin
        if (u < p + 1 && p < u + Places - InTail + 1) begin
          if (push && count_kept == CountWidth'(p - u)) place_d[p] = in_unit[u];
        end
      end
    end
  end

  always_ff @(posedge clk_i) place_q <= place_d;

  for (genvar u = 0; u < OutUnits; u++) begin : gen_out
    assign out_unit[u] = (u < OutTail || !out_last) ? place_q[u] : '0;
  end
  assign out_data_o = out_unit;

endmodule
