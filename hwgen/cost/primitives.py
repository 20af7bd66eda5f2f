"""What small pieces of hardware cost, from their sizes: the words in which operators write their estimates.

All functions are of structure alone; no synthesis is run.  Sizes are in bits unless the name says otherwise.
"""

from __future__ import annotations

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
    if family.lut_inputs == 6:
        return -(-choices // 4) + (choices > 8)
    if family.wide_inputs == family.lut_inputs:
        return -(-(4 * choices - 5) // 5)
    return {2: 1, 3: 2, 4: 4, 5: 3}.get(choices, choices + choices // 4)


def multiplexer(bits: int, choices: int, family: Family) -> Area:
    """``bits`` bits chosen from so many words."""
    return Area(luts=bits * multiplexer_luts(choices, family))


# --- arithmetic -------------------------------------------------------------------------------------------------------


def carry_chain(bits: int, family: Family) -> Area:
    """The carry cells of so many bits, with the LUTs that are part of them."""
    cells = -(-bits // family.carry_bits)
    return Area(luts=cells * family.luts_per_carry_cell, carries=cells)


_SMALL_ADDER_LUTS = (0, 2, 3, 10)
"""LUTs of four inputs for the sum of two integers of 1, 2 and 3 bits."""


def adder(a: int, b: int, family: Family) -> Area:
    """Sum of two integers of a and b bits, one bit more than the wider; nothing where one has no bits."""
    wide = max(a, b)
    if min(a, b) == 0:
        return Area()
    if wide + 1 < family.carry_from_bits:
        return Area(luts=_SMALL_ADDER_LUTS[wide])
    return Area(luts=family.luts_per_adder_bit * wide) + carry_chain(wide + 1, family)


def negation(bits: int, family: Family) -> Area:
    """The negative of an integer, in so many bits; the choice between both is not in it."""
    if family.wide_inputs > family.lut_inputs == 4:
        return carry_chain(bits, family) if bits >= family.carry_from_bits else Area()
    if family.lut_inputs > 4:
        return Area(luts=bits) + carry_chain(bits, family)
    return Area(luts=(3 * bits + 1) // 2) + carry_chain(bits - 1, family)


def comparator(bits: int, family: Family) -> Area:
    """Whether one integer is at least another, both of so many bits."""
    if family.lut_inputs > 4:  # three pairs of bits are told by two LUTs: greater, and equal
        groups = -(-bits // 3)
        return Area(luts=2 * groups, carries=-(-groups // family.carry_bits))
    return Area(luts=family.luts_per_adder_bit * bits + 1) + carry_chain(bits - 1, family)


_SMALL_COUNTER_LUTS = (0, 1, 3, 5, 11)
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


_SMALL_UP_DOWN_LUTS = (0, 3, 7, 14, 24)
"""The same for a counter in both directions, with its two comparisons."""


def up_down_counter(maximum: int, family: Family) -> Area:
    """Counts 0 ... maximum in either direction, and knows both ends."""
    bits = maximum.bit_length()
    if family.lut_inputs > 4:
        return Area(luts=bits + 3, ffs=bits) + carry_chain(bits, family)
    if bits < family.carry_from_bits:
        return Area(luts=_SMALL_UP_DOWN_LUTS[bits], ffs=bits)
    return Area(luts=2 * bits + 10, ffs=bits) + times(2, carry_chain(bits, family))


def adder_tree(lanes: int, inputs: int, width: int, levels_per_rank: int, family: Family) -> Area:
    """Trees of ``inputs`` integers of ``width`` bits, registered every few levels; valids and side bits are not in it."""
    terms = [width] * inputs
    total = Area()
    while len(terms) > 1:
        for _ in range(levels_per_rank):
            pairs = list(zip(terms[::2], terms[1::2], strict=False))
            for a, b in pairs:
                total += adder(a, b, family)
            terms = [max(a, b) + 1 for a, b in pairs] + (terms[-1:] if len(terms) % 2 else [])
            if len(terms) == 1:
                break
        total += registers(sum(terms))
    return times(lanes, total)


def multiplier_blocks(a: int, b: int, product: int, family: Family) -> int:
    """Multiplier blocks for a product of ``product`` bits of signed factors of a and b bits; 0: it is made of LUTs."""
    block = family.multiplier
    wide, narrow = max(a, b), min(a, b)
    if block is None or narrow < 2 or product < block.product_from_bits:
        return 0
    if wide > block.a_bits:
        step = block.a_bits - block.sign_bit
        pieces = (wide - block.a_bits + step - 1) // step
        last = wide - pieces * step
        full = multiplier_blocks(block.a_bits, narrow, block.a_bits + narrow, family)
        return pieces * full + multiplier_blocks(last, narrow, last + narrow, family)
    if narrow > block.b_bits:
        step = block.b_bits - block.sign_bit
        pieces = (narrow - block.b_bits + step - 1) // step
        last = narrow - pieces * step
        return pieces * multiplier_blocks(wide, block.b_bits, wide + block.b_bits, family) + multiplier_blocks(
            wide, last, wide + last, family
        )
    return 1


def multiplier(a: int, b: int, product: int, family: Family) -> Area:
    """Product of two integers of a and b bits; see `multiplier_blocks`."""
    blocks = multiplier_blocks(a, b, product, family)
    if blocks:
        return Area(dsps=blocks)
    return Area(luts=_multiplier_luts(max(a, b), min(a, b), family)) + carry_chain(max(0, a + b - 3), family)


_PARTIAL_PRODUCT_LUTS = (0.0, 1.0, 1.0, 1.25, 1.8)
"""LUTs of six inputs for each product of two bits, by the bits of the narrower factor; blocks take over where both are wide."""


def _multiplier_luts(wide: int, narrow: int, family: Family) -> int:
    if family.lut_inputs > 4:
        return round(wide * narrow * _PARTIAL_PRODUCT_LUTS[min(narrow, 4)])
    return wide * narrow if narrow == 1 else max(narrow, round(2.53 * wide * narrow) - 3)


# --- memories ---------------------------------------------------------------------------------------------------------


def lut_memory(depth: int, width: int, family: Family, *, shared_address: bool = False) -> Area:
    """A memory that is written and read, without a register, at once.  shared_address: both at one address."""
    kinds = family.shared_lut_memories if shared_address else ()

    def made_of(kind: LutMemory) -> Area:
        banks = -(-depth // kind.depth)
        return Area(luts=banks * -(-width // kind.width_bits) * kind.luts) + multiplexer(width, banks, family)

    kinds = kinds or family.lut_memories
    if not kinds:
        return Area(luts=depth, ffs=depth * width) + multiplexer(width, depth, family)
    return min((made_of(k) for k in kinds), key=lambda area: area.luts)


def block_memory(depth: int, width: int, family: Family) -> Area:
    """A read-only block memory without its output register: the shape that takes the fewest blocks, then the deepest.

    A memory deeper than the shape stands side by side in it, and a multiplexer chooses.
    """

    def taken(shape: BlockShape) -> tuple[int, int]:
        banks = -(-depth // shape.depth)
        return -(-banks * width // shape.width_bits) * shape.blocks, banks

    count, banks = min(map(taken, family.block_shapes))
    return Area(brams=count, ffs=(banks - 1).bit_length()) + multiplexer(width, banks, family)


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


def rom(memory: Memory, style: MemoryStyle, family: Family) -> Area:
    """A read-only memory with its output registers; columns that are alike are built once, constant ones not at all."""
    depth = memory.depth
    if style is MemoryStyle.BLOCK:
        return block_memory(depth, memory.width_bits, family) + registers(memory.width_bits)
    inputs = [_column_inputs(c, depth) for c in set(_columns(memory))]
    luts = sum(rom_luts(n, family) for n in inputs)
    return Area(luts=luts, ffs=sum(n > 0 for n in inputs))


def rom_luts(inputs: int, family: Family) -> int:
    """LUTs of one bit of a memory, of so many address bits."""
    if inputs <= family.wide_inputs:
        return function_luts(inputs, family)
    if family.wide_inputs > family.lut_inputs:
        return (1 << (inputs - family.lut_inputs)) + (1 << (inputs - family.wide_inputs)) // 2
    return round((1 << (inputs - family.lut_inputs)) * (1.8 if inputs == 5 else 2.2))
