"""Masks from magnitudes: how many go, and that they are the least."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.formats import FloatArray
from hwgen.pruning.budget import Budget
from hwgen.pruning.masks import channel_norms, gradual_share, greatest_channels, magnitude_masks, n_m_mask


def weights(random: Random, *shape: int) -> FloatArray:
    return np.random.default_rng(random.getrandbits(32)).normal(0, 1, shape)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.99])
def test_the_least_of_each_layer_or_of_all_go(share: float, random: Random) -> None:
    layers = [weights(random, 7, 9), 10 * weights(random, 4, 3, 3, 3), weights(random, 1, 1)]
    for mask, w in zip(magnitude_masks(layers, share), layers, strict=True):
        assert (~mask).sum() == round(share * w.size)
        assert np.abs(w[~mask]).max(initial=0) <= np.abs(w[mask]).min(initial=np.inf)
    together = magnitude_masks(layers, share, Budget.GLOBAL)
    gone = np.concatenate([np.abs(w[~m]) for m, w in zip(together, layers, strict=True)])
    left = np.concatenate([np.abs(w[m]) for m, w in zip(together, layers, strict=True)])
    assert len(gone) == round(share * (len(gone) + len(left))) and gone.max(initial=0) <= left.min(initial=np.inf)


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 4), (3, 5), (1, 100)])
def test_of_every_m_weights_the_n_greatest_stay(n: int, m: int, random: Random) -> None:
    w = weights(random, 3, 13, 2)
    mask = n_m_mask(w, n, m, axis=1)
    for o, k in np.ndindex(3, 2):
        for first in range(0, 13, m):
            row, kept = np.abs(w[o, first : first + m, k]), mask[o, first : first + m, k]
            assert kept.sum() == min(n, len(row))
            assert row[~kept].max(initial=0) <= row[kept].min()


def test_of_equals_the_later_stay_by_magnitude_and_no_more_than_n_of_m() -> None:
    assert n_m_mask(np.ones((1, 8)), 2, 4).sum() == 4
    assert magnitude_masks([np.ones((1, 4))], 0.5)[0].tolist() == [[False, False, True, True]]


def test_every_layer_keeps_a_channel(random: Random) -> None:
    norms = [channel_norms(weights(random, n, 5)) for n in (1, 2, 9)]
    for budget in Budget:
        kept = greatest_channels(norms, 0.99, budget)
        assert all(len(k) >= 1 and norm.argmax() in k for k, norm in zip(kept, norms, strict=True))
    one, other = np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 20.0])
    assert [k.tolist() for k in greatest_channels([one, other], 0.5)] == [[2, 3], [1]]
    assert [k.tolist() for k in greatest_channels([one, other], 0.5, Budget.GLOBAL)] == [[3], [0, 1]]


def test_a_gradual_share_rises_from_the_beginning_to_the_whole() -> None:
    shares = [gradual_share(step, 10, 0.8, 0.1) for step in range(12)]
    assert shares[0] == pytest.approx(0.1) and shares[10:] == [0.8, 0.8] and shares == sorted(shares)
    assert shares[5] == pytest.approx(0.8 - 0.7 / 8)
    assert gradual_share(0, 0, 0.5) == 0.5


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(HwgenError, match="no share of weights"):
        magnitude_masks([np.ones(3)], share)
    for n, m in ((0, 4), (4, 4), (5, 4)):
        with pytest.raises(HwgenError, match="keeps nothing, or all"):
            n_m_mask(np.ones((2, 8)), n, m)
