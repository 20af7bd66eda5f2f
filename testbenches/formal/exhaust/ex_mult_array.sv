// hg_mult_array of one kind of activation with every kind of weight, all fed with the same codes.
//
// in_i       {w, used, x}, a weight WWidth bits: bipolar ones are the lowest bit of each, ternary ones the lowest two
// out_o      32 bits a product, sign extended: signed weights, then bipolar, then ternary
module ex_mult_array #(
  parameter int unsigned InLanes  = 2,
  parameter int unsigned OutLanes = 2,
  parameter int unsigned XWidth   = 2,
  parameter int unsigned XKind    = 0,
  parameter int unsigned WWidth   = 3,
  localparam int unsigned Products = InLanes * OutLanes,
  localparam int unsigned Start    = InLanes * XWidth
) (
  input  logic                                      clk_i,
  input  logic [Start+InLanes+Products*WWidth-1:0]  in_i,
  output logic [2:0][Products-1:0][31:0]            out_o
);

  for (genvar kind = 0; kind < 3; kind++) begin : gen_kind
    localparam int unsigned Width        = (kind == 0) ? WWidth : kind;
    localparam int unsigned ProductWidth = XWidth + ((kind == 2) ? 1 : Width);
    logic [Products*Width-1:0]        w;
    logic [Products*ProductWidth-1:0] product;

    for (genvar k = 0; k < Products; k++) begin : gen_product
      assign w[k*Width+:Width] = in_i[Start+InLanes+k*WWidth+:Width];
      assign out_o[kind][k]    = 32'($signed(product[k*ProductWidth+:ProductWidth]));
    end

    hg_mult_array #(
      .InLanes (InLanes),
      .OutLanes(OutLanes),
      .XWidth  (XWidth),
      .XKind   (XKind),
      .WWidth  (Width),
      .WKind   (kind)
    ) u_dut (
      .clk_i,
      .x_i      (in_i[0+:Start]),
      .x_used_i (in_i[Start+:InLanes]),
      .w_i      (w),
      .product_o(product)
    );
  end

endmodule
