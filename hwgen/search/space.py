"""The space that is searched: dimensions of a few choices each, and points, which take one choice of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

from hwgen.errors import HwgenError

Key = tuple[int, ...]
"""A point: the place of the choice taken in each dimension."""
PARALLELISM = "parallelism"
"""The role of a setting that says how many multipliers a layer has; the others are roles of formats."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a configuration: what a layer's role is set to.  path: of the layer."""

    path: str
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """label: as people read it.  size: bits of an element, or multipliers.  settings: what it comes to."""

    label: str
    size: float
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """name: ``fc1.weight``.  choices: in the order of their sizes, at least one."""

    name: str
    choices: tuple[Choice, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether each choice is larger than the one before."""
        return all(a.size < b.size for a, b in zip(self.choices, self.choices[1:], strict=False))


@dataclass(frozen=True)
class Space:
    """dimensions: at least one, of different names."""

    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise HwgenError("space", "search space", "leaves nothing to choose", "give choices in [search]")
        for dimension in self.dimensions:
            if not dimension.choices:
                raise HwgenError("space", f"search space, {dimension.name}", "has no choice", "give at least one")

    @property
    def size(self) -> int:
        """Number of points."""
        return prod(len(d.choices) for d in self.dimensions)

    @property
    def largest(self) -> Key:
        """The point with the last choice of each dimension: the most bits and multipliers."""
        return tuple(len(d.choices) - 1 for d in self.dimensions)

    @cached_property
    def sha256(self) -> str:
        """Of all dimensions and choices."""
        record = [[d.name, [[c.label, c.size, [[s.path, s.role, s.text] for s in c.settings]] for c in d.choices]]
                  for d in self.dimensions]
        return hashlib.sha256(json.dumps(record).encode()).hexdigest()

    def check(self, key: Key) -> None:
        """Raises HwgenError where ``key`` is no point of this space."""
        if len(key) != len(self.dimensions) or not all(0 <= k < len(d.choices) for k, d in zip(key, self.dimensions, strict=True)):
            raise HwgenError("space", f"point {list(key)}", "does not lie in the search space", "use the journal of this search")

    def choices(self, key: Key) -> tuple[Choice, ...]:
        """What a point takes, dimension by dimension."""
        return tuple(d.choices[k] for d, k in zip(self.dimensions, key, strict=True))

    def settings(self, key: Key) -> tuple[Setting, ...]:
        """All that a point sets."""
        return tuple(s for c in self.choices(key) for s in c.settings)

    def point(self, number: int) -> Key:
        """The point of that number, from 0 below `size`; the last dimension changes fastest."""
        key: list[int] = []
        for dimension in reversed(self.dimensions):
            number, place = divmod(number, len(dimension.choices))
            key.append(place)
        return tuple(reversed(key))

    def neighbours(self, key: Key) -> Iterator[Key]:
        """Points one choice up or down in one dimension; then those one down in one and one up in another."""
        def moved(key: Key, at: int, by: int) -> Key | None:
            place = key[at] + by
            return (*key[:at], place, *key[at + 1 :]) if 0 <= place < len(self.dimensions[at].choices) else None

        lower = [(at, moved(key, at, -1)) for at in range(len(key))]
        for at, down in lower:
            for other in (down, moved(key, at, 1)):
                if other is not None:
                    yield other
        for at, down in lower:
            for up_at in range(len(key)):
                other = moved(down, up_at, 1) if down is not None and up_at != at else None
                if other is not None:
                    yield other
