// Index of the greatest element of a streamed vector; of equal ones the lowest index.
//
// Stream     in: valid only, ceil(Elements / Lanes) beats a vector, lanes of the last past Elements ignored;
//            out: valid only, one index a vector
// Cycles     one beat a cycle; latency clog2(Lanes) + 1 from a vector's last beat
// Memory     a registered tree of Lanes - 1 comparisons, then the best so far
// Reset      rst_i synchronous, active high; clears valids and the beat counter
module hg_argmax #(
  parameter int unsigned Lanes      = 2,
  parameter int unsigned Elements   = 4,
  parameter int unsigned Width      = 8,
  parameter bit          Signed     = 1'b1,
  parameter int unsigned IndexWidth = 2
) (
  input  logic                        clk_i,
  input  logic                        rst_i,
  input  logic                        in_valid_i,
  input  logic [Lanes-1:0][Width-1:0] in_data_i,
  output logic                        out_valid_o,
  output logic [IndexWidth-1:0]       out_data_o
);

  if (Lanes < 1 || Lanes > Elements || Width < 1) begin : gen_bad_size
    $error("hg_argmax: Width must be at least 1 and Lanes lie in 1 ... Elements");
  end
  if (IndexWidth < 1 || IndexWidth < $clog2(Elements)) begin : gen_bad_index
    $error("hg_argmax: IndexWidth bits do not hold the indices 0 ... Elements - 1");
  end

  localparam int unsigned Beats     = (Elements + Lanes - 1) / Lanes;
  localparam int unsigned TailLanes = Elements - (Beats - 1) * Lanes;
  localparam int unsigned Levels    = $clog2(Lanes);
  localparam int unsigned Leaves    = 1 << Levels;
  localparam int unsigned BeatWidth = (Beats > 1) ? $clog2(Beats) : 1;

  // A candidate: {used, key, index}; keys are offset so that they compare as unsigned, an unused one is below all.
  localparam int unsigned KeyWidth       = Width + 1;
  localparam int unsigned CandidateWidth = KeyWidth + IndexWidth;

  // Of neighbours the left one has the lower index: it wins unless the right one is greater.
  function automatic logic [CandidateWidth-1:0] better(input logic [CandidateWidth-1:0] left,
                                                       input logic [CandidateWidth-1:0] right);
    better = (right[CandidateWidth-1-:KeyWidth] > left[CandidateWidth-1-:KeyWidth]) ? right : left;
  endfunction

  logic [BeatWidth-1:0]                    beat_q;
  logic                                    first, last;
  logic [IndexWidth-1:0]                   base_q;
  logic [Leaves-1:0][CandidateWidth-1:0]   leaf;
  logic [CandidateWidth-1:0]               winner, best_d, best_q;
  logic                                    winner_valid, winner_first, winner_last, valid_q;

  assign first = beat_q == '0;
  assign last  = beat_q == BeatWidth'(Beats - 1);

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      beat_q <= '0;
      base_q <= '0;
    end else if (in_valid_i) begin
      beat_q <= last ? '0 : beat_q + BeatWidth'(1);
      base_q <= last ? '0 : base_q + IndexWidth'(Lanes);
    end
  end

  for (genvar l = 0; l < Leaves; l++) begin : gen_leaf
    if (l < Lanes) begin : gen_used
      logic             used;
      logic [Width-1:0] key;
      assign used    = (l < TailLanes) || !last;
      assign key     = in_data_i[l] ^ (Signed ? Width'(1) << (Width - 1) : '0);
      assign leaf[l] = {used, used ? key : Width'(0), base_q + IndexWidth'(l)};
    end else begin : gen_padding
      assign leaf[l] = '0;
    end
  end

  // Node n has the children 2n and 2n + 1; node 1 is the root; nodes Leaves ... 2 * Leaves - 1 are the leaves, in order.
  if (Levels == 0) begin : gen_wire
    assign winner = leaf[0];
  end else begin : gen_tree
    logic [(2*Leaves-1)*CandidateWidth-1:0] node;
    logic [(Leaves-1)*CandidateWidth-1:0]   inner_q;

    assign node   = {leaf, inner_q};
    assign winner = inner_q[CandidateWidth-1:0];

    always_ff @(posedge clk_i) begin
      for (int unsigned n = 1; n < Leaves; n++) begin
        inner_q[(n-1)*CandidateWidth+:CandidateWidth] <= better(node[(2*n-1)*CandidateWidth+:CandidateWidth],
                                                                node[2*n*CandidateWidth+:CandidateWidth]);
      end
    end
  end

  hg_delay #(
    .Width   (3),
    .Cycles  (Levels),
    .HasReset(1'b1)
  ) u_tags (
    .clk_i,
    .rst_i,
    .data_i({in_valid_i, first, last}),
    .data_o({winner_valid, winner_first, winner_last})
  );

  assign best_d = winner_first ? winner : better(best_q, winner);

  always_ff @(posedge clk_i) begin
    if (winner_valid) best_q <= best_d;
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) valid_q <= 1'b0;
    else       valid_q <= winner_valid && winner_last;
  end

  assign out_valid_o = valid_q;
  assign out_data_o  = best_q[IndexWidth-1:0];

endmodule
