"""The pieces that estimates are made of, against counts made by hand from the families' data sheets and Yosys's maps."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES
from hwgen.cost.primitives import (
    adder,
    adder_tree,
    block_memory,
    comparator,
    counter,
    delay,
    lut_memory,
    multiplier,
    registers,
    rom,
    times,
    up_down_counter,
)
from hwgen.dataflow.unit import Memory, MemoryField, MemoryStyle

ECP5, XCUP, XC7, ICE40 = (FAMILIES[t] for t in (Target.ECP5, Target.XCUP, Target.XC7, Target.ICE40))


def memory(columns: list[list[int]]) -> Memory:
    """A memory whose columns are given, each a bit a word."""
    return Memory("File", tuple(MemoryField(np.array(column), 1) for column in columns))


def random_memory(random: Random, depth: int, width: int) -> Memory:
    return memory([[random.getrandbits(1) for _ in range(depth)] for _ in range(width)])


def test_adder_on_ecp5_is_two_bits_a_carry_cell_and_nothing_else() -> None:
    assert adder(8, 8, ECP5) == Area(luts=10, carries=5), "nine bits are five cells of two LUTs"
    assert adder(16, 12, ECP5) == Area(luts=18, carries=9)


def test_adder_on_xilinx_is_a_lut_for_each_bit_of_an_operand() -> None:
    assert adder(8, 8, XCUP) == Area(luts=8, carries=3), "nine bits are three cells of four"


def test_adder_of_few_bits_needs_no_carry_cell() -> None:
    assert adder(2, 2, ECP5).carries == 0
    assert adder(1, 1, XCUP).carries == 0


def test_sum_with_nothing_costs_nothing() -> None:
    assert adder(8, 0, ECP5) == Area()


def test_adder_tree_of_four_has_three_adders_and_one_rank_of_registers() -> None:
    assert adder_tree(1, 4, 8, 2, ECP5) == Area(luts=30, ffs=10, carries=15)


def test_adder_tree_of_one_is_a_wire() -> None:
    assert adder_tree(3, 1, 8, 2, ECP5) == Area()


@pytest.mark.parametrize(
    ("a", "b", "product", "ecp5", "xcup", "xc7"),
    [
        (8, 8, 16, 1, 1, 1), (18, 18, 36, 1, 1, 1), (4, 4, 8, 1, 0, 0), (5, 4, 9, 1, 1, 1), (2, 2, 3, 1, 0, 0),
        (1, 16, 17, 0, 0, 0), (20, 10, 30, 2, 1, 1), (38, 5, 43, 3, 2, 2), (26, 8, 34, 2, 1, 2), (27, 18, 45, 2, 1, 2),
    ],
)
def test_multiplier_blocks_by_family(a: int, b: int, product: int, ecp5: int, xcup: int, xc7: int) -> None:
    assert [multiplier(a, b, product, f).dsps for f in (ECP5, XCUP, XC7, ICE40)] == [ecp5, xcup, xc7, 0]
    assert multiplier(b, a, product, ECP5) == multiplier(a, b, product, ECP5), "the order of the factors does not matter"


@pytest.mark.parametrize(
    ("depth", "width", "ecp5", "xcup", "ice40"),
    [
        (128, 36, 1, 1, 3), (512, 36, 1, 1, 5), (512, 37, 2, 2, 5), (513, 36, 2, 2, 7), (128, 96, 3, 3, 6),
        (1024, 18, 1, 1, 5), (1500, 20, 2, 2, 8), (2048, 9, 1, 1, 5), (3136, 6, 2, 2, 5), (4096, 4, 1, 1, 4),
        (9000, 2, 1, 1, 5), (700, 100, 6, 6, 19),
    ],
)
def test_block_memories_by_family(depth: int, width: int, ecp5: int, xcup: int, ice40: int) -> None:
    assert [block_memory(depth, width, f).brams for f in (ECP5, XCUP, ICE40)] == [ecp5, xcup, ice40]


def test_rom_of_sixteen_words_is_a_lut_a_bit(random: Random) -> None:
    made = rom(memory([[*(random.sample([0, 1], 2)), *(0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1)]]), MemoryStyle.DISTRIBUTED, ECP5)
    assert (made.luts, made.ffs) == (1, 1)


def test_rom_doubles_with_every_address_bit_past_those_of_a_lut(random: Random) -> None:
    for family in (ECP5, XCUP, ICE40):
        sizes = [rom(random_memory(random, 1 << bits, 10), MemoryStyle.DISTRIBUTED, family).luts for bits in range(6, 10)]
        assert sizes[0] > 10, "more than a LUT a bit"
        assert all(1.4 * a <= b <= 2.4 * a for a, b in pairwise(sizes)), sizes


def test_columns_that_are_alike_or_constant_are_not_paid_for(random: Random) -> None:
    one = [random.getrandbits(1) for _ in range(14)] + [0, 1]
    alone = rom(memory([one]), MemoryStyle.DISTRIBUTED, ECP5)
    assert rom(memory([one, one, [0] * 16, [1] * 16]), MemoryStyle.DISTRIBUTED, ECP5) == alone


def test_one_word_is_a_constant() -> None:
    assert rom(memory([[1], [0]]), MemoryStyle.REGISTERS, ECP5) == Area()


def test_block_rom_has_its_output_register(random: Random) -> None:
    assert rom(random_memory(random, 512, 36), MemoryStyle.BLOCK, ECP5) == Area(ffs=36, brams=1)


def test_lut_memories_are_counted_in_whole_cells() -> None:
    assert lut_memory(16, 9, ECP5).luts == 3 * 4, "three cells of four bits"
    assert lut_memory(20, 14, XCUP).luts == 8, "one cell of 32 words of 14 bits"
    assert lut_memory(20, 16, XCUP).luts == 16
    assert lut_memory(4, 8, ICE40).ffs == 32, "no distributed memory: registers"
    assert lut_memory(15, 24, ICE40).brams == 2, "or block memory, where the bits are worth it"


def test_delay_becomes_a_shift_register_on_xilinx_only() -> None:
    assert delay(5, 4, XCUP) == Area(luts=5)
    assert delay(5, 2, XCUP) == Area(ffs=10)
    assert delay(5, 4, ECP5) == Area(ffs=20)


@pytest.mark.parametrize("target", Target)
def test_more_bits_never_cost_less(target: Target) -> None:
    family = FAMILIES[target]
    for piece in (
        lambda n: comparator(n + 1, family), lambda n: adder(n, n, family), lambda n: registers(n),
        lambda n: lut_memory(16, n, family), lambda n: block_memory(600, n, family), lambda n: block_memory(n * 100, 12, family),
    ):
        for less, more in pairwise(piece(n) for n in range(1, 40)):
            traded = less.brams < more.brams  # a block takes the place of registers and LUTs
            assert less.brams <= more.brams
            assert traded or (less.ffs <= more.ffs + 8 and less.luts <= more.luts + 12), f"{less} then {more}"


@pytest.mark.parametrize("target", Target)
def test_counters_have_a_register_a_bit(target: Target) -> None:
    family = FAMILIES[target]
    assert [counter(n, family).ffs for n in (1, 2, 3, 16, 17, 196)] == [1, 1, 2, 4, 5, 8]
    assert [up_down_counter(n, family).ffs for n in (1, 2, 8, 70)] == [1, 2, 4, 7]


def test_times_is_repeated_addition() -> None:
    one = Area(1, 2, 3, 4, 5)
    assert times(3, one) == one + one + one
    assert times(0, one) == Area()
