"""Give a number format to each graph input that the model does not quantize itself.

    input → …   ⇒   input → quantize(format) → …
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.formats import REAL, parse_quantized
from hwgen.ir.graph import Graph, Rewriter
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import attrs_as, make
from hwgen.pipeline import Effect, Notes, Pass


@dataclass(frozen=True)
class AssignInputFormat(Pass):
    """format: text of a format.  override: also where the model quantizes the input itself (a requantizer follows)."""

    format: str = "fixed<16,6>"
    override: bool = False

    name = "assign-input-format"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            rewriter.copy(node)
            if node.op != "input" or node.output.type.format is not REAL:
                continue
            uses = graph.uses.get(node.output, ())
            formats = {str(attrs_as(u, QuantizeAttrs).format) for u in uses if u.op == "quantize"}
            quantized = bool(uses) and all(u.op == "quantize" for u in uses) and node.output not in graph.outputs
            if quantized and len(formats) == 1 and not self.override:
                notes.left(node.path, f"the model quantizes it to {formats.pop()}")
                continue
            format_ = parse_quantized(self.format)
            name = rewriter.name(f"{node.output.name}.input")
            rewriter.replace(node.output, make(QUANTIZE, QuantizeAttrs(format_), [node.output], name, node.path).output)
            notes.changed(node.path, f"comes in as {format_}")
        return rewriter.finish()
