"""Read a value times a gate of itself as the activation that it is, which is how exporters write it; exactly.

    (a*x) * (b * sigmoid(c*x))           ⇒   a*b/c * silu(c*x)
    (a*x) * (b * tanh(softplus(x)))      ⇒   a*b * mish(x)
    (a*x) * (b * erf(c*x) + b)           ⇒   2*a*b/r * gelu(r*x)      r = c * sqrt(2)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from hwgen.ir.graph import NO_ATTRS, Graph, Node, Rewriter, Value
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.functions import FUNCTION, SoftplusAttrs
from hwgen.ops.record import make
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.pipeline import Effect, Notes, Pass

_GATES: Final = ("sigmoid", "tanh", "erf")


@dataclass(frozen=True, slots=True)
class _Line:
    """``gain * value + bias``."""

    gain: Surd
    bias: Surd
    value: Value


@dataclass(frozen=True, slots=True)
class _Activation:
    """``after * op(before * value)``."""

    op: str
    value: Value
    before: Surd
    after: Surd


def _lines(value: Value) -> list[_Line]:
    """``value`` as a line of itself, and of what it was scaled from."""
    found = [_Line(UNIT, ZERO, value)]
    while isinstance(attrs := value.producer.attrs, ScaleBiasAttrs) and attrs.channels == 1:
        last, value = found[-1], value.producer.inputs[0]
        found.append(_Line(last.gain * attrs.gain[0], last.gain * attrs.bias[0] + last.bias, value))
    return found


def _multiple(of: Value, value: Value) -> Surd | None:
    """The factor where ``value`` is a multiple of ``of``, other than 0."""
    return next((s.gain for s in _lines(value) if s.value == of and not s.bias.sign() and s.gain.sign()), None)


def _shared(left: Value, inner: Value) -> tuple[Value, Surd, Surd] | None:
    """A value that both are multiples of, and the two factors."""
    for line in _lines(left):
        factor = None if line.bias.sign() or not line.gain.sign() else _multiple(line.value, inner)
        if factor is not None:
            return line.value, line.gain, factor
    return None


def _activation(left: Value, right: Value) -> _Activation | None:
    """``left * right`` where the second is a gate of the first."""
    for line in _lines(right):
        gate = line.value.producer
        offset = line.bias - line.gain if gate.op == "erf" else line.bias
        if gate.op not in _GATES or offset.sign():
            continue
        inner = gate.inputs[0]
        if gate.op == "tanh":
            if inner.producer.attrs != SoftplusAttrs(UNIT, None):
                continue
            inner = inner.producer.inputs[0]
        shared = _shared(left, inner)
        if shared is None:
            continue
        value, a, c = shared
        match gate.op:
            case "sigmoid":
                return _Activation("silu", value, c, a * line.gain * c.inverse())
            case "erf":
                rate = c * Surd.sqrt(Fraction(2))
                return _Activation("gelu", value, rate, Surd.of(2) * a * line.gain * rate.inverse())
            case _ if (c - UNIT).sign() == 0:
                return _Activation("mish", value, UNIT, a * line.gain)
            case _:
                continue
    return None


def _times(factor: Surd, value: Value, name: str, path: str) -> Value:
    if (factor - UNIT).sign() == 0:
        return value
    return make(SCALE_BIAS, ScaleBiasAttrs((factor,), (ZERO,)), [value], name, path).output


@dataclass(frozen=True)
class FoldGates(Pass):
    """See the module."""

    name = "fold-gates"
    effect = Effect.EXACT

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        for node in graph.nodes:
            found = self._match(node, rewriter)
            if found is None:
                rewriter.copy(node)
                continue
            name, path = node.output.name, node.path
            inner = _times(found.before, found.value, rewriter.name(f"{name}.rate"), path)
            last = (found.after - UNIT).sign() == 0
            gated = make(FUNCTION[found.op], NO_ATTRS, [inner], name if last else rewriter.name(f"{name}.gate"), path).output
            rewriter.replace(node.output, _times(found.after, gated, name, path))
            notes.changed(path, f"a value times a gate of itself is {found.op}")
        return rewriter.finish()

    def _match(self, node: Node, rewriter: Rewriter) -> _Activation | None:
        if node.op != "mul":
            return None
        left, right = (rewriter[v] for v in node.inputs)
        return _activation(left, right) or _activation(right, left)
