"""What stands in a stream: hg_concat, hg_select, hg_reorder, and the line buffer hg_window."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Final

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES, Family
from hwgen.cost.primitives import (
    adder,
    carry_chain,
    comparator,
    counter,
    logic,
    multiplexer,
    ram,
    registers,
    rom_luts,
    times,
)
from hwgen.dataflow.unit import MemoryStyle, Unit

_ENTRY_BITS: Final = 32
"""Bits of an entry of the tables in one parameter."""


def _entries(table: int, count: int, bits: int = _ENTRY_BITS) -> list[int]:
    """The entries of a table in one parameter."""
    return [table >> (bits * k) & ((1 << bits) - 1) for k in range(count)]


def _count_bits(size: int) -> int:
    """Bits of a counter of so many."""
    return max(1, (size - 1).bit_length())


def concat_cost(unit: Unit, target: Target) -> Area:
    """hg_concat: a multiplexer, the turn, and the beats left in it, which a turn begins with a constant of its own."""
    family, p = FAMILIES[target], dict(unit.parameters)
    inputs = p["Inputs"]
    left, turn_bits = max(_entries(p["Beats"], inputs)), _count_bits(inputs)
    left_bits = _count_bits(left)
    if family.carry_holds_luts and left_bits >= family.carry_from_bits:
        total = Area(luts=_gate_luts(left_bits, family), ffs=left_bits) + carry_chain(left_bits, family)
    else:
        total = counter(left, family)
    if left > 1 and inputs > 1:
        total += logic(left_bits, 2 + turn_bits, family)
    total += multiplexer(p["Width"] + 1, inputs, family) + logic(inputs, 1 + turn_bits, family)
    return total + counter(inputs, family) + Area(luts=3 * (family.lut_inputs == 4))


def select_cost(unit: Unit, target: Target) -> Area:
    """hg_select: counters, of which only those remain that a bound needs, and the bounds."""
    family, p = FAMILIES[target], dict(unit.parameters)
    narrow = family.lut_inputs == 4
    total, needed = Area(luts=4 if narrow else 1), False
    for name in ("Row", "Col", "Block"):
        size, bits = p[f"{name}s"], _count_bits(p[f"{name}s"])
        bounds = [bound for bound in (p[f"{name}First"], p[f"{name}Last"] + 1) if 0 < bound < size]
        needed = needed or bool(bounds)
        total += sum((_at_least(bound, bits, family) for bound in bounds), Area())
        if needed and size > 1:
            total += counter(size, family) + Area(luts=2 * narrow)
    return total


def _gate_luts(inputs: int, family: Family) -> int:
    """LUTs that find whether all of so many bits are as they should be."""
    return -(-(inputs - 1) // (family.lut_inputs - 1))


def _at_least(bound: int, bits: int, family: Family) -> Area:
    """Whether an integer of so many bits is at least a constant, whose lowest zeros decide nothing."""
    deciding = bits - ((bound & -bound).bit_length() - 1)
    if bound & (bound - 1) == 0 or deciding < family.lut_inputs:
        return Area(luts=max(1, _gate_luts(deciding, family)))
    return comparator(deciding, family, constant=True)


def _steps(counts: list[int], strides: list[int]) -> list[int]:
    """What the address is stepped by where each loop goes on, and where a block ends."""
    back = [sum((c - 1) * s for c, s in zip(counts[k + 1 :], strides[k + 1 :], strict=True)) for k in range(len(counts))]
    return [s - b for c, s, b in zip(counts, strides, back, strict=True) if c > 1] + [1]


def reorder_cost(unit: Unit, target: Target) -> Area:
    """hg_reorder: the memory, a counter a loop, and an address that is stepped by a constant of the loop that goes on."""
    family, p = FAMILIES[target], dict(unit.parameters)
    depth, style = p["Banks"] * p["Words"], MemoryStyle(p["RamStyle"])
    counts, strides = (_entries(p[name], p["Loops"]) for name in ("Counts", "Strides"))
    bits = _count_bits(depth)
    total = ram(depth, p["Width"], style, family) + registers(style.latency_cycles + p["Banks"].bit_length())
    total += sum((counter(turns, family) for turns in counts), Area())
    total += counter(depth, family) + Area(luts=p["Banks"] * _gate_luts(bits, family))
    total += adder(bits - 1, bits - 1, family, constant=True) + registers(bits)
    steps = _steps(counts, strides)
    chosen = sum(len({step >> bit & 1 for step in steps}) > 1 for bit in range(bits))
    return total + logic(chosen, min(len(steps), family.lut_inputs), family) + Area(luts=8 if family.lut_inputs == 4 else 3)


@dataclass(frozen=True, slots=True)
class _Axis:
    """hg_window along rows or columns.  bits: of a position; even: of the lowest of them, how many never change between windows.
    step_bits: of a step from a table, else 0.  pitch: words from one position to the next.  looks: a window has several taps;
    leaves: some lie outside the image.
    """

    windows: int
    step_bits: int
    bits: int
    even: int
    pitch: int
    looks: bool
    leaves: bool


def _zeros(number: int) -> int:
    """Zero bits at its lower end; of zero, more than anything has."""
    return (number & -number).bit_length() - 1 if number else 64


def _axis(p: dict[str, int], name: str, room: int, pitch: int) -> _Axis:
    """As the template finds the bits of positions."""
    size, start, windows = p[f"{name}s"], p[f"{name}Start"], p[f"Out{name}s"]
    extent = p[f"Dilation{name}s"] * (p[f"Kernel{name}s"] - 1) + 1
    step_bits = p.get("StepWidth", 0)
    steps = _entries(p[f"{name}Steps"], windows - 1, step_bits) if step_bits else [p[f"{name}Step"]] * (windows - 1)
    most = (1 << step_bits) - 1 if step_bits else p[f"{name}Step"]
    bits = max(abs(start) + (windows - 1) * most + extent, room).bit_length() + 1
    leaves = start < 0 or start + sum(steps) + extent > size
    return _Axis(windows, step_bits, bits if leaves else bits - 1, min(_zeros(gcd(*steps)), bits), pitch, extent > 1, leaves)


def _around(bits: int, family: Family) -> Area:
    """A sum of two addresses on a ring; the comparison is that of the difference."""
    return times(2, adder(bits, bits, family, constant=True)) + logic(bits, 2, family)


def _walk(axis: _Axis, address: int, family: Family, *, ring: bool) -> Area:
    """hg_window_axis: the next window's place, and what is known of it."""
    if axis.windows == 1:
        return Area()
    bits, steps = axis.bits - axis.even, max(1, address - _zeros(axis.pitch << axis.even))
    total = counter(axis.windows, family) + registers((3 + axis.leaves) * bits + (3 if ring else 1) * steps + 1 + axis.leaves)
    total += adder(bits - 1, bits - 1, family, constant=True) + logic(bits, 3, family)
    total += Area(luts=round(axis.step_bits * rom_luts(_count_bits(axis.windows), family)))
    if axis.looks:
        total += adder(bits - 1, bits - 1, family, constant=True)
    total += times(2, comparator(bits, family, constant=True)) + logic(bits, 3, family)
    if ring:
        return total + times(2, _around(steps, family))
    return total + adder(steps - 1, steps - 1, family, constant=True) + logic(steps, 2, family)


def window_cost(unit: Unit, target: Target) -> Area:
    """hg_window: the lines, a walk along the windows of rows and of columns, and one along the taps of a window."""
    family, p = FAMILIES[target], dict(unit.parameters)
    style, word = MemoryStyle(p["RamStyle"]), p["Lanes"] * p["Width"]
    blocks, depth = p["Blocks"], p["Slots"] * p["Cols"] * p["Blocks"]
    address = _count_bits(depth)
    rows = _axis(p, "Row", p["Rows"] + p["Slots"], p["Cols"] * blocks)
    cols = _axis(p, "Col", p["Cols"], blocks)
    total = ram(depth, word, style, family) + registers(2 * style.latency_cycles + 1)
    total += Area(luts=50 if family.lut_inputs == 4 else 12)  # who moves
    total += _walk(rows, address, family, ring=True) + _walk(cols, address, family, ring=False)
    # the writer
    total += registers(rows.bits) + adder(rows.bits - 1, rows.bits - 1, family)
    total += sum((counter(n, family) for n in (blocks, p["Cols"], depth) if n > 1), Area())
    total += times(2, comparator(rows.bits, family))
    if p["Cols"] > 1:
        total += times(2, comparator(cols.bits, family))
    # the reader
    turns = (blocks // p["Groups"], p["KernelCols"], p["KernelRows"], p["Groups"])
    total += sum((counter(n, family) for n in turns if n > 1), Area())
    total += registers(rows.bits + cols.bits + 3 * address) + adder(address - 1, address - 1, family)
    for axis in (rows, cols):
        if axis.looks:
            total += adder(axis.bits - 1, axis.bits - 1, family, constant=True)
        total += logic(axis.bits, 4 if axis.looks else 0, family)
    if rows.looks:
        total += _around(address - min(_zeros(rows.pitch), address - 1), family)
    if cols.looks or blocks > 1:
        total += adder(address - 1, address - 1, family, constant=True) + logic(address, 5, family)
    if rows.leaves or cols.leaves:
        total += Area(luts=word)
    return total
