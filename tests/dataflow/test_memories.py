"""How memories are built: by depth and size, in the templates' numbers."""

from __future__ import annotations

import pytest

from hwgen.dataflow.unit import MemoryStyle, memory_style


@pytest.mark.parametrize(
    ("depth", "width_bits", "number", "latency_cycles"),
    [
        (1, 1, 0, 1), (1, 100_000, 0, 1), (2, 1, 1, 1), (2, 100_000, 1, 1), (127, 100_000, 1, 1),
        (128, 32, 2, 2), (128, 31, 1, 1), (4096, 1, 2, 2), (4095, 1, 1, 1), (1 << 16, 8, 2, 2),
    ],
)
def test_one_word_is_a_constant_and_what_is_deep_and_large_is_block_memory(
    depth: int, width_bits: int, number: int, latency_cycles: int
) -> None:
    style = memory_style(depth, width_bits)
    assert (int(style), style.latency_cycles) == (number, latency_cycles)


def test_every_style_has_its_own_number() -> None:
    assert [int(style) for style in MemoryStyle] == [0, 1, 2]
