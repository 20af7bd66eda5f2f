"""Give quantizers the range that suits what they quantize: weights always, values where there is data.

    quantize{format}(x)   ⇒   quantize{the same format with another scale, zero point or binary point}(x)

Each sees the values that a run without quantizers gives it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.calibration.collecting import seen_by_quantizers
from hwgen.calibration.ranges import DEFAULT_SHARE, Method, RangeOptions, fitted
from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.formats import REAL, Block, Quantized
from hwgen.ir.graph import Graph, Rewriter
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class CalibrateRanges(Pass):
    """method: ``min-max``, ``percentile`` (which holds ``share`` of the numbers) or ``mse``.  power_of_two: only such scales.

    data: the model's inputs; None: weights only.  keep: names of the quantized values that stay as they are.
    """

    data: Dataset | None = None
    method: Method = "mse"
    share: float = DEFAULT_SHARE
    power_of_two: bool = False
    keep: tuple[str, ...] = ()

    name = "calibrate-ranges"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        lowered = next((v for v in graph.inputs if v.type.format is not REAL), None)
        if lowered is not None:
            raise HwgenError("usage", f"input {lowered.name!r}", "comes in as codes", "calibrate before lowering")
        options = RangeOptions(self.method, self.share, self.power_of_two)
        kept = {n for n in graph.nodes if n.op == "quantize" and n.output.name in self.keep}
        chosen = {
            node: fitted(node.output.type.format, seen, options)
            for node, seen in seen_by_quantizers(graph, self.data, skip=kept)
        }
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            format_ = chosen.get(node, node.output.type.format)
            if node.op == "quantize" and node not in chosen:
                notes.left(node.path, "stays as it is" if node in kept else "there is no data for it")
            if format_ == node.output.type.format or not isinstance(format_, Quantized | Block):
                rewriter.copy(node)
                continue
            made = make(QUANTIZE, QuantizeAttrs(format_), [rewriter[node.inputs[0]]], node.output.name, node.path)
            notes.changed(node.path, f"{node.output.name} becomes {format_}")
            rewriter.replace(node.output, made.output)
        return rewriter.finish()
