"""Pruning while a model is trained: more and more weights, so that the others can take over what those did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions
from hwgen.ir.graph import Graph
from hwgen.pipeline import pass_of
from hwgen.pruning.layers import masks_of
from hwgen.pruning.masks import Mask, check_share, gradual_share

_RISES_OVER: Final = 0.6
"""Share of the epochs over which the share of pruned weights rises; the others recover."""


@dataclass(frozen=True)
class GradualPruning:
    """by: ``magnitude``, ``blocks`` (share: in the end) or ``n:m`` (pattern: from the beginning).

    parallelism: with which the design is built; empty: the default.
    """

    by: str
    share: float = 0.0
    pattern: str = ""
    parallelism: str = ""

    @staticmethod
    def of(text: str, parallelism: str | None = None) -> GradualPruning:
        """From ``magnitude:0.7``, ``blocks:0.5`` or ``2:4``.  Raises HwgenError for another text."""
        match = re.fullmatch(r"(magnitude|blocks):(0?\.[0-9]+)|([0-9]+:[0-9]+)", text)
        if match is None:
            more = "; channels are removed before training: hwgen prune" if text.startswith("channels") else ""
            raise HwgenError("usage", f"--prune {text!r}", f"is not known{more}", "write magnitude:0.7, blocks:0.5 or 2:4")
        if match[3]:
            return GradualPruning("n:m", pattern=match[3])
        check_share(float(match[2]))
        return GradualPruning(match[1], float(match[2]), parallelism=parallelism or "")

    def masks(self, graph: Graph, done: float) -> Mapping[str, Mask]:
        """Of the weights, by the names of their constants, when that share of the epochs is over."""
        if self.by == "n:m":
            pruning = pass_of("prune-n-m", pattern=self.pattern)
        else:
            share = gradual_share(round(1000 * done), round(1000 * _RISES_OVER), self.share)
            if self.by == "blocks":
                pruning = pass_of("prune-blocks", share=share, options=BuildOptions(parallelism=self.parallelism or None))
            else:
                pruning = pass_of("prune-magnitude", share=share)
        return masks_of(pruning(graph)[0])

    def complete(self, done: float) -> bool:
        """Whether all is pruned that will be."""
        return self.by == "n:m" or done >= _RISES_OVER
