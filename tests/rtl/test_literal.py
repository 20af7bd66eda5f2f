"""Constants of any size, in the generated top and on command lines, are the integers that they were made from."""

from __future__ import annotations

from random import Random

import pytest

from hwgen.rtl.literal import integer_literal, read_integer_literal
from hwgen.rtl.netlist import Instance, Netlist
from hwgen.rtl.printer import parse_netlist, print_netlist

EDGES = [0, 1, -1, 5, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, -(1 << 31), -(1 << 31) - 1, -(1 << 32), -(1 << 63), 1 << 200]


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (-7, "-7"), (0x3_0000_0002, "34'h300000002"), (1 << 31, "32'h80000000"), (-(1 << 31) - 1, "33'sh17fffffff")],
)
def test_only_what_has_more_than_32_bits_has_a_size(value: int, text: str) -> None:
    assert integer_literal(value) == text


def test_integers_come_back_from_their_constants(random: Random) -> None:
    for value in (*EDGES, *(random.randint(-(1 << 70), 1 << 70) >> random.randint(0, 70) for _ in range(500))):
        assert read_integer_literal(integer_literal(value)) == value


def test_parameters_of_the_top_come_back_from_its_text() -> None:
    parameters = tuple((f"P{k}", value) for k, value in enumerate(EDGES))
    netlist = Netlist("top", (), (), (Instance("part", "u_part", parameters, ()),))
    assert parse_netlist(print_netlist(netlist)) == netlist
