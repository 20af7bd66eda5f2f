"""Pruning by blocks of the multiplier array, so that hg_matvec skips them: cycles and memory are really saved.

The budget is of cycles: a share of 0.5 takes at most half of them.  What the schedule multiplies anyway
(`hwgen.ops.block_schedule`) keeps its weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hwgen.dataflow.unit import Parallelism
from hwgen.flow import BuildOptions, choose_parallelism, lower
from hwgen.formats import FloatArray, IntArray
from hwgen.ir.graph import Graph, Node
from hwgen.ops.block_schedule import Blocks, BlockSchedule, Flags, block_schedule, tiles_of
from hwgen.ops.weights import PRODUCTS
from hwgen.pruning.budget import Budget
from hwgen.pruning.geometry import HardwareWeight, hardware_weights
from hwgen.pruning.layers import PrunableLayer
from hwgen.pruning.masks import Mask, check_share, without_least

_FINEST: Final = 128
"""A layer of more blocks is filled up in pieces of more than one."""
_INTEGER_PRODUCTS: Final = ("matvec", "conv_codes", "depthwise")


@dataclass(frozen=True, eq=False)
class LayerBlocks:
    """lanes: of the layer.  places: (groups, beats, output blocks, weights of a block), the index of each weight, -1 for none.

    vectors: times a tensor that all blocks are multiplied.
    """

    layer: PrunableLayer
    lanes: Parallelism
    places: IntArray
    vectors: int

    @property
    def scores(self) -> FloatArray:
        """The sum of squares of each block's weights."""
        squares = np.append(np.square(self.layer.weight.ravel()), 0.0)
        return squares[self.places].sum(axis=3)

    def mask(self, kept: Blocks) -> Mask:
        """Of the layer's weight, without the blocks that are not kept."""
        mask = np.ones(self.layer.weight.size + 1, dtype=np.bool_)
        mask[self.places[~kept]] = False
        return mask[:-1].reshape(self.layer.weight.shape)


def layer_blocks(
    graph: Graph, layers: Sequence[PrunableLayer], options: BuildOptions
) -> tuple[tuple[LayerBlocks, ...], tuple[PrunableLayer, ...]]:
    """The blocks of each layer, with the parallelism and all else that a build with these options has; and the layers without."""
    lowered = lower(graph, options)
    chosen = dict(choose_parallelism(lowered, options))
    lanes = {key: chosen[node] for key, node in _keyed(list(chosen), _INTEGER_PRODUCTS).items()}
    weights = hardware_weights(lowered.quantized)
    ready = {key: weights.get(node) for key, node in _keyed(lowered.quantized.nodes, PRODUCTS).items()}
    own = {node: key for key, node in _keyed(graph.nodes, PRODUCTS).items()}
    found: list[LayerBlocks] = []
    left: list[PrunableLayer] = []
    for layer in layers:
        key = own[layer.node]
        weight = ready.get(key)
        if weight is None or key not in lanes:
            left.append(layer)
        else:
            found.append(_blocks(layer, weight, lanes[key]))
    return tuple(found), tuple(left)


def _keyed(nodes: Sequence[Node], ops: Collection[str]) -> dict[tuple[str, int], Node]:
    """Nodes of these operators by path and number there: passes and lowering keep both."""
    counts: Counter[str] = Counter()
    found: dict[tuple[str, int], Node] = {}
    for node in nodes:
        if node.op in ops:
            found[node.path, counts[node.path]] = node
            counts[node.path] += 1
    return found


def _blocks(layer: PrunableLayer, weight: HardwareWeight, lanes: Parallelism) -> LayerBlocks:
    lanes = weight.parallelism(lanes)
    return LayerBlocks(layer, lanes, tiles_of(weight.places + 1, lanes) - 1, weight.vectors)


def block_masks(layers: Sequence[LayerBlocks], share: float, budget: Budget = Budget.LAYER) -> tuple[Mask, ...]:
    """Prunes ``share`` of the cycles of each layer, or of all together, by its least blocks.

    Where cycles cannot fall that far, as each beat of the input takes one, it prunes that share of the blocks.
    """
    check_share(share)
    if budget is Budget.LAYER:
        return tuple(one.mask(kept) for one in layers for kept in _kept([one], share))
    return tuple(one.mask(kept) for one, kept in zip(layers, _kept(layers, share), strict=True))


def _kept(layers: Sequence[LayerBlocks], share: float) -> list[Blocks]:
    """Of each layer: as many of the greatest blocks as the cycles allow, then of the others those that cost none more."""
    scores = [one.scores for one in layers]
    together = np.concatenate([s.ravel() for s in scores])
    ends = np.cumsum([s.size for s in scores])[:-1]
    allowed = int((1 - share) * sum(one.vectors * s.size for one, s in zip(layers, scores, strict=True)))

    def schedules(kept: Flags) -> list[BlockSchedule]:
        parts = zip(np.split(kept, ends), scores, strict=True)
        return [block_schedule(part.reshape(s.shape)) for part, s in parts]

    def fits(kept: Flags) -> bool:
        return sum(one.vectors * s.cycles for one, s in zip(layers, schedules(kept), strict=True)) <= allowed

    def fill(kept: Flags, more: IntArray) -> None:
        """Adds those of ``more``, greatest first, with which the cycles stay within what is allowed."""
        trial = kept.copy()
        trial[more] = True
        if fits(trial):
            kept[more] = True
        elif len(more) > max(1, together.size // _FINEST):
            half = len(more) // 2
            fill(kept, more[:half])
            fill(kept, more[half:])

    kept = np.zeros(together.size, dtype=np.bool_)
    if not fits(kept):
        kept = without_least(together, round(share * together.size))
        return [part.reshape(s.shape) for part, s in zip(np.split(kept, ends), scores, strict=True)]
    low, high = 0, together.size
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(without_least(together, together.size - middle)) else (low, middle - 1)
    kept = without_least(together, together.size - low)
    order = np.argsort(together, kind="stable")[::-1]
    fill(kept, order[~kept[order]])
    return [schedule.kept for schedule in schedules(kept)]
