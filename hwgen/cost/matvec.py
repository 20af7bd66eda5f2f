"""The matrix-vector unit, hg_matvec: weights, multipliers, adder trees, accumulators, and what keeps them in step."""

from __future__ import annotations

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES
from hwgen.cost.primitives import adder_tree, counter, delay, logic, registers, rom
from hwgen.cost.products import Factors, accumulators, products
from hwgen.dataflow.unit import MemoryStyle, Unit, beats


def matvec_cost(unit: Unit, target: Target) -> Area:
    """hg_matvec.  Without bias, as all units are made."""
    family, p = FAMILIES[target], dict(unit.parameters)
    factors = Factors(p["XWidth"], p["XKind"], p["WWidth"], p["WKind"])
    in_lanes, out_lanes, acc_bits = p["InLanes"], p["OutLanes"], p["AccWidth"]
    in_blocks, out_blocks, positions = beats(p["In"], in_lanes), beats(p["Out"], out_lanes), p["Positions"]
    style = MemoryStyle(p["RomStyle"])
    ranks = unit.latency_cycles - style.latency_cycles - 2
    padded_lanes = in_blocks * in_lanes - p["In"]  # in the last block of each position
    x_bits = in_lanes * p["XWidth"]
    side_bits = 2 + (out_blocks - 1).bit_length()
    made = products(factors, unit.memories[0], in_lanes, family)
    absorbed = made.dsps > 0 and family.multiplier is not None and family.multiplier.absorbs
    total = made + rom(unit.memories[0], style, family, absorbed=absorbed)
    total += registers(1 + x_bits * (1 if absorbed else 1 + style.latency_cycles))
    total += delay(side_bits, style.latency_cycles + 1 + ranks, family) + registers(style.latency_cycles + 1 + ranks)
    total += counter(p["Groups"] * positions * in_blocks * out_blocks, family)
    total += counter(in_blocks, family) + counter(out_blocks, family)
    if positions > 1:
        total += counter(positions, family)
        total += delay(int(padded_lanes > 0 and in_blocks > 1), style.latency_cycles, family)  # which block is a position's last
    total += logic(8, 4, family)  # busy, issue, accept and reserve
    total += logic(padded_lanes * p["XWidth"], 2, family)
    # the lowest bit of a bipolar product is always set, where no lane is ever without one
    fixed_bits = int(factors.both_bipolar and not padded_lanes)
    summed_bits, levels = factors.product_bits - fixed_bits, p["TreeLevelsPerStage"]
    total += adder_tree(out_lanes, in_lanes, summed_bits, levels, family, free_level=absorbed)
    return total + accumulators(out_lanes, acc_bits, out_blocks, family)
