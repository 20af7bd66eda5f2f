"""Scikit-learn's handwritten digits (1,797 images of 8×8), split once and for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from examples.training import SEED

TEST_IMAGES = 540


@dataclass(frozen=True)
class Digits:
    """Images (samples, 64) float32, pixels 0 … 1 in sixteenths; labels (samples,)."""

    train_images: npt.NDArray[np.float32]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.float32]
    test_labels: npt.NDArray[np.int64]


def load() -> Digits:
    """The data; it comes with scikit-learn and needs no network."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(images))
    images, labels = (images[order] / 16).astype(np.float32), labels[order].astype(np.int64)
    test, train = slice(0, TEST_IMAGES), slice(TEST_IMAGES, None)
    return Digits(images[train], labels[train], images[test], labels[test])
