"""What small pieces of hardware cost, from their sizes: the words in which operators write their estimates.

All functions are of structure alone; no synthesis is run.  Sizes are in bits unless the name says otherwise.
"""

from __future__ import annotations

from typing import Final

from hwgen.cost.area import Area
from hwgen.cost.family import BlockShape, Family, LutMemory
from hwgen.dataflow.unit import Memory, MemoryStyle


def times(count: int, area: Area) -> Area:
    """``count`` copies."""
    return Area(area.luts * count, area.ffs * count, area.carries * count, area.dsps * count, area.brams * count)


def registers(bits: int) -> Area:
    """Flip-flops."""
    return Area(ffs=bits)


def delay(bits: int, cycles: int, family: Family) -> Area:
    """A row of registers that nothing resets."""
    if family.shift_registers_from and cycles >= family.shift_registers_from:
        return Area(luts=bits * -(-cycles // 16))
    return Area(ffs=bits * cycles)


def function_luts(inputs: int, family: Family) -> int:
    """LUTs of one function of so many inputs that has no structure to use.  One input is a wire."""
    if inputs <= 1:
        return 0
    if inputs <= family.lut_inputs:
        return 1
    if inputs <= family.wide_inputs:
        return 1 << (inputs - family.lut_inputs)
    return 2 * function_luts(inputs - 1, family) + 1


def logic(bits: int, inputs: int, family: Family) -> Area:
    """``bits`` functions of ``inputs`` inputs each."""
    return Area(luts=bits * function_luts(inputs, family))


def multiplexer_luts(choices: int, family: Family) -> int:
    """LUTs of one bit chosen from so many, by an encoded address."""
    if choices <= 1:
        return 0
    if family.lut_inputs > 4:
        return -(-choices // 4) + (choices > 6)
    if not family.carry_holds_luts:
        return -(-(4 * choices - 5) // 5)
    return {2: 1, 3: 2, 4: 4, 5: 3, 7: 7, 8: 6}.get(choices, choices + choices // 4)


def multiplexer(bits: int, choices: int, family: Family) -> Area:
    """``bits`` bits chosen from so many words."""
    return Area(luts=bits * multiplexer_luts(choices, family))


# --- arithmetic -------------------------------------------------------------------------------------------------------


def carry_chain(bits: int, family: Family) -> Area:
    """The carry cells of so many bits, with the LUTs that are part of them."""
    cells = -(-bits // family.carry_bits)
    return Area(luts=cells * family.luts_per_carry_cell, carries=cells)


_SMALL_ADDER_LUTS: Final = (0, 2, 3, 5)
"""LUTs of four inputs for the sum of two integers of 1, 2 and 3 bits."""


def adder(a: int, b: int, family: Family, *, constant: bool = False) -> Area:
    """Sum of two integers of a and b bits, one bit more than the wider; nothing where one has no bits.

    constant: one of them is; where LUTs stand beside the carry chain, only half of them are left, to invert.
    """
    wide = max(a, b)
    if min(a, b) == 0:
        return Area()
    if wide + 1 < family.carry_from_bits:
        return Area(luts=_SMALL_ADDER_LUTS[wide])
    halves = 1 if constant and family.lut_inputs > 4 else 2
    return Area(luts=family.luts_per_adder_bit * wide * halves // 2) + carry_chain(wide + 1, family)


def negation(bits: int, family: Family) -> Area:
    """The negative of an integer, in so many bits; the choice between both is not in it."""
    if family.carry_holds_luts:
        return carry_chain(bits, family) if bits >= family.carry_from_bits else Area()
    if family.lut_inputs > 4:
        return Area(luts=bits) + carry_chain(bits, family)
    return Area(luts=(3 * bits + 1) // 2) + carry_chain(bits - 1, family)


def comparator(bits: int, family: Family, *, constant: bool = False) -> Area:
    """Whether one integer is at least another, both of so many bits.  constant: one of them is."""
    if family.lut_inputs > 4:  # three pairs of bits are told by two LUTs: greater, and equal
        groups = -(-bits // 3)
        return Area(luts=-(-2 * groups // 3) if constant else 2 * groups, carries=-(-groups // family.carry_bits))
    return Area(luts=family.luts_per_adder_bit * bits + 1) + carry_chain(bits - 1, family)


_SMALL_COUNTER_LUTS: Final = (0, 1, 3, 5, 11)
"""LUTs of four inputs of a counter of so many bits that is too narrow for carry cells."""


def counter(modulus: int, family: Family) -> Area:
    """Counts 0 ... modulus - 1 where enabled."""
    bits = max(1, (modulus - 1).bit_length())
    if bits < family.carry_from_bits:
        return Area(luts=_SMALL_COUNTER_LUTS[bits], ffs=bits)
    if family.lut_inputs > 4:
        wraps_itself = modulus == 1 << bits
        return Area(luts=3 if wraps_itself else 3 + (bits + 1) // 2, ffs=bits) + carry_chain(bits, family)
    return Area(luts=bits + (bits + 2) // 3 + 1, ffs=bits) + carry_chain(bits, family)


_SMALL_UP_DOWN_LUTS: Final = (0, 3, 7, 14, 24)
"""The same for a counter in both directions, with its two comparisons."""


def up_down_counter(maximum: int, family: Family) -> Area:
    """Counts 0 ... maximum in either direction, and knows both ends."""
    bits = maximum.bit_length()
    if family.lut_inputs > 4:
        return Area(luts=bits + 3, ffs=bits) + carry_chain(bits, family)
    if bits < family.carry_from_bits:
        return Area(luts=_SMALL_UP_DOWN_LUTS[bits], ffs=bits)
    return Area(luts=2 * bits + 10, ffs=bits) + times(2, carry_chain(bits, family))


def _group_sum(terms: list[int], family: Family, *, free_level: bool = False) -> tuple[Area, int]:
    """The sum of a few integers of so many bits each, combinational: its cost and its bits.  free_level: without the first sums."""
    total, inputs = Area(), sum(terms)
    while len(terms) > 1:
        pairs = list(zip(terms[::2], terms[1::2], strict=False))
        total = total if free_level else sum((adder(a, b, family) for a, b in pairs), total)
        free_level = False
        terms = [max(a, b) + 1 for a, b in pairs] + (terms[-1:] if len(terms) % 2 else [])
    if inputs <= family.lut_inputs < family.carry_from_bits:  # narrow sums are made of LUTs, and these take all of them
        return Area(luts=terms[0] if total.luts else 0), terms[0]
    return total, terms[0]


def adder_tree(
    lanes: int, inputs: int, width: int, levels_per_rank: int, family: Family, *, free_level: bool = False
) -> Area:
    """Trees of ``inputs`` integers of ``width`` bits, registered every few levels; valids and side bits are not in it.

    free_level: the sums of two inputs are made elsewhere.
    """
    terms = [width] * inputs
    total = Area()
    while len(terms) > 1:
        size = 1 << levels_per_rank
        groups = [terms[k : k + size] for k in range(0, len(terms), size)]
        terms = []
        for group in groups:
            cost, bits = _group_sum(group, family, free_level=free_level)
            total += cost + registers(bits)
            terms.append(bits)
        free_level = False
    return times(lanes, total)


def multiplier(a: int, b: int, product: int, family: Family) -> Area:
    """Product of ``product`` bits of two signed integers of a and b bits: of multiplier blocks where these serve, else of LUTs.

    A factor too wide for a block is cut; all but the lowest bits of a piece's product are added to the rest.
    """
    block = family.multiplier
    wide, narrow = max(a, b), min(a, b)
    if block is None or narrow < 2 or product < block.product_from_bits:
        return Area(luts=_multiplier_luts(wide, narrow, family)) + carry_chain(max(0, a + b - 3), family)
    if wide > block.a_bits:
        return _in_pieces(wide, narrow, block.a_bits, block.sign_bit, family)
    if narrow > block.b_bits:
        return _in_pieces(narrow, wide, block.b_bits, block.sign_bit, family)
    return Area(dsps=1)


def _in_pieces(factor: int, other: int, limit: int, sign_bit: int, family: Family) -> Area:
    step = limit - sign_bit
    whole = -(-(factor - limit) // step)
    last = factor - whole * step
    total = times(whole, multiplier(limit, other, limit + other, family)) + multiplier(last, other, last + other, family)
    for piece in range(1, whole + 1):
        bits = factor + other - piece * step
        total += adder(bits - 1, bits - 1, family)
    return total


_PARTIAL_PRODUCT_LUTS: Final = (0.0, 1.0, 1.0, 1.2, 1.2)
"""LUTs of six inputs for each product of two bits, by the bits of the narrower factor; blocks take over where both are wide."""


def _multiplier_luts(wide: int, narrow: int, family: Family) -> int:
    if family.lut_inputs > 4:
        return round(wide * narrow * _PARTIAL_PRODUCT_LUTS[min(narrow, 4)])
    return wide * narrow if narrow == 1 else max(narrow, round(2.53 * wide * narrow) - 3)


# --- memories ---------------------------------------------------------------------------------------------------------


def lut_memory(depth: int, width: int, family: Family) -> Area:
    """A memory that is written and read, without a register, at once."""

    def made_of(kind: LutMemory) -> Area:
        banks = -(-depth // kind.depth)
        return Area(luts=banks * -(-width // kind.width_bits) * kind.luts) + multiplexer(width, banks, family)

    if not family.lut_memories:
        blocks = block_memory(depth, width, family)
        if (depth - 2) * width > family.bits_worth_a_block * blocks.brams:  # and a way around it for what is just written
            return blocks + Area(luts=width, ffs=width + 1)
        return Area(luts=depth, ffs=depth * width) + multiplexer(width, depth, family)
    return min((made_of(kind) for kind in family.lut_memories), key=lambda area: area.luts)


def block_memory(depth: int, width: int, family: Family, *, written: bool = False) -> Area:
    """A block memory without its output register: the shape that takes the fewest blocks, then the deepest.

    A memory deeper than the shape stands side by side in it, and a multiplexer chooses.  written: it has a port to write too; then
    what stands side by side begins at bits that can be written alone, and the port chooses as well.
    """

    def taken(shape: BlockShape) -> tuple[int, int]:
        banks = -(-depth // shape.depth)
        unit = min(family.write_bits, shape.width_bits) if written and banks > 1 else 1
        return -(-banks * -(-width // unit) * unit // shape.width_bits) * shape.blocks, banks

    count, banks = min(map(taken, family.block_shapes))
    chooses = Area(luts=banks) if written and banks > 1 else Area()
    return Area(brams=count, ffs=(banks - 1).bit_length()) + multiplexer(width, banks, family) + chooses


def ram(depth: int, width: int, style: MemoryStyle, family: Family) -> Area:
    """hg_ram: one port to write, one to read, with the register of what is read."""
    if style is MemoryStyle.BLOCK:
        return block_memory(depth, width, family, written=True) + registers(width)
    return lut_memory(depth, width, family) + registers(width)


def _columns(memory: Memory) -> list[int]:
    """Each bit of the word as a number whose bit k is its value in word k."""
    columns: list[int] = []
    for field in memory.fields:
        values = [int(v) for v in field.values]
        columns += [sum((v >> bit & 1) << k for k, v in enumerate(values)) for bit in range(field.bits)]
    return columns


def _column_inputs(column: int, depth: int) -> int:
    """Address bits that a column depends on; 0 for a constant."""
    count = 0
    for bit in range((depth - 1).bit_length()):
        step = 1 << bit
        if any((column >> k ^ column >> (k + step)) & 1 for k in range(depth - step) if not k & step):
            count += 1
    return count


def rom(memory: Memory, style: MemoryStyle, family: Family, *, absorbed: bool = False) -> Area:
    """A read-only memory with its output registers; columns that are alike are built once, constant ones not at all.

    absorbed: the output register of a block memory lies in what reads it.
    """
    depth = memory.depth
    if style is MemoryStyle.BLOCK:
        return block_memory(depth, memory.width_bits, family) + registers(0 if absorbed else memory.width_bits)
    inputs = [_column_inputs(c, depth) for c in set(_columns(memory))]
    return Area(luts=round(sum(rom_luts(n, family) for n in inputs)), ffs=sum(n > 0 for n in inputs))


_PLAIN_ROM_INPUTS: Final = 4
"""Address bits up to which a bit of a memory is one LUT."""


def rom_luts(inputs: int, family: Family) -> float:
    """LUTs of one bit of a memory, of so many address bits.

    A memory is seldom what limits the clock. Yosys then maps it for little depth only where that is cheap, and shares logic between
    its bits: wide multiplexers are hardly used, and a bit takes more than the smallest tree of LUTs.
    """
    if inputs <= family.lut_inputs and inputs <= _PLAIN_ROM_INPUTS:
        return function_luts(inputs, family)
    if family.lut_inputs > 4:
        return 1.5 if inputs == 5 else 4.1 if inputs == 6 else 3.2 * 2 ** (inputs - 6)
    if family.carry_holds_luts:
        return 2.2 if inputs == 5 else 5.2 if inputs == 6 else 1.2 * 2 ** (inputs - 4)
    return (1.8 if inputs == 5 else 2.2) * 2 ** (inputs - 4)
