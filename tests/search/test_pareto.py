"""The front and its volume against their definitions, point by point and by counting cells."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from hwgen.search.pareto import Vector, dominates, front, hypervolume


def cloud(random: Random, dimensions: int, count: int, most: int) -> list[Vector]:
    return [tuple(float(random.randrange(most)) for _ in range(dimensions)) for _ in range(count)]


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_front_is_what_no_point_dominates_each_once(random: Random, dimensions: int) -> None:
    for _ in range(30):
        points = cloud(random, dimensions, random.randrange(30), 6)
        expected = [
            k for k, p in enumerate(points) if not any(dominates(q, p) for q in points) and p not in points[:k]
        ]
        assert front(points) == expected


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_hypervolume_is_the_number_of_unit_cells_that_a_point_dominates(random: Random, dimensions: int) -> None:
    for _ in range(20):
        most = 5
        points, reference = cloud(random, dimensions, random.randrange(8), most + 2), (float(most),) * dimensions
        cells = product(range(most), repeat=dimensions)
        dominated = sum(any(all(a <= c for a, c in zip(p, cell, strict=True)) for p in points) for cell in cells)
        assert hypervolume(points, reference) == dominated
