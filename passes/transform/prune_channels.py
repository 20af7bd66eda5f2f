"""Remove the output channels of layers whose weights are least: the layer, and those behind it, really become smaller.

    linear(W1, b1) → relu → linear(W2, b2)   ⇒   linear(W1[kept], b1[kept]) → relu → linear(W2[:, kept], b2)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import IntArray
from hwgen.ir.graph import Graph, Node
from hwgen.pipeline import Effect, Notes, Pass
from hwgen.pruning.budget import Budget
from hwgen.pruning.channels import refusal, without_channels
from hwgen.pruning.layers import PrunableLayer, chosen_layers, names_of
from hwgen.pruning.masks import channel_norms, greatest_channels


@dataclass(frozen=True)
class PruneChannels(Pass):
    """share: of the channels, 0 to below 1.  layers: paths, separated by commas or spaces; empty: all that can be pruned.

    budget: ``layer``, the share of each layer's channels, or ``global``, of all together, by the mean square of their weights.
    One channel of each layer stays at least.
    """

    share: float = 0.5
    layers: str = ""
    budget: str = Budget.LAYER

    name = "prune-channels"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        names, legal = names_of(self.layers), list[PrunableLayer]()
        for layer in chosen_layers(graph, names, notes.left):
            why = refusal(graph, layer.node)
            if why is None:
                legal.append(layer)
            elif names:
                raise HwgenError("pruning", f"layer {layer.path!r}", f"its channels cannot go: {why}", "leave this layer out")
            else:
                notes.left(layer.path, f"its channels cannot go: {why}")
        if not legal:
            raise HwgenError("pruning", f"model {graph.name!r}", "has no layer whose channels can go", "prune blocks")
        kept: dict[Node, IntArray] = {}
        norms = [channel_norms(layer.weight, 1 - layer.in_axis) for layer in legal]
        for layer, channels in zip(legal, greatest_channels(norms, self.share, Budget.of(self.budget)), strict=True):
            count = layer.node.inputs[1].type.shape[1 - layer.in_axis]
            notes.changed(layer.path, f"{len(channels)} of {count} channels stay")
            kept[layer.node] = np.asarray(channels)
        return without_channels(graph, kept)
