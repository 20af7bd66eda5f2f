"""Products of activations and weights, and their running sums: what hg_matvec and hg_reduce are made of."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.cost.area import Area
from hwgen.cost.family import Family
from hwgen.cost.primitives import carry_chain, logic, lut_memory, multiplier, negation, registers, times
from hwgen.dataflow.unit import Memory

_UNSIGNED, _BIPOLAR = 0, 2
_INTEGER, _BIPOLAR_WEIGHT, _TERNARY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Factors:
    """How activations and weights are written: bits and the templates' kinds (hg_product)."""

    x_bits: int
    x_kind: int
    w_bits: int
    w_kind: int

    @property
    def product_bits(self) -> int:
        """Of a product, two's complement."""
        return self.x_bits + (1 if self.w_kind == _TERNARY else self.w_bits)

    @property
    def both_bipolar(self) -> bool:
        """Whether a product is -1 or +1."""
        return self.x_kind == _BIPOLAR and self.w_kind == _BIPOLAR_WEIGHT


def products(f: Factors, weights: Memory, in_lanes: int, family: Family) -> Area:
    """hg_mult_array with its registers.  A negated activation is made once for all rows.

    Rows whose weights of a lane are always the same share the product, unless a multiplier block makes it; those that are
    always zero have none.
    """
    bits = f.product_bits
    integers = f.w_kind == _INTEGER and f.x_kind != _BIPOLAR
    whole = times(len(weights.fields), _integer_product(f, family)) if integers else Area()
    if whole.dsps and family.multiplier is not None:
        return whole if family.multiplier.absorbs else whole + registers(len(weights.fields) * bits)
    codes_zero = f.w_kind != _BIPOLAR_WEIGHT  # there zero bits are -1
    lanes = ((k % in_lanes, field.values) for k, field in enumerate(weights.fields))
    count = len({(lane, values.tobytes()) for lane, values in lanes if values.any() or not codes_zero})
    if f.x_kind == _BIPOLAR and f.w_kind != _INTEGER:
        return logic(count * f.w_bits, 3, family) + registers(count * f.w_bits)
    stored = registers(count * bits)
    if f.x_kind == _BIPOLAR:
        return stored + times(count, negation(f.w_bits + 1, family)) + logic(count * bits, 3, family)
    if integers:
        return stored + times(count, _integer_product(f, family))
    choice = f.w_bits if weights.depth > 1 else 0
    if bits < family.carry_from_bits:
        return stored + logic(count * bits, f.x_bits + choice, family)
    return stored + times(in_lanes, negation(bits, family)) + logic(count * bits, 2 + choice if choice else 0, family)


def _integer_product(f: Factors, family: Family) -> Area:
    """An unsigned activation takes one bit more in a multiplier block, and none where the product is made of LUTs."""
    in_block = multiplier(f.x_bits + (f.x_kind == _UNSIGNED), f.w_bits, f.product_bits, family)
    return in_block if in_block.dsps else multiplier(f.x_bits, f.w_bits, f.product_bits, family)


def accumulators(lanes: int, bits: int, blocks: int, family: Family) -> Area:
    """hg_accumulator: one sum a lane, and the choice of what it is added to."""
    beside_carry = 0 if family.lut_inputs == 6 else 1
    sums = Area(luts=lanes * bits * (beside_carry + family.luts_per_adder_bit)) + times(lanes, carry_chain(bits, family))
    total = sums + registers(lanes * bits + 1) + Area(luts=1)
    if blocks > 1:
        total += lut_memory(blocks, lanes * bits, family)
    return total
