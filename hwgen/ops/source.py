"""Graph inputs and constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Format, Quantized
from hwgen.ir.graph import Array, Attrs, Node, Shape, TensorType
from hwgen.numerics.surd import Surd
from hwgen.ops.record import RealOp, attrs_as


@dataclass(frozen=True, slots=True)
class InputAttrs(Attrs):
    """shape with a batch of 1; format of what comes in."""

    shape: Shape
    format: Format = REAL


@dataclass(frozen=True, eq=False, slots=True)
class ConstantAttrs(Attrs):
    """data: reals (float32, float64, or exact `Surd` objects) for format real, codes (int64) for a quantized one."""

    data: Array
    format: Format = REAL


def constant_reals(attrs: ConstantAttrs) -> Array:
    """The constant's exact values, as an object array of `Surd`."""
    exact = np.empty(attrs.data.shape, dtype=object)
    format_ = attrs.format
    if not isinstance(format_, Quantized):
        for index, value in np.ndenumerate(attrs.data):
            exact[index] = value if isinstance(value, Surd) else Surd.of(float(value))
        return exact
    for index, code in np.ndenumerate(attrs.data):
        channel = 0 if format_.axis is None else index[format_.axis]
        scale, zero = format_.scales[channel % len(format_.scales)], format_.zeros[channel % len(format_.zeros)]
        exact[index] = Surd.of(scale * (int(code) - zero))
    return exact


def _infer_input(node: Node) -> tuple[TensorType, ...]:
    attrs = attrs_as(node, InputAttrs)
    if not attrs.shape:
        raise HwgenError("shape", f"input {node.path!r}", "has no axes", "use (batch, features…)")
    return (TensorType(attrs.shape, attrs.format),)


def _infer_constant(node: Node) -> tuple[TensorType, ...]:
    attrs = attrs_as(node, ConstantAttrs)
    return (TensorType(attrs.data.shape, attrs.format),)


INPUT = RealOp("input", InputAttrs, _infer_input)
CONSTANT = RealOp("constant", ConstantAttrs, _infer_constant)
