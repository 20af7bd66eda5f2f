// hg_product of one kind of activation with every kind of weight, at every pair of widths, all fed with the low bits of the same codes.
//
// in_i       {used, w, x}
// out_o      32 bits a product, sign extended: of XWidth i + 1 and a signed weight of j + 1 bits at (i, j), of a bipolar weight at
//            (i, WMax), of a ternary one at (i, WMax + 1)
module ex_product #(
  parameter int unsigned XMax  = 8,
  parameter int unsigned XKind = 0,
  parameter int unsigned WMax  = 8
) (
  input  logic                              clk_i,
  input  logic [XMax+WMax:0]                in_i,
  output logic [XMax-1:0][WMax+1:0][31:0]   out_o
);

  logic unused_clock;
  assign unused_clock = clk_i;

  for (genvar i = 0; i < XMax; i++) begin : gen_x
    for (genvar j = 0; j < WMax + 2; j++) begin : gen_w
      localparam int unsigned XWidth = i + 1;
      localparam int unsigned WKind  = (j < WMax) ? 0 : j - WMax + 1;
      localparam int unsigned WWidth = (WKind == 0) ? j + 1 : WKind;
      localparam int unsigned ProductWidth = XWidth + ((WKind == 2) ? 1 : WWidth);
      logic signed [ProductWidth-1:0] product;

      hg_product #(
        .XWidth(XWidth),
        .XKind (XKind),
        .WWidth(WWidth),
        .WKind (WKind)
      ) u_product (
        .x_i      (in_i[0+:XWidth]),
        .x_used_i (in_i[XMax+WMax]),
        .w_i      (in_i[XMax+:WWidth]),
        .product_o(product)
      );

      assign out_o[i][j] = 32'(product);
    end
  end

endmodule
