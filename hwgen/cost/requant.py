"""The requantizers: hg_requant_scale, hg_requant_pieces, hg_requant_threshold and hg_table."""

from __future__ import annotations

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES, Family
from hwgen.cost.primitives import (
    adder,
    adder_tree,
    carry_chain,
    comparator,
    counter,
    logic,
    multiplier,
    registers,
    rom,
    times,
)
from hwgen.dataflow.unit import MemoryStyle, Unit


def scale_cost(unit: Unit, target: Target) -> Area:
    """hg_requant_scale: a memory of parameters for all lanes, and for each lane product, sums and clip."""
    family, p = FAMILIES[target], dict(unit.parameters)
    style = MemoryStyle(p["RomStyle"])
    read = rom(unit.memories[0], style, family) + registers(p["Lanes"] * p["InWidth"] * style.latency_cycles)
    return read + counter(p["Blocks"], family) + registers(unit.latency_cycles) + times(p["Lanes"], _scale_lane(p, family))


def pieces_cost(unit: Unit, target: Target) -> Area:
    """hg_requant_pieces: as hg_requant_scale, and for each lane a comparison and a choice of parameters a threshold."""
    family, p = FAMILIES[target], dict(unit.parameters)
    bits = max(p["InWidth"] + 1 - p["InSigned"], p["TWidth"])
    compared = times(p["Lanes"] * (p["Pieces"] - 1), comparator(bits - 1, family, constant=p["Blocks"] == 1))
    total = scale_cost(unit, target) + compared + registers(p["Lanes"] * p["InWidth"])
    for lane in range(p["Lanes"]):
        differing = [choice for choice in _choices(unit, lane) if len(choice) > 1]
        # a register is cleared or set where a line has the same bit in all channels
        varied = [[column for column in choice if len(set(column)) > 1] for choice in differing]
        chooses = sum(max(0, len(columns) - 1) for columns in varied) if p["Blocks"] > 1 else 0
        total += logic(chooses, 3, family) + registers(len(differing))
    return total


def _choices(unit: Unit, lane: int) -> set[frozenset[tuple[int, ...]]]:
    """What each bit of a lane's parameters is chosen from: contents of columns of the memory.  Bits that are alike once."""
    p, memory = dict(unit.parameters), unit.memories[0]
    line = (p["MWidth"] > 0) + 1 + p["TwoSums"]
    first = lane * (p["Pieces"] * line + p["Pieces"] - 1)
    found: set[frozenset[tuple[int, ...]]] = set()
    for place in range(line):
        fields = [memory.fields[first + piece * line + place] for piece in range(p["Pieces"])]
        for bit in range(fields[0].bits):
            found.add(frozenset(tuple(int(v) >> bit & 1 for v in field.values) for field in fields))
    return found


def _scale_lane(p: dict[str, int], family: Family) -> Area:
    offsets = 1 + p["TwoSums"]
    a_bits = p["InWidth"] + 1 - p["InSigned"]
    product_bits = a_bits + p["MWidth"]
    sum_bits = max(product_bits, p["BWidth"]) + 1
    term_bits = sum_bits - min(p["Shift"], sum_bits - 1)
    total, absorbed = registers(offsets * term_bits + p["OutWidth"]), False
    if p["MWidth"]:
        constant = p["Blocks"] == 1
        product = multiplier(a_bits, p["MWidth"], product_bits, family)
        absorbed = product.dsps == 1 and family.multiplier is not None and family.multiplier.absorbs
        total += product + registers((0 if absorbed else product_bits) + (0 if constant else offsets * p["BWidth"]))
    total += times(offsets - absorbed, adder(sum_bits - 1, sum_bits - 1, family, constant=p["Blocks"] == 1))
    if p["TwoSums"]:
        total += adder(term_bits, term_bits, family)
    return total if p["Wrap"] else total + _clip(term_bits + p["TwoSums"], p["OutWidth"], p["OutLow"], p["OutHigh"], family)


def _clip(bits: int, out_bits: int, low: int, high: int, family: Family) -> Area:
    """A two's complement integer cut to low ... high: two comparisons with constants, one choice a bit."""
    total = logic(out_bits, 3, family)
    for limit in (low, high + 1):
        whole = limit == 0 or abs(limit) & (abs(limit) - 1) == 0  # only the upper bits matter
        upper = max(1, bits - abs(limit).bit_length() + 1)
        total += Area(luts=-(-upper // 3)) if whole else carry_chain(bits, family) + Area(luts=family.luts_per_adder_bit * bits)
    return total


def threshold_cost(unit: Unit, target: Target) -> Area:
    """hg_requant_threshold: a memory of thresholds, a comparison for each, and a count."""
    family, p = FAMILIES[target], dict(unit.parameters)
    style, lanes, levels = MemoryStyle(p["RomStyle"]), p["Lanes"], p["Levels"]
    total = rom(unit.memories[0], style, family) + registers(lanes * p["InWidth"] * style.latency_cycles)
    total += counter(p["Blocks"], family) + registers(unit.latency_cycles)
    bits = max(p["TWidth"], p["InWidth"] + 1 - p["InSigned"])
    if p["HasInvert"]:
        total += times(lanes, logic(p["InWidth"], 2, family)) + times(lanes * levels, comparator(bits + 2, family))
    elif p["Blocks"] > 1:
        total += times(lanes * levels, comparator(bits - 1, family))
    else:
        for threshold in (int(f.values[0]) for f in unit.memories[0].fields):
            equal_bits = (threshold & -threshold).bit_length() - 1 if threshold else bits - 1  # they decide nothing
            total += comparator(max(1, bits - 1 - equal_bits), family, constant=True)
    total += registers(lanes * levels)
    return total + adder_tree(lanes, levels, 1, p["TreeLevelsPerStage"], family) + registers(lanes * p["OutWidth"])


def table_cost(unit: Unit, target: Target) -> Area:
    """hg_table: one memory a lane."""
    family, p = FAMILIES[target], dict(unit.parameters)
    style = MemoryStyle(p["RomStyle"])
    return times(p["Lanes"], rom(unit.memories[0], style, family)) + registers(style.latency_cycles)
