"""Keep of every M weights in a row, along the input channels, the N greatest; the others become 0.

What several input lanes meet is then alike: of M products N are left in each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph
from hwgen.pipeline import Effect, Notes, Pass
from hwgen.pruning.layers import chosen_layers, names_of, with_masks
from hwgen.pruning.masks import n_m_mask


@dataclass(frozen=True)
class PruneNM(Pass):
    """pattern: ``2:4``.  layers: paths, separated by commas or spaces; empty: all that can be pruned."""

    pattern: str = "2:4"
    layers: str = ""

    name = "prune-n-m"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        match = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,4})", self.pattern)
        if match is None:
            raise HwgenError("usage", f"pattern {self.pattern!r}", "is no N:M", "write N:M with N below M, e.g. 2:4")
        chosen = chosen_layers(graph, names_of(self.layers), notes.left)
        masks = [(layer, n_m_mask(layer.weight, int(match[1]), int(match[2]), layer.in_axis)) for layer in chosen]
        return with_masks(graph, masks, notes.changed, notes.left)
