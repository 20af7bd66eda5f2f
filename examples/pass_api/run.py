"""The passes, called one by one on a graph, and a pass of one's own between them.

    python -m examples.pass_api.run

A pass is a frozen dataclass, its fields are its options; called on a graph it gives a new graph and an account of what it
changed and what it left.  The network here is not trained: what counts is that the hardware computes what the graph says.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import nn

import hwgen
from examples.show import console, layers
from hwgen.formats import REAL
from hwgen.ir.graph import Graph, Rewriter
from hwgen.ir.text import print_graph
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.pipeline import Effect, Info, Notes, Pass
from hwgen.rtl.build_directory import emit
from passes import (
    AssignInputFormat,
    AssignPrecision,
    FoldBatchNorm,
    FoldConstants,
    FoldScalarArithmetic,
    InferRanges,
    Lower,
)

FOLDER = Path("build/pass_api")
SEED = 1
SAMPLES = 200


@dataclass(frozen=True)
class PruneSmallWeights(Pass):
    """Sets weights below ``share`` of the largest of their layer to zero."""

    share: float = 0.1

    name = "prune-small-weights"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            if isinstance(node.attrs, ConstantAttrs) and node.output.type.format is REAL and node.attrs.data.ndim == 2:
                data = node.attrs.data
                small = np.abs(data) < self.share * np.abs(data).max()
                pruned = ConstantAttrs(np.where(small, 0, data).astype(data.dtype))
                rewriter.replace(node.output, make(CONSTANT, pruned, [], node.output.name, node.path).output)
                notes.changed(node.path, f"{small.mean():.0%} of the weights are zero now")
            else:
                rewriter.copy(node)
        return rewriter.finish()


class Small(nn.Module):
    """Two layers with the arithmetic that models carry around."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(16, 12)
        self.norm = nn.BatchNorm1d(12)
        self.fc2 = nn.Linear(12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 4) of (batch, 16)."""
        return torch.sigmoid(self.fc2(torch.relu(self.norm(self.fc1(2 * x - 1)))))


def _account(screen: Console, info: Info) -> None:
    screen.print(f"[bold]{info.name}[/bold] ({info.effect.value})")
    for note in info.changed:
        screen.print(f"  changed {note.where}: {note.what}", markup=False)
    for note in info.left:
        screen.print(f"  left    {note.where}: {note.what}", markup=False)


def main(folder: Path) -> int:
    """0 where every bit is equal."""
    screen = console()
    torch.manual_seed(SEED)
    graph = hwgen.import_model(Small(), torch.zeros(1, 16), "pass_api")
    for step in (
        FoldConstants(),
        FoldScalarArithmetic(),
        FoldBatchNorm(),
        PruneSmallWeights(share=0.2),
        AssignPrecision(format="fixed<6,2>"),
        AssignInputFormat(format="ufixed<8,0>"),
        FoldConstants(),
    ):
        graph, info = step(graph)
        _account(screen, info)
    quantized = graph
    graph, info = Lower()(graph)
    _account(screen, info)
    _, info = InferRanges()(graph)
    _account(screen, info)

    flow = hwgen.plan_dataflow(graph, hwgen.BuildOptions(parallelism="fc1=4x3,fc2=2x2"))
    codes = np.random.default_rng(SEED).integers(0, 256, (SAMPLES, 16))
    emit(graph, flow, folder, source_sha256="", values=evaluate(graph, {graph.inputs[0].name: codes[:16]}))
    (folder.parent / "pass_api.hwg").write_text(print_graph(quantized))
    seen = hwgen.simulate(folder, codes=codes, seed=SEED)

    real = evaluate(quantized, {quantized.inputs[0].name: codes / 256})[quantized.outputs[0]]
    integer = evaluate(graph, {graph.inputs[0].name: codes})[graph.outputs[0]]
    screen.print(layers(flow))
    screen.print(f"inferences with a wrong bit: {seen.mismatches} of {seen.samples}")
    screen.print(f"integers against the quantized graph in float64: largest difference {np.abs(real - integer).max():.1e}")
    return 0 if seen.mismatches == 0 else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    sys.exit(main(parser.parse_args().folder))
