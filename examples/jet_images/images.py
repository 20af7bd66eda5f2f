"""Simulated images of jets in a calorimeter, from a seed: energies of 16 × 16 cells, and what each cell belongs to.

A narrow jet is one hot core; a broad one spreads over several cells.  Soft energy lies everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

SIZE = 16
CLASSES = ("background", "narrow jet", "broad jet")
_WIDTH = {1: 0.7, 2: 1.7}
"""Deviation of a jet's energy from its axis, in cells."""
_MOST_JETS = 3
_OF_A_JET = 0.12
"""Energy from which a cell belongs to the jet that gives it most."""


@dataclass(frozen=True)
class JetImages:
    """Energies (images, 1, size, size), 0 … 1; labels (images, size, size), an index of CLASSES."""

    energies: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def generate(images: int, seed: int) -> JetImages:
    """Images of one to three jets."""
    rng = np.random.default_rng(seed)
    energies, labels = np.zeros((images, SIZE, SIZE)), np.zeros((images, SIZE, SIZE), dtype=np.int64)
    row, column = np.mgrid[:SIZE, :SIZE]
    for at_image, label in enumerate(labels):
        best = np.full((SIZE, SIZE), _OF_A_JET)
        for _ in range(rng.integers(1, _MOST_JETS, endpoint=True)):
            kind = int(rng.integers(1, len(CLASSES)))
            at = rng.uniform(2, SIZE - 3, 2)
            distance = ((row - at[0]) ** 2 + (column - at[1]) ** 2) / (2 * _WIDTH[kind] ** 2)
            jet = rng.uniform(0.5, 1.0) * np.exp(-distance)
            energies[at_image] += jet * rng.gamma(8, 1 / 8, jet.shape)
            label[jet > best] = kind
            best = np.maximum(best, jet)
        energies[at_image] += rng.exponential(0.03, jet.shape)
    return JetImages(np.clip(energies, 0, 1).astype(np.float32)[:, None], labels)


def mostly_background(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """A loss that does not let the many cells of background decide."""
    return torch.nn.functional.cross_entropy(scores, labels, weight=torch.tensor([0.3, 1.0, 1.0]))


def overlap(found: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    """Mean over the jets' classes of intersection over union."""
    shares = [np.sum((found == k) & (labels == k)) / max(1, np.sum((found == k) | (labels == k))) for k in range(1, len(CLASSES))]
    return float(np.mean(shares))
