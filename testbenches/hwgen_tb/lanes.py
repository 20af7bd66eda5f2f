"""Elements of vectors to and from the integers that ports carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def pack(elements: Iterable[int], width_bits: int) -> int:
    """Elements side by side in fields of ``width_bits``, the first lowest; negative ones in two's complement."""
    mask = (1 << width_bits) - 1
    total = 0
    for lane, element in enumerate(elements):
        total |= (int(element) & mask) << (lane * width_bits)
    return total


def signed(code: int, width_bits: int) -> int:
    """The two's complement value of the low ``width_bits`` bits of ``code``."""
    code &= (1 << width_bits) - 1
    return code - (1 << width_bits) if code >> (width_bits - 1) else code


def unpack(word: int, lanes: int, width_bits: int, *, is_signed: bool = False) -> list[int]:
    """The elements of a word, lane 0 first."""
    mask = (1 << width_bits) - 1
    codes = [(word >> (lane * width_bits)) & mask for lane in range(lanes)]
    return [signed(code, width_bits) for code in codes] if is_signed else codes


def beats_of(vector: Sequence[int], lanes: int, width_bits: int, *, padding: Sequence[int] | None = None) -> list[int]:
    """A vector as beats of ``lanes`` elements; the tail of the last beat is ``padding`` (its first elements), else zeros."""
    beats: list[int] = []
    for first in range(0, len(vector), lanes):
        part = list(vector[first : first + lanes])
        tail = list(padding or ())[: lanes - len(part)]
        beats.append(pack(part + tail, width_bits))
    return beats
