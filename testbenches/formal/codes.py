"""Codes of operands in input words, and the frame of a sweep: what the sweeps share.

What codes mean is computed here, in NumPy's integers, from the sentences in the templates' heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from formal.player import Integers, Sweep, Words

KINDS: Final = ("unsigned", "signed", "bipolar")
"""Of activations, in the order of the templates' numbers; weights are signed, bipolar or ternary."""


def signed(codes: Integers, bits: int) -> Integers:
    """Two's complement."""
    return codes - ((codes >> (bits - 1)) << bits)


def bits_of(words: Words, start: int, bits: int) -> Integers:
    """``bits`` bits of each word, from ``start`` on."""
    return ((words >> np.uint64(start)) & np.uint64((1 << bits) - 1)).astype(np.int64)


def activation(codes: Integers, bits: int, kind: int) -> Integers:
    """What codes of an activation stand for."""
    return (codes, signed(codes, bits), 2 * codes - 1)[kind]


def weight(codes: Integers, bits: int, kind: int) -> Integers:
    """What codes of a weight stand for; code 2 is none of a ternary weight."""
    return (signed(codes, bits), 2 * codes - 1, signed(codes, bits))[kind]


def every_word(bits: int) -> Words:
    """All words of so many bits."""
    return np.arange(1 << bits, dtype=np.uint64)


def memory_line(word: int, bits: int) -> str:
    """A word of a memory file."""
    return f"{word:0{-(-bits // 4)}x}"


def by_name(names: Sequence[str], values: Sequence[int]) -> dict[str, int]:
    """Parameters."""
    return dict(zip(names, values, strict=True))


def named(parameters: dict[str, int]) -> str:
    """Parameters in words."""
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def streamed(
    wrapper: str, template: str, parameters: dict[str, int], in_bits: int, memory: Sequence[str], codes: Integers,
    outputs: Integers, latency: int, taps: int = 1,
) -> Sweep:
    """A sweep of a module that takes valid beats: a reset, then the beats with a pause after every sixth.

    codes: (beats, lanes).  outputs: (beats / taps, lanes), a result of every ``taps`` beats.
    """
    beats, count = codes.shape
    cycles = 1 + np.arange(beats) + np.arange(beats) // 6
    words = np.zeros(int(cycles[-1]) + 1, dtype=np.uint64)
    words[0] = 1 << (count * in_bits + 1)
    valid = np.uint64(1 << (count * in_bits))
    words[cycles] = valid | sum(codes[:, lane].astype(np.uint64) << np.uint64(lane * in_bits) for lane in range(count))
    expected = np.full((len(words), count + 1), -1, dtype=np.int64)
    expected[:, count] = 0
    expected[cycles[taps - 1 :: taps]] = np.concatenate([outputs, np.ones((beats // taps, 1), dtype=np.int64)], axis=1)
    return Sweep(wrapper, template, parameters, count * in_bits + 2, words, expected, latency, outputs.size, memory)
