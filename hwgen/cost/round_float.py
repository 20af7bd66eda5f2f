"""hg_round_float: magnitude, leading ones, sum, limit and sign of each lane; a common step of each block."""

from __future__ import annotations

from hwgen.cost.area import Area
from hwgen.cost.family import Family
from hwgen.cost.primitives import adder, comparator, logic, negation, registers, times
from hwgen.dataflow.unit import Unit


def _filling(bits: int, family: Family) -> Area:
    """All bits up to the leading one: each is whether it, or one above it, is set; four at a time, then groups."""
    return logic(bits, 4, family) + logic(-(-bits // 4), min(4, -(-bits // 4)), family)


def _gathered(bits: int, inputs: int, family: Family) -> Area:
    """``bits`` times whether any of so many inputs is set: a tree of LUTs."""
    return Area(luts=bits * -(-(inputs - 1) // (family.lut_inputs - 1)))


def round_float_cost(unit: Unit, family: Family) -> Area:
    """hg_round_float."""
    p = dict(unit.parameters)
    bits = p["InWidth"] + 1
    own = registers(2 * bits + 3 + p["OutWidth"])  # sizes before and after the sum, signs, and the result
    if p["InSigned"]:
        own += negation(bits, family) + negation(p["OutWidth"], family)
    if p["Precision"]:
        own += _filling(bits, family) + registers(2 * bits)
        own += logic(bits, 4, family) + _gathered(1, bits, family)  # cut, and the last bit that is kept
        own += adder(bits, bits, family) + logic(bits, 2, family)
    elif p["Adaptive"]:
        own += registers(bits) + _gathered(1, bits, family) + adder(bits, bits, family) + logic(bits, 2, family)
    else:
        own += adder(bits, 1, family) + registers(bits)
    if p["Greatest"]:
        own += comparator(bits, family, constant=not p["Adaptive"]) + logic(p["OutWidth"], 3, family)
    total = times(p["Lanes"], own) + registers(unit.latency_cycles)
    if p["Adaptive"]:
        blocks = -(-p["Lanes"] // p["Block"])
        gathered = _gathered(bits, p["Block"], family)
        total += times(blocks, gathered + _filling(bits, family) + logic(bits, 3, family) + registers(3 * bits))
    return total
