// All products of InLanes activations and OutLanes rows of weights, registered once.
//
// product_o[o * InLanes + i] = x_used_i[i] ? x_i[i] * w_i[o * InLanes + i] : 0
// Cycles     one block a cycle; latency 1
// Cost       InLanes * OutLanes products (hg_product: which kinds need a multiplier)
// Reset      none; valid travels outside
module hg_mult_array #(
  parameter int unsigned InLanes  = 1,
  parameter int unsigned OutLanes = 1,
  parameter int unsigned XWidth   = 8,
  parameter int unsigned XKind    = 0,
  parameter int unsigned WWidth   = 8,
  parameter int unsigned WKind    = 0,
  localparam int unsigned ProductWidth = XWidth + ((WKind == 2) ? 1 : WWidth),
  localparam int unsigned Products     = InLanes * OutLanes
) (
  input  logic                                  clk_i,
  input  logic [InLanes-1:0][XWidth-1:0]        x_i,
  input  logic [InLanes-1:0]                    x_used_i,
  input  logic [Products-1:0][WWidth-1:0]       w_i,
  output logic [Products-1:0][ProductWidth-1:0] product_o
);

  if (InLanes < 1 || OutLanes < 1) begin : gen_bad_lanes
    $error("hg_mult_array: InLanes and OutLanes must be at least 1");
  end

  logic [Products-1:0][ProductWidth-1:0] product_d, product_q;

  for (genvar o = 0; o < OutLanes; o++) begin : gen_out
    for (genvar i = 0; i < InLanes; i++) begin : gen_in
      hg_product #(
        .XWidth(XWidth),
        .XKind (XKind),
        .WWidth(WWidth),
        .WKind (WKind)
      ) u_product (
        .x_i      (x_i[i]),
        .x_used_i (x_used_i[i]),
        .w_i      (w_i[o*InLanes+i]),
        .product_o(product_d[o*InLanes+i])
      );
    end
  end

  always_ff @(posedge clk_i) product_q <= product_d;

  assign product_o = product_q;

endmodule
