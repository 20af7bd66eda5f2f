"""Set whole blocks of the multiplier array to 0, those of least magnitude: hg_matvec skips them, in cycles and in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions
from hwgen.ir.graph import Graph
from hwgen.pipeline import Effect, Notes, Pass
from hwgen.pruning.blocks import block_masks, layer_blocks
from hwgen.pruning.budget import Budget
from hwgen.pruning.layers import chosen_layers, names_of, with_masks


@dataclass(frozen=True)
class PruneBlocks(Pass):
    """share: of the cycles, 0 to below 1.  parallelism: with which the design is built, text as of the command line; empty: the
    default.  layers: paths, separated by commas or spaces; empty: all that can be pruned.  budget: ``layer`` or ``global``.
    options: all of a build's, instead of a parallelism.
    """

    share: float = 0.5
    parallelism: str = ""
    layers: str = ""
    budget: str = Budget.LAYER
    options: BuildOptions | None = field(default=None, repr=False)

    name = "prune-blocks"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        names = names_of(self.layers)
        options = self.options or BuildOptions(parallelism=self.parallelism or None)
        blocks, without = layer_blocks(graph, chosen_layers(graph, names, notes.left), options)
        for layer in without:
            why = "has no blocks of inputs times outputs (depthwise)"
            if layer.path in names or not blocks:
                raise HwgenError("pruning", f"layer {layer.path!r}", why, "prune it by magnitude, or leave it out")
            notes.left(layer.path, why)
        masks = block_masks(blocks, self.share, Budget.of(self.budget))
        return with_masks(graph, [(one.layer, mask) for one, mask in zip(blocks, masks, strict=True)], notes.changed, notes.left)
