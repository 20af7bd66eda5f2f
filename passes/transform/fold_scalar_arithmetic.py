"""Turn arithmetic with constants into ``gain * x + bias``, and merge neighbours.

    x + c, c + x, x - c, c - x, x * c, c * x, x / c   ⇒   scale_bias(x)
    scale_bias(scale_bias(x))                         ⇒   scale_bias(x)
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph, Node, Rewriter, Value
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.record import attrs_as, make
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import ConstantAttrs, constant_reals
from hwgen.pipeline import Effect, Notes, Pass


def _vector(value: Value, like: tuple[int, ...], node: Node) -> tuple[Surd, ...] | None:
    """The constant's exact values as one number or one a channel (last axis); None if it is not constant."""
    attrs = value.producer.attrs
    if not isinstance(attrs, ConstantAttrs):
        return None
    exact = constant_reals(attrs)
    if exact.size == 1:
        return (exact.ravel()[0],)
    if exact.size != like[-1] or exact.shape[-1] != like[-1]:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", f"a constant of shape {exact.shape} with a value of shape {like}",
            "use a scalar or one number a channel",
        )
    return tuple(exact.ravel())


def _merged(outer: ScaleBiasAttrs, inner: ScaleBiasAttrs) -> ScaleBiasAttrs:
    count = max(outer.channels, inner.channels)

    def at(vector: tuple[Surd, ...], index: int) -> Surd:
        return vector[index % len(vector)]

    gains = tuple(at(outer.gain, c) * at(inner.gain, c) for c in range(count))
    biases = tuple(at(outer.gain, c) * at(inner.bias, c) + at(outer.bias, c) for c in range(count))
    return ScaleBiasAttrs(gains, biases)


def _scale_bias(op: str, constant: tuple[Surd, ...], *, constant_first: bool) -> ScaleBiasAttrs | None:
    match op:
        case "add":
            return ScaleBiasAttrs((UNIT,), constant)
        case "sub" if constant_first:
            return ScaleBiasAttrs((-UNIT,), constant)
        case "sub":
            return ScaleBiasAttrs((UNIT,), tuple(-c for c in constant))
        case "mul":
            return ScaleBiasAttrs(constant, (ZERO,))
        case "div" if not constant_first:
            return ScaleBiasAttrs(tuple(c.inverse() for c in constant), (ZERO,))
        case _:
            return None


@dataclass(frozen=True)
class FoldScalarArithmetic(Pass):
    """See the module."""

    name = "fold-scalar-arithmetic"
    effect = Effect.EXACT

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            found = self._match(node, rewriter, notes)
            if found is None:
                rewriter.copy(node)
                continue
            value, attrs = found
            before = value.producer
            if before.op == "scale_bias" and len(graph.uses.get(value, ())) <= 1:
                value, attrs = before.inputs[0], _merged(attrs, attrs_as(before, ScaleBiasAttrs))
            notes.changed(node.path, f"{node.op} with a constant")
            rewriter.replace(node.output, make(SCALE_BIAS, attrs, [value], node.output.name, node.path).output)
        return rewriter.finish()

    def _match(self, node: Node, rewriter: Rewriter, notes: Notes) -> tuple[Value, ScaleBiasAttrs] | None:
        if node.op not in ("add", "sub", "mul", "div"):
            return None
        left, right = (rewriter[v] for v in node.inputs)
        if left.producer.op == right.producer.op == "constant":
            notes.left(node.path, f"{node.op} of constants is for fold-constants")
            return None
        shape = node.output.type.shape
        for value, other, constant_first in ((left, right, False), (right, left, True)):
            constant = _vector(other, value.type.shape, node)
            if constant is None or value.type.shape != shape:
                continue
            attrs = _scale_bias(node.op, constant, constant_first=constant_first)
            if attrs is not None:
                return value, attrs
        notes.left(node.path, f"{node.op} has no constant operand of a form that folds")
        return None
