"""Simulated hits of charged tracks in a small muon chamber, from a seed.

Six layers of 32 cells; a track enters at a random cell with a random slope and bends with the square of the depth, more the
lower its momentum.  A hit shares its charge with the neighbouring cell; some hits are lost, and others come from nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LAYERS = 6
CELLS = 32
CLASSES = ("nothing", "low momentum, negative", "low momentum, positive", "high momentum")
_BEND = {1: (-6.0, -2.5), 2: (2.5, 6.0), 3: (-0.6, 0.6)}
"""Cells that a track is off its line in the last layer."""
_LOST, _NOISE = 0.08, 0.04
"""Share of hits that are lost, and of cells that fire without one."""


@dataclass(frozen=True)
class Hits:
    """Charges (events, layers, cells), 0 … 1; labels (events,), an index of CLASSES."""

    charges: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def generate(events: int, seed: int) -> Hits:
    """Events of all classes alike."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), events)
    depth = np.arange(LAYERS) / (LAYERS - 1)
    low, high = (np.array([_BEND.get(int(k), (0.0, 0.0))[end] for k in labels]) for end in (0, 1))
    bend, start, slope = rng.uniform(low, high), rng.uniform(8, CELLS - 8, events), rng.uniform(-3, 3, events)
    at = start[:, None] + slope[:, None] * depth + bend[:, None] * depth**2 + rng.normal(0, 0.2, (events, LAYERS))
    cell = np.floor(at).astype(np.int64)
    seen = (labels[:, None] > 0) & (rng.random((events, LAYERS)) > _LOST)
    charges = np.where(rng.random((events, LAYERS, CELLS)) < _NOISE, rng.uniform(0.2, 0.9, (events, LAYERS, CELLS)), 0.0)
    event, layer = np.nonzero(seen)
    share = (at - cell)[event, layer]
    for offset, part in ((0, 1 - share), (1, share)):
        inside = np.clip(cell[event, layer] + offset, 0, CELLS - 1)
        charges[event, layer, inside] = np.maximum(charges[event, layer, inside], part)
    return Hits(np.clip(charges, 0, 1).astype(np.float32), labels)
