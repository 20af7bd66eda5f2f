"""What a family of devices is made of, as Yosys maps to it: the facts that estimates stand on.

Each was found by experiment (Yosys 0.70) and is held by tests/cost against fresh runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hwgen.cost.area import Target


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A multiplier block.  a_bits, b_bits: signed factors, a the wider.  sign_bit: whether a piece of a wide factor loses one
    bit to its sign.  product_from_bits: narrower products are made of LUTs.  absorbs: Yosys puts the registers before and behind a
    product into the block, and its sum with another value.
    """

    a_bits: int
    b_bits: int
    sign_bit: int
    product_from_bits: int
    absorbs: bool = False


@dataclass(frozen=True, slots=True)
class BlockShape:
    """One way to use block memories: words and bits of a word.  blocks: how many of the smallest blocks it takes."""

    depth: int
    width_bits: int
    blocks: int


@dataclass(frozen=True, slots=True)
class LutMemory:
    """Distributed memory with one port to write and one to read: words and bits of one cell, and the LUTs that it takes."""

    depth: int
    width_bits: int
    luts: int


@dataclass(frozen=True, slots=True)
class Family:
    """lut_inputs: of a LUT.  wide_inputs: of the widest function whose LUTs are joined by free multiplexers.
    carry_bits: adder bits of a carry cell.  carry_from_bits: narrower adders are made of LUTs.
    luts_per_carry_cell: LUTs that are part of it; luts_per_adder_bit: LUTs beside it, for each bit of an operand.
    shift_registers_from: delays without reset of so many cycles become LUTs; 0: none does.
    lut_memories: of every kind that serves; none where small memories become registers.
    bits_worth_a_block: without them, a small memory of more bits than this for each block that it takes becomes block memory;
    two words are not counted.
    write_bits: of a word in a block memory that are written together.
    """

    lut_inputs: int
    wide_inputs: int
    carry_bits: int
    carry_from_bits: int
    luts_per_carry_cell: int
    luts_per_adder_bit: int
    multiplier: Multiplier | None
    block_shapes: tuple[BlockShape, ...]
    lut_memories: tuple[LutMemory, ...] = ()
    shift_registers_from: int = 0
    bits_worth_a_block: int = 0
    write_bits: int = 9

    @property
    def carry_holds_luts(self) -> bool:
        """ECP5: adders need no LUTs beside their carry cells, and LUTs of four inputs are joined to wider ones."""
        return self.luts_per_carry_cell > 0


def _shapes(bits_log2: int, widths: tuple[int, ...], blocks: int) -> tuple[BlockShape, ...]:
    """Shapes of a block of 2**bits_log2 bits, parity aside; a width of 9 or a multiple has the depth of 8."""
    return tuple(BlockShape((1 << bits_log2) // (w * 8 // 9 if w % 9 == 0 else w), w, blocks) for w in widths)


_XILINX_BLOCKS: Final = _shapes(14, (36, 18, 9, 4, 2, 1), 1) + _shapes(15, (72, 36, 18, 9, 4, 2, 1), 2)

FAMILIES: Final[Mapping[Target, Family]] = {
    Target.ECP5: Family(
        lut_inputs=4, wide_inputs=7, carry_bits=2, carry_from_bits=5, luts_per_carry_cell=2, luts_per_adder_bit=0,
        multiplier=Multiplier(18, 18, 0, 0), block_shapes=_shapes(14, (36, 18, 9, 4, 2, 1), 1),
        lut_memories=(LutMemory(16, 4, 4),),
    ),
    Target.XCUP: Family(
        lut_inputs=6, wide_inputs=8, carry_bits=4, carry_from_bits=3, luts_per_carry_cell=0, luts_per_adder_bit=1,
        multiplier=Multiplier(27, 18, 1, 9), block_shapes=_XILINX_BLOCKS,
        lut_memories=(LutMemory(32, 14, 8), LutMemory(64, 7, 8)), shift_registers_from=3,
    ),
    Target.XC7: Family(
        lut_inputs=6, wide_inputs=8, carry_bits=4, carry_from_bits=3, luts_per_carry_cell=0, luts_per_adder_bit=1,
        multiplier=Multiplier(25, 18, 1, 9, absorbs=True), block_shapes=_XILINX_BLOCKS,
        lut_memories=(LutMemory(32, 6, 4), LutMemory(64, 3, 4)), shift_registers_from=3,
    ),
    Target.ICE40: Family(
        lut_inputs=4, wide_inputs=4, carry_bits=1, carry_from_bits=3, luts_per_carry_cell=0, luts_per_adder_bit=1,
        multiplier=None, block_shapes=_shapes(12, (16, 8, 4, 2), 1), bits_worth_a_block=64, write_bits=1,
    ),
}
