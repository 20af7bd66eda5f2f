"""What pruning did to each layer: its weights, its blocks and its cycles, before and after."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from hwgen.dataflow.plan import plan
from hwgen.flow import BuildOptions, choose_parallelism, lower
from hwgen.ir.graph import Graph
from hwgen.pruning.layers import prunable_layers


@dataclass(frozen=True, slots=True)
class LayerAccount:
    """weights, zeros: of the constants.  blocks: words of the weight memory.  cycles: a tensor.  None: not on chip as a product."""

    weights: int
    zeros: int
    blocks: int | None
    cycles: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """path: of the layer.  parallelism: of its multiplier array."""

    path: str
    parallelism: str | None
    before: LayerAccount
    after: LayerAccount


def changes(before: Graph, after: Graph, options: BuildOptions | None = None) -> tuple[Change, ...]:
    """One a layer with weights, in the order of the model.  options: as both would be built."""
    first, then = (_accounts(graph, options or BuildOptions()) for graph in (before, after))
    return tuple(Change(path, lanes, account, then[path][1]) for path, (lanes, account) in first.items())


def _accounts(graph: Graph, options: BuildOptions) -> dict[str, tuple[str | None, LayerAccount]]:
    lowered = lower(graph, options)
    choices = choose_parallelism(lowered, options)
    chosen = {node: str(lanes) for node, lanes in choices}
    blocks: dict[str, int] = defaultdict(int)
    cycles: dict[str, int] = defaultdict(int)
    lanes: dict[str, str] = {}
    for stage in plan(lowered.graph, choices).stages:
        if stage.node in chosen:
            cycles[stage.path] += stage.cycles
            lanes[stage.path] = chosen[stage.node]
            blocks[stage.path] += sum(m.depth for p in stage.units for m in p.unit.memories if m.parameter == "WeightFile")
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for layer in prunable_layers(graph)[0]:
        counts[layer.path][0] += layer.mask.size
        counts[layer.path][1] += int(np.sum(~layer.mask))
    return {
        path: (lanes.get(path), LayerAccount(weights, zeros, blocks.get(path), cycles.get(path)))
        for path, (weights, zeros) in counts.items()
    }
