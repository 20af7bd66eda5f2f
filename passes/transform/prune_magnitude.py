"""Set the weights of least magnitude to 0: unstructured pruning.

Memory and cycles fall only where whole blocks of the multiplier array become zeros (`prune-blocks`); multipliers with constant
weights, and training with fewer of them, win from each.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.ir.graph import Graph
from hwgen.pipeline import Effect, Notes, Pass
from hwgen.pruning.budget import Budget
from hwgen.pruning.layers import chosen_layers, names_of, with_masks
from hwgen.pruning.masks import magnitude_masks


@dataclass(frozen=True)
class PruneMagnitude(Pass):
    """share: of the weights, 0 to below 1.  layers: paths, separated by commas or spaces; empty: all that can be pruned.

    budget: ``layer``, the share of each layer's weights, or ``global``, of all together.
    """

    share: float = 0.5
    layers: str = ""
    budget: str = Budget.LAYER

    name = "prune-magnitude"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        chosen = chosen_layers(graph, names_of(self.layers), notes.left)
        masks = magnitude_masks([layer.weight for layer in chosen], self.share, Budget.of(self.budget))
        return with_masks(graph, list(zip(chosen, masks, strict=True)), notes.changed, notes.left)
