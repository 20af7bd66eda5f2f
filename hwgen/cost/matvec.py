"""The matrix-vector unit, hg_matvec: weights, multipliers, adder trees, accumulators, and what keeps them in step."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES, Family
from hwgen.cost.primitives import (
    adder_tree,
    carry_chain,
    counter,
    delay,
    logic,
    lut_memory,
    multiplier,
    negation,
    registers,
    rom,
    times,
)
from hwgen.dataflow.unit import Memory, MemoryStyle, Unit, beats

_UNSIGNED, _SIGNED, _BIPOLAR = 0, 1, 2
_INTEGER, _BIPOLAR_WEIGHT, _TERNARY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Factors:
    """How activations and weights are written: bits and the templates' kinds (hg_product)."""

    x_bits: int
    x_kind: int
    w_bits: int
    w_kind: int

    @property
    def product_bits(self) -> int:
        """Of a product, two's complement."""
        return self.x_bits + (1 if self.w_kind == _TERNARY else self.w_bits)


def matvec_cost(unit: Unit, target: Target) -> Area:
    """hg_matvec.  Without bias, as all units are made."""
    family, p = FAMILIES[target], dict(unit.parameters)
    factors = _Factors(p["XWidth"], p["XKind"], p["WWidth"], p["WKind"])
    in_lanes, out_lanes, acc_bits = p["InLanes"], p["OutLanes"], p["AccWidth"]
    in_blocks, out_blocks = beats(p["In"], in_lanes), beats(p["Out"], out_lanes)
    style = MemoryStyle(p["RomStyle"])
    ranks = unit.latency_cycles - style.latency_cycles - 2
    padded_lanes = in_blocks * in_lanes - p["In"]
    x_bits = in_lanes * p["XWidth"]
    side_bits = 2 + (out_blocks - 1).bit_length()
    products = _products(factors, unit.memories[0], in_lanes, family)
    absorbed = products.dsps > 0 and family.multiplier is not None and family.multiplier.absorbs
    total = products + rom(unit.memories[0], style, family, absorbed=absorbed)
    total += registers(1 + x_bits * (1 if absorbed else 1 + style.latency_cycles))
    total += delay(side_bits, style.latency_cycles + 1 + ranks, family) + registers(style.latency_cycles + 1 + ranks)
    total += counter(in_blocks * out_blocks, family) + counter(in_blocks, family) + counter(out_blocks, family)
    total += logic(8, 4, family)  # busy, issue, accept and reserve
    total += logic(padded_lanes * p["XWidth"], 2, family)
    # the lowest bit of a bipolar product is always set, where no lane is ever without one
    fixed_bits = int(factors.x_kind == _BIPOLAR and factors.w_kind == _BIPOLAR_WEIGHT and not padded_lanes)
    summed_bits, levels = factors.product_bits - fixed_bits, p["TreeLevelsPerStage"]
    total += adder_tree(out_lanes, in_lanes, summed_bits, levels, family, free_level=absorbed)
    return total + _accumulators(out_lanes, acc_bits, out_blocks, family)


def _products(f: _Factors, weights: Memory, in_lanes: int, family: Family) -> Area:
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


def _integer_product(f: _Factors, family: Family) -> Area:
    """An unsigned activation takes one bit more in a multiplier block, and none where the product is made of LUTs."""
    in_block = multiplier(f.x_bits + (f.x_kind == _UNSIGNED), f.w_bits, f.product_bits, family)
    return in_block if in_block.dsps else multiplier(f.x_bits, f.w_bits, f.product_bits, family)


def _accumulators(lanes: int, bits: int, blocks: int, family: Family) -> Area:
    """hg_accumulator: one sum a lane, and the choice of what it is added to."""
    beside_carry = 0 if family.lut_inputs == 6 else 1
    sums = Area(luts=lanes * bits * (beside_carry + family.luts_per_adder_bit)) + times(lanes, carry_chain(bits, family))
    total = sums + registers(lanes * bits + 1) + Area(luts=1)
    if blocks > 1:
        total += lut_memory(blocks, lanes * bits, family)
    return total
