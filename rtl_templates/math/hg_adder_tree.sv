// Sum of Inputs integers for each of Lanes trees, registered every TreeLevelsPerStage levels of adders.
//
// sum_o[l] = data_i[l * Inputs] + ... + data_i[l * Inputs + Inputs - 1], exact; side_o = side_i of the same cycle
// data_i     Width bits, two's complement if Signed;  sum_o Width + clog2(Inputs) bits
// Cycles     one sum a cycle; latency T = ceil(clog2(Inputs) / TreeLevelsPerStage), 0 for one input (a wire)
// Reset      rst_i synchronous, active high; clears valids
module hg_adder_tree #(
  parameter int unsigned Lanes              = 1,
  parameter int unsigned Inputs             = 2,
  parameter int unsigned Width              = 8,
  parameter bit          Signed             = 1'b1,
  parameter int unsigned SideWidth          = 1,
  parameter int unsigned TreeLevelsPerStage = 2,
  localparam int unsigned SumWidth          = Width + $clog2(Inputs)
) (
  input  logic                               clk_i,
  input  logic                               rst_i,
  input  logic                               valid_i,
  input  logic [SideWidth-1:0]               side_i,
  input  logic [Lanes*Inputs-1:0][Width-1:0] data_i,
  output logic                               valid_o,
  output logic [SideWidth-1:0]               side_o,
  output logic [Lanes-1:0][SumWidth-1:0]     sum_o
);

  if (Lanes < 1 || Inputs < 1 || Width < 1 || SideWidth < 1) begin : gen_bad_size
    $error("hg_adder_tree: Lanes, Inputs, Width and SideWidth must be at least 1");
  end
  if (TreeLevelsPerStage < 1) begin : gen_bad_levels
    $error("hg_adder_tree: TreeLevelsPerStage must be at least 1");
  end

  localparam int unsigned Depth = $clog2(Inputs);
  localparam int unsigned Ranks = (Depth + TreeLevelsPerStage - 1) / TreeLevelsPerStage;

  // Adder levels passed, sums a lane, and the first bit in `node`, before rank r. Rank 0 reads the inputs.
  function automatic int unsigned level(input int unsigned r);
    level = (r * TreeLevelsPerStage > Depth) ? Depth : r * TreeLevelsPerStage;
  endfunction

  function automatic int unsigned nodes(input int unsigned r);
    nodes = (Inputs + (1 << level(r)) - 1) >> level(r);
  endfunction

  function automatic int unsigned start(input int unsigned r);
    start = 0;
    for (int unsigned k = 0; k < r; k++) start = start + Lanes * nodes(k) * (Width + level(k));
  endfunction

  logic [start(Ranks+1)-1:0] node;

  assign node[Lanes*Inputs*Width-1:0] = data_i;

  for (genvar r = 0; r < Ranks; r++) begin : gen_rank
    localparam int unsigned InBits  = Lanes * nodes(r) * (Width + level(r));
    localparam int unsigned OutBits = Lanes * nodes(r + 1) * (Width + level(r + 1));

    hg_adder_rank #(
      .Lanes (Lanes),
      .Inputs(nodes(r)),
      .Width (Width + level(r)),
      .Signed(Signed),
      .Levels(level(r + 1) - level(r))
    ) u_rank (
      .clk_i,
      .data_i(node[start(r)+:InBits]),
      .sum_o (node[start(r+1)+:OutBits])
    );
  end

  assign sum_o = node[start(Ranks)+:Lanes*SumWidth];

  hg_delay #(
    .Width (SideWidth),
    .Cycles(Ranks)
  ) u_side (
    .clk_i,
    .rst_i,
    .data_i(side_i),
    .data_o(side_o)
  );

  hg_delay #(
    .Width   (1),
    .Cycles  (Ranks),
    .HasReset(1'b1)
  ) u_valid (
    .clk_i,
    .rst_i,
    .data_i(valid_i),
    .data_o(valid_o)
  );

endmodule
