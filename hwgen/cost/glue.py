"""What stands between the operators: streams' ends, gates, forks, FIFOs and width converters, as their templates are written."""

from __future__ import annotations

from math import gcd

from hwgen.cost.area import Area
from hwgen.cost.family import Family
from hwgen.cost.primitives import counter, function_luts, logic, lut_memory, ram, registers, times, up_down_counter
from hwgen.dataflow.unit import MemoryStyle, beats, memory_style


def reset() -> Area:
    """hg_reset."""
    return Area(luts=1, ffs=1)


def axis_in(beats_per_vector: int, family: Family) -> Area:
    """hg_axis_in."""
    return counter(beats_per_vector, family) + Area(luts=4, ffs=1)


def axis_out(beats_per_vector: int, family: Family) -> Area:
    """hg_axis_out."""
    return counter(beats_per_vector, family)


def gate(beats_per_output: int, family: Family) -> Area:
    """hg_gate."""
    return counter(beats_per_output, family) + Area(luts=2)


def pair_gate() -> Area:
    """hg_pair_gate: readiness of both inputs, and the beginning of an operation."""
    return Area(luts=3)


def stream_fork(outputs: int, family: Family) -> Area:
    """hg_stream_fork: for each output whether it offers the beat, and whether it has it; and whether all have it."""
    all_served = min(function_luts(2 * outputs, family), 2 * outputs)
    # where LUTs are joined to wide functions, each of these is made anew from all outputs' states
    luts = outputs + (outputs + 1) * all_served if family.carry_holds_luts else 2 * outputs + all_served
    return Area(luts=luts, ffs=outputs)


def stream_fifo(width: int, depth: int, family: Family) -> Area:
    """hg_stream_fifo: places, a counter of what is in it, and where to read and write."""
    if depth == 1:
        return Area(luts=3, ffs=1) + lut_memory(depth, width, family)
    address_bits = (depth - 1).bit_length()
    places = up_down_counter(depth, family) + times(2, counter(depth, family)) + Area(luts=address_bits)
    if memory_style(depth, width) is MemoryStyle.BLOCK:
        return places + _block_fifo_memory(depth, width, family)
    if family.lut_memories:
        return places + registers(address_bits) + lut_memory(depth, width, family)
    # where it may become block memory, all its words are counted
    return places + lut_memory(depth if depth == 2 else depth + 2, width, family)


def credit_fifo(width: int, depth: int, family: Family) -> Area:
    """hg_credit_fifo: places, two counters of what is in it, and where to read and write."""
    if depth == 1:
        return Area(luts=5, ffs=2) + lut_memory(depth, width, family)
    address_bits = (depth - 1).bit_length()
    places = times(2, up_down_counter(depth, family)) + times(2, counter(depth, family))
    if memory_style(depth, width) is MemoryStyle.BLOCK:
        return places + _block_fifo_memory(depth, width, family)
    return places + registers(address_bits) + lut_memory(depth, width, family)


def _block_fifo_memory(depth: int, width: int, family: Family) -> Area:
    """The memory of a deep FIFO, the front of two beats, and the choice between both."""
    front = lut_memory(2, width, family) + logic(width, 3, family) + Area(luts=6, ffs=4)
    return ram(depth, width, MemoryStyle.BLOCK, family) + front


def width_converter(width: int, elements: int, in_lanes: int, out_lanes: int, family: Family) -> Area:
    """hg_width_converter: a multiplexer before each place that has more than one source."""
    unit = gcd(in_lanes, out_lanes, elements)
    units, in_units, out_units = elements // unit, in_lanes // unit, out_lanes // unit
    in_beats, out_beats = beats(units, in_units), beats(units, out_units)
    in_tail, out_tail = units - (in_beats - 1) * in_units, units - (out_beats - 1) * out_units
    places = in_units + out_units + min(in_units, out_units) - 1
    bits = unit * width
    total = Area(ffs=places * bits)
    for place in range(places):
        moves = len({step for step in (out_units, out_tail) if place + step < places})
        comes = sum(place - places + in_tail - 1 < u <= place for u in range(in_units))
        total += Area(luts=bits * _place_luts(moves + comes, family))
    if out_tail < out_units:
        total += logic((out_units - out_tail) * bits, 2, family)
    return total + _converter_control(places, in_beats, out_beats, in_tail != in_units, out_tail != out_units, family)


def _converter_control(places: int, in_beats: int, out_beats: int, in_short: bool, out_short: bool, family: Family) -> Area:
    """The count of what is stored; the beats are counted only on a side whose last beat is short."""
    bits = places.bit_length()
    total = Area(luts=bits * (bits + 2) if family.carry_holds_luts else 4 * bits, ffs=bits)
    for beats_, short in ((in_beats, in_short), (out_beats, out_short)):
        if short:
            total += counter(beats_, family) + Area(luts=4 * bits)
    return total


def _place_luts(sources: int, family: Family) -> int:
    """LUTs before one bit that takes its next value from one of so many, or keeps it.  Every source has its own condition."""
    if sources <= 1:
        return 0  # the register's enable does it
    if family.lut_inputs > 4:
        return 1 if sources <= 3 else round(0.55 * sources)
    if family.carry_holds_luts:
        return 4 * (sources - 1) if sources <= 3 else round(1.1 * sources) + 1
    return sources - 1 if sources <= 3 else round(0.85 * sources)
