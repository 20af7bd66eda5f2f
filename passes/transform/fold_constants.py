"""Compute what depends on constants only.

    quantize(w)            ⇒   constant codes, in the float arithmetic of the framework (docs/decisions/0001)
    transpose(c), reshape(c), identity(c)   ⇒   constant
    c1 ∘ c2, scale_bias(c) ⇒   constant, exact
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Affine, Binary, Quantized, Ternary
from hwgen.ir.graph import Array, Graph, Node, Rewriter, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.record import attrs_as, make
from hwgen.ops.scalar import ScaleBiasAttrs
from hwgen.ops.shape import ReshapeAttrs, TransposeAttrs
from hwgen.ops.source import CONSTANT, ConstantAttrs, constant_reals
from hwgen.pipeline import Effect, Notes, Pass

_EXACT: Final[dict[str, Callable[[Surd, Surd], Surd]]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a * b.inverse(),
}

_ARITHMETIC: Final = ("scale_bias", *_EXACT)


def _moved(format_: Quantized, perm: tuple[int, ...]) -> Quantized:
    """The format of a transposed tensor: the channel axis moves along."""
    if isinstance(format_, Affine | Binary | Ternary) and format_.along is not None:
        return replace(format_, along=perm.index(format_.along % len(perm)))
    return format_


def _folded(node: Node, constants: list[ConstantAttrs]) -> ConstantAttrs | None:
    first = constants[0] if constants else None
    if first is None:
        return None
    match node.op:
        case "quantize" if first.format is REAL and first.data.dtype != object:
            format_ = attrs_as(node, QuantizeAttrs).format
            return ConstantAttrs(format_.quantize(first.data), format_)
        case "transpose":
            perm = attrs_as(node, TransposeAttrs).perm
            format_ = _moved(first.format, perm) if isinstance(first.format, Quantized) else first.format
            return ConstantAttrs(np.ascontiguousarray(first.data.transpose(perm)), format_)
        case "reshape" if getattr(first.format, "axis", None) is None:
            return ConstantAttrs(first.data.reshape(attrs_as(node, ReshapeAttrs).shape), first.format)
        case "identity":
            return first
        case "scale_bias":
            attrs, exact = attrs_as(node, ScaleBiasAttrs), constant_reals(first)
            gain, bias = (np.array(v, dtype=object) for v in (attrs.gain, attrs.bias))
            return ConstantAttrs(_ufunc(_EXACT["add"], _ufunc(_EXACT["mul"], exact, gain), bias))
        case "add" | "sub" | "mul" | "div" if len(constants) == 2:
            left, right = (constant_reals(c) for c in constants)
            return ConstantAttrs(_ufunc(_EXACT[node.op], left, right))
        case _:
            return None


_MAX_EXACT: Final = 1 << 20
"""Elements that one run of the pass may compute in exact arithmetic; floats of a framework are quantized in its own."""
_MAX_BROADCAST: Final = 1 << 16
"""Elements that a constant larger than what it is made of may have."""


def _check_exact(node: Node, constants: Sequence[ConstantAttrs], elements: int) -> None:
    """elements: computed exactly so far, those of the node among them."""
    made = node.output.type.elements
    if elements > _MAX_EXACT or (made > _MAX_BROADCAST and made > max(c.data.size for c in constants)):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"computes {made} constants", "compute them in the framework before the export"
        )


def _ufunc(function: Callable[[Surd, Surd], Surd], left: Array, right: Array) -> Array:
    shape = np.broadcast_shapes(left.shape, right.shape)
    result = np.empty(int(np.prod(shape)), dtype=object)
    a, b = np.broadcast_to(left, shape).ravel(), np.broadcast_to(right, shape).ravel()
    result[:] = [function(x, y) for x, y in zip(a, b, strict=True)]
    return result.reshape(shape)


def _constant(value: Value) -> ConstantAttrs | None:
    return value.producer.attrs if isinstance(value.producer.attrs, ConstantAttrs) else None


@dataclass(frozen=True)
class FoldConstants(Pass):
    """See the module."""

    name = "fold-constants"
    effect = Effect.EXACT

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        rewriter = Rewriter(graph)
        exact = 0
        for node in graph.nodes:
            inputs = [_constant(rewriter[v]) for v in node.inputs]
            known = [c for c in inputs if c is not None]
            if known and len(known) == len(inputs) and node.op in _ARITHMETIC:
                exact += node.output.type.elements
                _check_exact(node, known, exact)
            folded = _folded(node, known) if known and len(known) == len(inputs) else None
            if folded is None:
                if known and len(known) == len(inputs):
                    notes.left(node.path, f"{node.op} of constants has no folding rule here")
                rewriter.copy(node)
                continue
            notes.changed(node.path, f"{node.op} of a constant")
            rewriter.replace(node.output, make(CONSTANT, folded, [], node.output.name, node.path).output)
        return rewriter.finish()
