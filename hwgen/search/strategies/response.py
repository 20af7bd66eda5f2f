"""What finished trials say about points that were not tried: noise, quality and cost, as simple functions of the sizes chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from hwgen.search.space import Key, Space

Floats = npt.NDArray[np.float64]
_STEPS: Final = 100
_TINY: Final = 1e-12


class Sizes:
    """sizes, steps: of each choice, padded to (dimensions, most choices): its size, and what a step of its grid adds to a noise."""

    def __init__(self, space: Space) -> None:
        most = max(len(d.choices) for d in space.dimensions)
        self.shares = np.zeros((len(space.dimensions), most))
        self.steps = np.zeros_like(self.shares)
        for row, dimension in enumerate(space.dimensions):
            largest = max(c.size for c in dimension.choices) or 1.0
            for place, choice in enumerate(dimension.choices):
                self.shares[row, place] = choice.size / largest
                self.steps[row, place] = 4.0 ** -(choice.size - dimension.choices[0].size)
        self._rows = np.arange(len(space.dimensions))

    def shares_of(self, keys: Sequence[Key]) -> Floats:
        """(keys, dimensions): sizes as shares of the largest."""
        return self.shares[self._rows, np.array(keys, dtype=np.int64)]

    def steps_of(self, keys: Sequence[Key]) -> Floats:
        """(keys, dimensions): variance of the rounding of one element, 1 at the smallest size; a bit more is a quarter of it."""
        return self.steps[self._rows, np.array(keys, dtype=np.int64)]


def noise_gains(steps: Floats, noise: Floats) -> Floats:
    """Non-negative g, (dimensions,), with ``steps @ g`` near ``noise`` (keys,) in proportion: each rounding adds its own noise.

    By Lee and Seung's multiplicative steps for non-negative least squares, each row divided by its noise.
    """
    rows = steps / np.maximum(noise, _TINY)[:, None]
    gains = np.full(steps.shape[1], 1.0 / max(1, steps.shape[1]))
    above = rows.sum(axis=0)
    for _ in range(_STEPS):
        gains *= above / np.maximum(rows.T @ (rows @ gains), _TINY)
    return gains


class Costs:
    """A cost as a quadratic function of the sizes: a layer's area goes with the product of its two widths."""

    def __init__(self, shares: Floats, costs: Floats) -> None:
        """shares: (keys, dimensions).  costs: (keys, kinds of cost)."""
        features = _quadratic(shares)
        penalty = 1e-3 * np.eye(features.shape[1])
        penalty[0, 0] = 0.0
        self._mean = costs.mean(axis=0)
        self._weights = np.linalg.solve(features.T @ features + penalty, features.T @ (costs - self._mean))

    def __call__(self, shares: Floats) -> Floats:
        """(keys, kinds of cost)."""
        return _quadratic(shares) @ self._weights + self._mean


def _quadratic(shares: Floats) -> Floats:
    ones = np.ones((len(shares), 1))
    first, second = np.triu_indices(shares.shape[1])
    return np.hstack([ones, shares, shares[:, first] * shares[:, second]])


class Rising:
    """A loss as a rising function of the noise, by isotonic regression: pooling adjacent violators."""

    def __init__(self, noise: Floats, loss: Floats) -> None:
        order = np.argsort(noise, kind="stable")
        blocks: list[tuple[float, float, int]] = []  # sum of log noise, sum of losses, how many
        for place in order:
            blocks.append((float(np.log(noise[place] + _TINY)), float(loss[place]), 1))
            while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
                (a, b, c), (d, e, f) = blocks.pop(), blocks.pop()
                blocks.append((a + d, b + e, c + f))
        self._at = np.array([a / n for a, _, n in blocks])
        self._loss = np.array([b / n for _, b, n in blocks])

    def __call__(self, noise: Floats) -> Floats:
        """Between what was seen along straight lines over the logarithm of the noise; outside as at the ends."""
        return np.interp(np.log(noise + _TINY), self._at, self._loss)
