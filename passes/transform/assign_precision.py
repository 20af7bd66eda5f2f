"""Quantize what a model leaves in float: weights of linear operators, and the values that enter them, a pool or a table.

    linear(x, W, b)   ⇒   linear(quantize(x), quantize(W), b)

A value that is repeated on its way there (a resize), or only multiplied by one number for a function, is quantized before;
so is each part of a concatenation, and what is padded with another number than 0.
Biases stay exact (they go into the requantizer).  With ``calibration`` data a fixed-point format keeps its width and
gets, tensor by tensor, the fewest integer bits that hold the largest magnitude seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import frexp
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Fixed, FloatArray, Quantized, parse_quantized
from hwgen.ir.graph import Graph, Node, Rewriter, Value
from hwgen.ops.padding import PadAttrs
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.ops.record import make
from hwgen.ops.run import constant_floats, evaluate
from hwgen.ops.scalar import ScaleBiasAttrs
from hwgen.ops.source import ConstantAttrs
from hwgen.ops.weights import POOLS, PRODUCTS
from hwgen.pipeline import Effect, Notes, Pass

_NEEDS_CODES: Final = frozenset((*PRODUCTS, *POOLS, *FUNCTION_OPS))
_MEETINGS: Final = frozenset(("add", "sub", "mul", "min", "max", "pad"))
"""Operators that take sums and products as they are, but no functions of them: what they join meets on a grid."""
_JOINS: Final = frozenset(("concat",))
"""Operators whose parts meet on a grid, as a number that pads does: accumulators have none in common."""
_FUNCTIONS: Final = frozenset((*FUNCTION_OPS, "prelu", "threshold"))
_CLAMPS: Final = ("relu", "clip")
_AFFINE: Final = ("scale_bias", "batch_norm", *_CLAMPS)
_TRANSPARENT: Final = ("reshape", "identity", "transpose", "slice", "resize", "max_pool")


def _is_quantized(value: Value) -> bool:
    """Whether a quantizer, or nothing but what keeps its grid after one, makes the value."""
    while value.producer.op in _TRANSPARENT:
        value = value.producer.inputs[0]
    return value.type.format is not REAL


def _is_function(value: Value) -> bool:
    """Whether a function that has no exact codes makes the value, with nothing but scales, clamps and moves after it."""
    return value.type.format is REAL and _behind(value)[0].producer.op in _FUNCTIONS


def _is_off_grid(value: Value) -> bool:
    """Whether a function, or a clamp of an accumulator, makes the value: its limit is no code of the accumulator's grid."""
    made, clamped = _behind(value)
    return made.type.format is REAL and ((clamped and _is_accumulator(made)) or made.producer.op in _FUNCTIONS)


def _is_accumulator(value: Value) -> bool:
    """Whether a product by weights, with nothing on a grid behind it, is part of the value."""
    stack, seen = [value], {value}
    while stack:
        made = stack.pop()
        if made.type.format is REAL and made.producer.op in PRODUCTS:
            return True
        if made.type.format is REAL and made.producer.op in (*_TRANSPARENT, *_AFFINE, *_MEETINGS, *_JOINS):
            before = [v for v in made.producer.inputs if v not in seen]
            stack += before
            seen.update(before)
    return False


def _behind(value: Value) -> tuple[Value, bool]:
    """What ``value`` is scaled, clamped and moved from, and whether there is a clamp."""
    clamped = False
    while value.type.format is REAL and value.producer.op in (*_TRANSPARENT, *_AFFINE):
        clamped |= value.producer.op in _CLAMPS
        value = value.producer.inputs[0]
    return value, clamped


def _fitted(format_: Quantized, largest: float) -> Quantized:
    """A fixed-point format with the fewest integer bits that hold ``largest``; others unchanged."""
    if not isinstance(format_, Fixed) or largest <= 0:
        return format_
    return replace(format_, integer_bits=frexp(largest)[1] + format_.is_signed)


def _with_quantizer(value: Value, format_: Quantized, name: str, *, before: bool) -> Value:
    """``value`` on a grid.  before: quantize what its producer is made from."""
    source = value.producer.inputs[0] if before else value
    quantized = make(QUANTIZE, QuantizeAttrs(format_), [source], name, source.producer.path).output
    return value.producer.with_inputs([quantized]).output if before else quantized


def _is_repeated(value: Value, user: Node) -> bool:
    """Whether the producer of ``value`` only repeats elements, or multiplies them by one number for a function."""
    attrs = value.producer.attrs
    if isinstance(attrs, ScaleBiasAttrs):
        return user.op in FUNCTION_OPS and attrs.channels == 1 and not attrs.bias[0].sign()
    return value.producer.op == "resize"


@dataclass(frozen=True)
class AssignPrecision(Pass):
    """format: text of the default format.  calibration: (samples, …) float data for the one input, or None."""

    format: str
    calibration: FloatArray | None = None

    name = "assign-precision"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        format_ = parse_quantized(self.format)
        lowered = next((v for v in graph.inputs if v.type.format is not REAL), None)
        if lowered is not None:
            raise HwgenError("usage", f"input {lowered.name!r}", "comes in as codes", "assign precision before lowering")
        largest: dict[Value, float] = {}
        if self.calibration is not None:
            data = {v.name: self.calibration.astype(np.float64) for v in graph.inputs}
            largest = {v: float(np.abs(a).max(initial=0)) for v, a in evaluate(graph, data).items()}
        rewriter = Rewriter(graph)
        quantized: dict[tuple[Value, Quantized, bool], Value] = {}
        for node in graph.nodes:
            rewriter.copy(node)
            if not self._wants(node, graph):
                continue
            inputs = [rewriter[v] for v in node.inputs]
            for index in self._indices(node, inputs):
                value = inputs[index]
                if _is_quantized(value):
                    notes.left(node.path, f"input {index} is quantized by the model")
                    continue
                attrs = value.producer.attrs
                top = float(np.abs(constant_floats(attrs)).max(initial=0)) if isinstance(attrs, ConstantAttrs) else 0.0
                chosen = format_ if self.calibration is None else _fitted(format_, top or largest.get(node.inputs[index], 0.0))
                before = len(graph.uses.get(node.inputs[index], ())) <= 1 and _is_repeated(value, node)
                made = quantized.get((value, chosen, before))
                if made is None:
                    made = _with_quantizer(value, chosen, rewriter.name(f"{value.name}.q"), before=before)
                    quantized[value, chosen, before] = made
                inputs[index] = made
                notes.changed(node.path, f"input {index} ({value.name}) becomes {chosen}")
            rewriter.replace(node.output, node.with_inputs(inputs).output)
        return rewriter.finish()

    def _wants(self, node: Node, graph: Graph) -> bool:
        """What only the host computes needs no codes: a function that comes last, and what follows it."""
        if node.op in (*PRODUCTS, *POOLS) or graph.uses.get(node.output):
            return True
        return node.op in _MEETINGS and not any(map(_is_function, node.inputs))

    def _indices(self, node: Node, inputs: list[Value]) -> Sequence[int]:
        """The inputs of ``node`` that need codes."""
        if node.op in _NEEDS_CODES:
            return range(min(2, len(inputs)))
        if node.op in _JOINS or (isinstance(node.attrs, PadAttrs) and node.attrs.value.sign()):
            return [k for k, v in enumerate(inputs) if _is_accumulator(v) or _is_function(v)]
        return [k for k, v in enumerate(inputs) if node.op in _MEETINGS and _is_off_grid(v)]
