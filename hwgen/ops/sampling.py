"""The dice of the operators' random samples: formats, shapes, lanes, and inputs of a graph to start from."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, TypeVar

from hwgen.formats import Integer
from hwgen.ir.graph import Shape, Value
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs

T = TypeVar("T")

_BITS: Final = (1, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 12, 14, 16)


def codes_format(value: Value) -> Integer:
    """The format of a value of the integer graph."""
    if not isinstance(value.type.format, Integer):
        raise TypeError(f"{value.name} is not lowered")
    return value.type.format


def random_size(random: Random) -> int:
    """A number of elements: mostly 1 to 12, those with divisors more often, at times enough for a block memory."""
    sizes = random.randint(1, 12), random.choice((4, 6, 8, 9, 10, 12)), random.randint(13, 32), random.randint(129, 150)
    return random.choices(sizes, (45, 35, 18, 2))[0]


def random_shape(random: Random, elements: int, most_axes: int = 3) -> Shape:
    """``elements`` along one to ``most_axes`` axes after the batch."""
    shape = [elements]
    for _ in range(random.randrange(most_axes)):
        last = shape.pop()
        shape += random.choice([(d, last // d) for d in range(1, last + 1) if last % d == 0])
    return (1, *shape)


def random_format(random: Random, most_bits: int = 16, *, bipolar: float = 0.12) -> Integer:
    """Signed, unsigned or bipolar codes of 1 to ``most_bits`` bits; not always the whole range of the bits."""
    if random.random() < bipolar:
        return Integer(-1, 1, bipolar=True)
    wide = most_bits > 16 and random.random() < 0.15
    bits = random.randint(17, most_bits) if wide else min(random.choice(_BITS), most_bits)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if random.random() < 0.5 else (0, (1 << bits) - 1)
    if bits > 1 and random.random() < 0.3:
        first, last = sorted(random.sample(range(low, high + 1), 2))
        low, high = random.choice(((low + 1, high), (low, last), (first, high), (first, last)))
    return Integer(low, max(high, low + 1))


def fresh_input(random: Random, *, most_bits: int = 16, most_axes: int = 3) -> Value:
    """An input of a graph."""
    shape = random_shape(random, random_size(random), most_axes)
    return make(INPUT, InputAttrs(shape, random_format(random, most_bits)), [], "x", "x").output


def random_lanes(random: Random, elements: int, most: int = 1 << 20) -> int:
    """Elements a beat: one, all, a number that divides them or one that does not; at most ``most``."""
    limit = min(elements, most)
    dividing = [n for n in range(2, limit + 1) if elements % n == 0 and n < elements]
    uneven = [n for n in range(2, limit) if elements % n]
    return random.choice([1, limit, random.choice(dividing or [1]), random.choice(uneven or [limit])])


def random_signed(random: Random, most_bits: int) -> int:
    """An integer of at most so many bits in two's complement, all widths equally likely."""
    bits = random.randint(1, most_bits)
    return random.randint(-(1 << bits - 1), (1 << bits - 1) - 1)


def spread(items: Sequence[T], channels: int) -> list[T]:
    """One item for all channels stays one; otherwise as many as there are channels, the items over and over."""
    return list(items) if len(items) == 1 else [items[c % len(items)] for c in range(channels)]


def narrowed(format_: Integer) -> Integer | None:
    """About half the range, towards zero; None where there are two values only."""
    low, high = -(-format_.low // 2) if format_.low < 0 else format_.low // 2, format_.high // 2
    if format_.bipolar or format_.high - format_.low < 2:
        return None
    return Integer(low, max(high, low + 1), format_.scale, format_.offset)
