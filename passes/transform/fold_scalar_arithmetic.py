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


@dataclass(frozen=True, slots=True)
class _Vector:
    """One number, or one a channel along ``axis`` (negative: from the last)."""

    values: tuple[Surd, ...]
    axis: int = -1


def _vector(value: Value, like: tuple[int, ...], node: Node) -> _Vector | None:
    """The constant's exact values; None if it is not constant."""
    attrs = value.producer.attrs
    if not isinstance(attrs, ConstantAttrs):
        return None
    exact = constant_reals(attrs)
    if exact.size == 1:
        return _Vector((exact.ravel()[0],))
    shape = (*(1,) * (len(like) - exact.ndim), *exact.shape)
    long = [k for k, d in enumerate(shape) if d != 1]
    if len(shape) != len(like) or len(long) != 1 or shape[long[0]] != like[long[0]]:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", f"a constant of shape {exact.shape} with a value of shape {like}",
            "use a scalar or one number a channel",
        )
    return _Vector(tuple(exact.ravel()), long[0] - len(like))


def _merged(outer: ScaleBiasAttrs, inner: ScaleBiasAttrs) -> ScaleBiasAttrs | None:
    """Both as one; None where their channels run along different axes."""
    axes = {a.axis for a in (outer, inner) if a.channels > 1} or {-1}
    if len(axes) > 1:
        return None
    count = max(outer.channels, inner.channels)

    def at(vector: tuple[Surd, ...], index: int) -> Surd:
        return vector[index % len(vector)]

    gains = tuple(at(outer.gain, c) * at(inner.gain, c) for c in range(count))
    biases = tuple(at(outer.gain, c) * at(inner.bias, c) + at(outer.bias, c) for c in range(count))
    return ScaleBiasAttrs(gains, biases, *axes)


def _scale_bias(op: str, constant: _Vector, *, constant_first: bool) -> ScaleBiasAttrs | None:
    values, axis = constant.values, constant.axis
    match op:
        case "add":
            return ScaleBiasAttrs((UNIT,), values, axis)
        case "sub" if constant_first:
            return ScaleBiasAttrs((-UNIT,), values, axis)
        case "sub":
            return ScaleBiasAttrs((UNIT,), tuple(-c for c in values), axis)
        case "mul":
            return ScaleBiasAttrs(values, (ZERO,), axis)
        case "div" if not constant_first:
            return ScaleBiasAttrs(tuple(c.inverse() for c in values), (ZERO,), axis)
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
                merged = _merged(attrs, attrs_as(before, ScaleBiasAttrs))
                value, attrs = (value, attrs) if merged is None else (before.inputs[0], merged)
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
