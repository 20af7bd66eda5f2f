// The path that no design with memories and multipliers can beat: block memory, register, 18x18 multiplier, register.
//
// product_o = words of the memory at address_i, their two halves multiplied; one result a cycle
module primitive_path (
  input  logic               clk_i,
  input  logic               write_i,
  input  logic        [8:0]  address_i,
  input  logic        [35:0] data_i,
  output logic signed [35:0] product_o
);

  (* ram_style = "block" *) logic [35:0] mem [512];
  logic        [35:0] word_q;
  logic signed [17:0] a_q, b_q;

  always_ff @(posedge clk_i) begin
    if (write_i) mem[address_i] <= data_i;
    word_q     <= mem[address_i];
    a_q        <= word_q[17:0];
    b_q        <= word_q[35:18];
    product_o  <= 36'(a_q) * 36'(b_q);
  end

endmodule
