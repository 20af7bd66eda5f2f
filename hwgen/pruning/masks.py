"""Which weights stay: masks from magnitudes alone, without any graph.  All are deterministic: of equals the first ones go.

A mask is an array of bool of the shape of its weight, False where the weight becomes 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.errors import HwgenError
from hwgen.formats import FloatArray, IntArray
from hwgen.pruning.budget import Budget

Mask = npt.NDArray[np.bool_]


def check_share(share: float) -> None:
    """Raises HwgenError where ``share`` is none: 0 prunes nothing, 1 would leave nothing."""
    if not 0 <= share < 1:
        raise HwgenError("usage", f"share {share:g}", "is no share of weights to prune", "give 0.5, or another below 1")


def gradual_share(step: int, steps: int, share: float, begin: float = 0.0) -> float:
    """The share pruned at ``step`` of ``steps``: it rises from ``begin`` to ``share``, fast at first (Zhu and Gupta, 2017).

    step: 0 … steps; from ``steps`` on it is ``share``.
    """
    left = 1 - min(step, steps) / steps if steps > 0 else 0.0
    return share + (begin - share) * left**3


def without_least(scores: FloatArray, count: int) -> npt.NDArray[np.bool_]:
    """False at the ``count`` least scores, of any shape."""
    kept = np.ones(scores.size, dtype=np.bool_)
    kept[np.argsort(scores, axis=None, kind="stable")[:count]] = False
    return kept.reshape(scores.shape)


def magnitude_masks(weights: Sequence[FloatArray], share: float, budget: Budget = Budget.LAYER) -> tuple[Mask, ...]:
    """Prunes ``share`` of the weights, those of least magnitude, of each layer or of all together."""
    check_share(share)
    sizes = [w.size for w in weights]
    if budget is Budget.LAYER:
        return tuple(without_least(np.abs(w), round(share * w.size)) for w in weights)
    together = np.concatenate([np.abs(w).ravel() for w in weights]) if weights else np.zeros(0)
    parts = np.split(without_least(together, round(share * together.size)), np.cumsum(sizes)[:-1])
    return tuple(part.reshape(w.shape) for part, w in zip(parts, weights, strict=False))


def n_m_mask(weight: FloatArray, n: int, m: int, axis: int = 1) -> Mask:
    """Of every ``m`` weights in a row along ``axis`` the ``n`` greatest stay; a shorter last row keeps as many, if it has them."""
    if not 1 <= n < m:
        raise HwgenError("usage", f"pattern {n}:{m}", "keeps nothing, or all", "write N:M with N below M, e.g. 2:4")
    rows = np.moveaxis(np.abs(weight), axis, -1)
    size = rows.shape[-1]
    padded: npt.NDArray[Any] = np.full((*rows.shape[:-1], -(-size // m) * m), -1.0)
    padded[..., :size] = rows
    groups = padded.reshape(*rows.shape[:-1], -1, m)
    order = np.argsort(-groups, axis=-1, kind="stable")
    kept = np.zeros(groups.shape, dtype=np.bool_)
    np.put_along_axis(kept, order[..., :n], values=True, axis=-1)
    return np.moveaxis(kept.reshape(padded.shape)[..., :size], -1, axis)


def channel_norms(weight: FloatArray, axis: int = 0) -> FloatArray:
    """The root of the mean square of each channel's weights."""
    others = tuple(k for k in range(weight.ndim) if k != axis)
    return np.sqrt(np.square(weight.astype(np.float64)).mean(axis=others))


def greatest_channels(norms: Sequence[FloatArray], share: float, budget: Budget = Budget.LAYER) -> tuple[IntArray, ...]:
    """The channels of each layer that stay, ascending: those of greatest norm, at least one."""
    check_share(share)
    if budget is Budget.LAYER:
        return tuple(np.flatnonzero(without_least(n, min(round(share * n.size), n.size - 1))) for n in norms)
    together = np.concatenate([np.where(n == n.max(), np.inf, n) for n in norms])  # the greatest of each stays
    kept = without_least(together, min(round(share * together.size), int(np.isfinite(together).sum())))
    return tuple(map(np.flatnonzero, np.split(kept, np.cumsum([n.size for n in norms])[:-1])))
