"""hg_argmax: a tree of comparisons, and the best so far."""

from __future__ import annotations

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES
from hwgen.cost.primitives import comparator, counter, logic, registers, times
from hwgen.dataflow.unit import Unit


def argmax_cost(unit: Unit, target: Target) -> Area:
    """hg_argmax."""
    family, p = FAMILIES[target], dict(unit.parameters)
    lanes, key_bits, index_bits = p["Lanes"], p["Width"] + 1, p["IndexWidth"]
    candidate_bits = key_bits + index_bits
    compare, choose = comparator(key_bits, family), logic(candidate_bits, 3, family)
    levels = (lanes - 1).bit_length()
    inner = sum(-(-lanes // (1 << level)) for level in range(1, levels + 1))
    total = times(lanes, compare) + times(lanes - 1, choose) + registers((inner + 1) * candidate_bits + 3 * levels + 1)
    padded = unit.in_beats * lanes - p["Elements"]
    if family.lut_inputs == 4:  # else the LUTs that compare take these as well
        total += logic(padded * p["Width"], 2, family)
        total += times(lanes if family.carry_holds_luts else 1, choose)
    return total + counter(unit.in_beats, family) + (logic(index_bits * lanes, 3, family) if unit.in_beats > 1 else Area())
