"""How reals lie in codes: layouts say the same places however they are written."""

from __future__ import annotations

from math import prod
from random import Random

import numpy as np
import pytest

from hwgen.ops.lowering import Layout

Shape = tuple[int, ...]


def random_layout(random: Random) -> Layout:
    dims = (1, *(random.choice((1, 2, 3, 4, 6)) for _ in range(random.randint(1, 4))))
    return Layout(dims, (0, *random.sample(range(1, len(dims)), len(dims) - 1)))


def split(random: Random, size: int) -> Shape:
    """Sizes of the same product."""
    factor = random.choice([n for n in range(1, size + 1) if size % n == 0])
    return random.choice(((size,), (factor, size // factor)))


def where(layout: Layout) -> list[int]:
    """For each code the index of its real, by what the layout says of itself."""
    return np.arange(prod(layout.dims)).reshape(layout.dims).transpose(layout.order).ravel().tolist()


def test_places_are_those_that_the_layout_says(random: Random) -> None:
    for _ in range(100):
        layout = random_layout(random)
        assert layout.places.tolist() == where(layout)
        assert layout.in_order == (where(layout) == list(range(prod(layout.dims))))


def test_a_layout_of_split_axes_has_these_axes_and_the_same_places(random: Random) -> None:
    for _ in range(200):
        layout = random_layout(random)
        shape = (1, *(size for dim in layout.dims[1:] for size in split(random, dim)))
        fine = layout.refined(shape)
        assert fine.dims == shape and sorted(fine.order) == list(range(len(shape)))
        assert where(fine) == where(layout)


@pytest.mark.parametrize("shape", [(1, 4, 6), (1, 24), (1, 12, 2), (1, 3, 8), (1, 6, 4, 2), (1, 6), (1, 6, 8)])
def test_a_layout_stays_as_it_is_where_axes_are_not_split(shape: Shape) -> None:
    layout = Layout((1, 6, 4), (0, 2, 1))
    assert layout.refined(shape) == layout


def test_axes_of_one_split_axis_stay_side_by_side() -> None:
    assert Layout((1, 6, 4), (0, 2, 1)).refined((1, 2, 3, 4)) == Layout((1, 2, 3, 4), (0, 3, 1, 2))
    assert Layout((1, 6, 4), (0, 2, 1)).refined((1, 6, 2, 2)) == Layout((1, 6, 2, 2), (0, 2, 3, 1))
