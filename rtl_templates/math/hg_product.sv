// One product of an activation and a weight, combinational; a multiplier only where both are integers.
//
// product_o = x_used_i ? x * w : 0, exact
// x_i        XKind 0 unsigned integer, 1 signed integer, 2 bipolar (one bit: 0 is -1, 1 is +1)
// w_i        WKind 0 signed integer, 1 bipolar (one bit), 2 ternary (two bits: 00 is 0, 01 is +1, 11 is -1)
// product_o  signed, ProductWidth = XWidth + WWidth bits (XWidth + 1 where w is ternary)
// Cycles     none; register it (hg_mult_array)
module hg_product #(
  parameter int unsigned XWidth = 8,
  parameter int unsigned XKind  = 0,
  parameter int unsigned WWidth = 8,
  parameter int unsigned WKind  = 0,
  localparam int unsigned ProductWidth = XWidth + ((WKind == 2) ? 1 : WWidth)
) (
  input  logic [XWidth-1:0]       x_i,
  input  logic                    x_used_i,
  input  logic [WWidth-1:0]       w_i,
  output logic [ProductWidth-1:0] product_o
);

  if (XWidth < 1 || WWidth < 1) begin : gen_bad_width
    $error("hg_product: XWidth and WWidth must be at least 1");
  end
  if (XKind > 2) begin : gen_bad_x_kind
    $error("hg_product: XKind must be 0 (unsigned), 1 (signed) or 2 (bipolar)");
  end
  if (WKind > 2) begin : gen_bad_w_kind
    $error("hg_product: WKind must be 0 (signed), 1 (bipolar) or 2 (ternary)");
  end
  if (XKind == 2 && XWidth != 1) begin : gen_bad_bipolar_x
    $error("hg_product: a bipolar activation (XKind 2) has XWidth 1");
  end
  if (WKind == 1 && WWidth != 1) begin : gen_bad_bipolar_w
    $error("hg_product: a bipolar weight (WKind 1) has WWidth 1");
  end
  if (WKind == 2 && WWidth != 2) begin : gen_bad_ternary_w
    $error("hg_product: a ternary weight (WKind 2) has WWidth 2");
  end

  // Both factors as plain integers; in all but one case one of them is -1, 0 or +1 and only negates the other.
  logic signed [ProductWidth-1:0] value;
  logic                           negate;
  logic                           nonzero;

  if (XKind == 2 && WKind == 1) begin : gen_xnor
    assign value   = ProductWidth'(1);
    assign negate  = x_i[0] ^ w_i[0];
    assign nonzero = x_used_i;
  end else if (XKind == 2 && WKind == 2) begin : gen_ternary_sign
    assign value   = ProductWidth'(1);
    assign negate  = w_i[1] ~^ x_i[0];
    assign nonzero = x_used_i && w_i[0];
  end else if (XKind == 2) begin : gen_signed_weight
    assign value   = ProductWidth'($signed(w_i));
    assign negate  = !x_i[0];
    assign nonzero = x_used_i;
  end else if (WKind != 0) begin : gen_signed_activation
    if (XKind == 1) begin : gen_signed
      assign value = ProductWidth'($signed(x_i));
    end else begin : gen_unsigned
      assign value = ProductWidth'(x_i);
    end
    assign negate  = (WKind == 1) ? !w_i[0] : w_i[WWidth-1];
    assign nonzero = x_used_i && (WKind == 1 || w_i[0]);
  end else begin : gen_multiplier
    logic [XWidth-1:0] x_masked;
    assign x_masked = x_used_i ? x_i : '0;
    if (XKind == 1) begin : gen_signed
      assign value = ProductWidth'($signed(x_masked)) * ProductWidth'($signed(w_i));
    end else begin : gen_unsigned
      assign value = ProductWidth'($signed({1'b0, x_masked})) * ProductWidth'($signed(w_i));
    end
    assign negate  = 1'b0;
    assign nonzero = 1'b1;
  end

  assign product_o = !nonzero ? '0 : negate ? -value : value;

endmodule
