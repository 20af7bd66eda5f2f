"""Memory images as text for ``$readmemh``: one word a line, hexadecimal, the first field in the lowest bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.unit import Memory, MemoryField

_CHUNK_WORDS: Final = 4096


def _bits(field: MemoryField, words: slice) -> npt.NDArray[np.uint8]:
    """(words, bits) zeros and ones of a field, lowest bit first."""
    values = field.values[words]
    if field.bits <= 63 and values.dtype != object:
        shifts = np.arange(field.bits, dtype=np.int64)
        return ((values.astype(np.int64)[:, None] >> shifts) & 1).astype(np.uint8)
    return np.array([[(int(v) >> b) & 1 for b in range(field.bits)] for v in values], dtype=np.uint8).reshape(-1, field.bits)


def memory_lines(memory: Memory) -> Iterator[str]:
    """The lines of the file, without line ends."""
    width = memory.width_bits
    digits = -(-width // 4)
    for start in range(0, memory.depth, _CHUNK_WORDS):
        words = slice(start, start + _CHUNK_WORDS)
        bits = np.concatenate([_bits(f, words) for f in memory.fields], axis=1)
        packed = np.packbits(bits, axis=1, bitorder="little")
        for row in packed:
            yield row[::-1].tobytes().hex()[-digits:]
