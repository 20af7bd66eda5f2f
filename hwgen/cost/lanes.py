"""What works lane by lane: hg_reduce, over the beats of a window, and hg_eltwise, on two streams."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES, Family
from hwgen.cost.primitives import (
    adder,
    comparator,
    counter,
    delay,
    logic,
    multiplier,
    negation,
    registers,
    rom,
    times,
)
from hwgen.cost.products import Factors, accumulators, products
from hwgen.dataflow.unit import MemoryStyle, Unit

_MAXIMUM, _WEIGHTED = 0, 2
_SUM, _PRODUCT = 0, 1


def reduce_cost(unit: Unit, target: Target) -> Area:
    """hg_reduce: a count of taps, and for each lane what has been seen of its window.  Of one tap it is a register."""
    family, p = FAMILIES[target], dict(unit.parameters)
    lanes, width, several = p["Lanes"], p["Width"], p["Taps"] > 1
    total = counter(p["Taps"], family) + registers(1) if several else Area()
    if p["Kind"] == _MAXIMUM:
        return total + times(lanes * several, _replacing(width, family)) + registers(lanes * width + 1)
    if p["Kind"] != _WEIGHTED:
        return total + _sums(lanes, width + 1 - p["Signed"], p["OutWidth"], several, family)
    style, factors = MemoryStyle(p["RomStyle"]), Factors(width, p["XKind"], p["WWidth"], p["WKind"])
    made = products(factors, unit.memories[0], lanes, family)
    absorbed = made.dsps > 0 and family.multiplier is not None and family.multiplier.absorbs
    total += made + rom(unit.memories[0], style, family, absorbed=absorbed) + counter(unit.memories[0].depth, family)
    total += delay(2 * several, style.latency_cycles + 1, family) + registers(style.latency_cycles + 1)
    if absorbed:  # the sum lies in the block as well, and the activation before it
        return total + registers(1)
    total += registers(lanes * width * style.latency_cycles)
    return total + _sums(lanes, factors.product_bits, p["OutWidth"], several, family)


def _sums(lanes: int, term_bits: int, bits: int, several: bool, family: Family) -> Area:
    return accumulators(lanes, bits, 1, family) if several else registers(lanes * min(term_bits, bits) + 1)


def _replacing(bits: int, family: Family) -> Area:
    """Whether an element takes the place of the greatest before it: one function where it is narrow."""
    apart = comparator(bits, family) + logic(1, 3, family)
    return min(apart, logic(1, 2 * bits + 2, family), key=lambda area: area.luts)


@dataclass(frozen=True, slots=True)
class _Operand:
    """x * mul + off, x of ``bits`` bits, two's complement where signed."""

    bits: int
    is_signed: bool
    mul: int
    off: int

    @property
    def code_bits(self) -> int:
        """Of x, two's complement."""
        return self.bits + (not self.is_signed)

    @property
    def value_bits(self) -> int:
        """Two's complement bits of all its values."""
        least = -(1 << (self.bits - 1)) if self.is_signed else 0
        ends = (least * self.mul + self.off, (least + (1 << self.bits) - 1) * self.mul + self.off)
        return 1 + max((v if v >= 0 else ~v).bit_length() for v in ends)

    @property
    def fixed_bits(self) -> int:
        """Low bits that the factor leaves constant."""
        return (self.mul & -self.mul).bit_length() - 1 if self.mul else self.value_bits

    @property
    def varying_bits(self) -> int:
        """Bits to be stored: a sign that is never set is none."""
        plain = not self.is_signed and self.mul > 0 and self.off == 0 and self.mul == self.mul & -self.mul
        return self.value_bits - self.fixed_bits - plain

    def cost(self, kept_bits: int, family: Family) -> Area:
        """Its logic."""
        if not self.mul:
            return Area()
        factor = self.mul >> self.fixed_bits
        made = _constant_product(self.code_bits, factor, kept_bits - self.fixed_bits, family)
        if not self.off or (made.dsps and family.multiplier is not None and family.multiplier.absorbs):
            return made
        low = max(self.fixed_bits, (self.off & -self.off).bit_length() - 1)
        bits = max(1, kept_bits - low - 1)
        return made + adder(bits, bits, family, constant=True)


def _constant_product(bits: int, factor: int, product_bits: int, family: Family) -> Area:
    """Product with an odd constant: of a multiplier block, or one adder for each further bit that is set in the constant."""
    if factor == 1:
        return Area()
    if factor == -1:
        return negation(bits, family)
    made = multiplier(bits, factor.bit_length() + 1, min(product_bits, bits + factor.bit_length() + 1), family)
    if made.dsps:
        return made
    set_bits = factor.bit_count() if factor > 0 else 1 + (-factor).bit_count()
    return times(set_bits - 1, adder(bits, bits, family))


def eltwise_cost(unit: Unit, target: Target) -> Area:
    """hg_eltwise: two scaled operands, and what is made of them."""
    family, p = FAMILIES[target], dict(unit.parameters)
    out_bits, absorbs = p["OutWidth"], family.multiplier is not None and family.multiplier.absorbs
    operands = [_Operand(p[f"{x}Width"], bool(p[f"{x}Signed"]), p[f"{x}Mul"], p[f"{x}Off"]) for x in "AB"]
    whole = p["Kind"] not in (_SUM, _PRODUCT)
    kept = [o.value_bits if whole else min(o.value_bits, out_bits) for o in operands]
    lane, stored = Area(), out_bits
    for operand, bits in zip(operands, kept, strict=True):
        made = operand.cost(bits, family)
        lane += made
        stored += 0 if made.dsps and absorbs else max(0, min(operand.varying_bits, bits - operand.fixed_bits))
    if p["Kind"] == _SUM:
        fixed = min(min(o.fixed_bits for o in operands), out_bits)
        a, b = (max(0, min(bits, out_bits - 1) - fixed) for bits in kept)
        lane += adder(a, b, family)
        stored -= fixed
    elif p["Kind"] == _PRODUCT:
        made = multiplier(kept[0], kept[1], out_bits, family)
        lane, stored = lane + made, 0 if made.dsps == 1 and absorbs else stored
    else:
        lane += comparator(max(kept), family) + logic(out_bits, 3, family)
    return times(p["Lanes"], lane + registers(stored)) + registers(2)
