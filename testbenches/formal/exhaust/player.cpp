// Plays a file of input words to a model and writes down what comes out: one record a clock cycle, before its edge.
//
//   program INPUTS OUTPUTS BYTES_IN BYTES_OUT
//
// The model has the ports clk_i, in_i and out_o. Words are little-endian and padded to whole bytes; outputs are 32-bit words.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const size_t bytes_in = std::strtoull(argv[3], nullptr, 10);
  const size_t bytes_out = std::strtoull(argv[4], nullptr, 10);
  std::FILE* inputs = std::fopen(argv[1], "rb");
  std::FILE* outputs = std::fopen(argv[2], "wb");
  if (inputs == nullptr || outputs == nullptr) return 2;

  VerilatedContext context;
  Vtop model{&context};
  if (bytes_in > sizeof(model.in_i) || bytes_out > sizeof(model.out_o)) return 2;
  std::vector<uint8_t> word(bytes_in), result(bytes_out);
  while (std::fread(word.data(), 1, bytes_in, inputs) == bytes_in) {
    model.clk_i = 0;
    std::memset(static_cast<void*>(&model.in_i), 0, sizeof(model.in_i));
    std::memcpy(static_cast<void*>(&model.in_i), word.data(), bytes_in);
    model.eval();
    std::memcpy(result.data(), static_cast<const void*>(&model.out_o), bytes_out);
    if (std::fwrite(result.data(), 1, bytes_out, outputs) != bytes_out) return 1;
    model.clk_i = 1;
    model.eval();
  }
  model.final();
  std::fclose(inputs);
  return std::fclose(outputs) == 0 ? 0 : 1;
}
