"""Piecewise linear activations: clamps and bends of the real line, exact from any accumulator.

    relu         max(x, 0)
    clip         min(max(x, low), high): ReLU6, hardtanh; with a scale before it hard sigmoid
    prelu        x where x >= 0, else slope * x: leaky ReLU, one slope or one a channel of any sign; |x| with slope -1
    threshold    x where x > edge, else value
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, Attrs, NoAttrs, Node, TensorType, Value
from hwgen.numerics.scalar_map import Chain, ClampedAffine
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.quantize import clip_codes
from hwgen.ops.real_sampling import channel_axis, random_number
from hwgen.ops.record import Float64, RealOp, attrs_as, make
from hwgen.ops.scalar import ScaleBiasAttrs, along_axis, exact_vector


def infer_same(node: Node) -> tuple[TensorType, ...]:
    """A real tensor of the input's shape."""
    return (TensorType(node.inputs[0].type.shape, REAL),)


@dataclass(frozen=True, slots=True)
class ClipAttrs(Attrs):
    """low <= high; None where there is no limit."""

    low: Surd | None
    high: Surd | None


@dataclass(frozen=True, slots=True)
class PReluAttrs(Attrs):
    """slope: one exact number, or one a channel along ``axis``."""

    slope: tuple[Surd, ...]
    axis: int = -1


@dataclass(frozen=True, slots=True)
class EdgeAttrs(Attrs):
    """``x`` above ``edge``, ``value`` elsewhere."""

    edge: Surd
    value: Surd


def _bound(limit: Surd | None, otherwise: float) -> float:
    return otherwise if limit is None else float(limit)


def _infer_clip(node: Node) -> tuple[TensorType, ...]:
    attrs = attrs_as(node, ClipAttrs)
    if attrs.low is not None and attrs.high is not None and attrs.high < attrs.low:
        raise HwgenError("numerics", f"{node.op} {node.path!r}", "the lower limit is above the upper one", "swap them")
    return infer_same(node)


def _infer_prelu(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = attrs_as(node, PReluAttrs), node.inputs[0].type.shape
    if not -len(shape) <= attrs.axis < len(shape) or len(attrs.slope) not in (1, shape[attrs.axis]):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"{len(attrs.slope)} slopes along axis {attrs.axis} of {shape}", "check the shapes"
        )
    return infer_same(node)


def _bent(chain: Chain, slope: Surd) -> Chain:
    """``chain`` followed by the function; a slope of 1 or 0 is no bend."""
    if slope == UNIT:
        return chain
    return chain.chosen(ZERO, Chain((ClampedAffine(slope),)), Chain()) if slope.sign() else chain.clamped(ZERO, None)


def _lower_prelu(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    attrs, pending = attrs_as(node, PReluAttrs), inputs[0]
    if len(attrs.slope) == 1:
        return pending.map(lambda chain, _: _bent(chain, attrs.slope[0]))
    axis = attrs.axis % len(pending.shape)
    pending, index = lowering.along(pending, axis, name=f"{node.output.name}.channels", path=node.path)
    return pending.map(lambda chain, c: _bent(chain, attrs.slope[index[c]]), len(index))


def _lower_clip(node: Node, pending: Pending) -> Pending:
    attrs = attrs_as(node, ClipAttrs)
    return pending.map(lambda chain, _: chain.clamped(attrs.low, attrs.high))


def _lower_threshold(node: Node, pending: Pending) -> Pending:
    attrs = attrs_as(node, EdgeAttrs)
    constant = Chain((ClampedAffine(ZERO, attrs.value),))
    return pending.map(lambda chain, _: chain.chosen(attrs.edge, constant, Chain(), edge_above=False))


def _prelu_floats(node: Node, x: Float64) -> Float64:
    attrs = attrs_as(node, PReluAttrs)
    return np.where(x >= 0, x, x * along_axis(attrs.slope, attrs.axis, x.ndim))


def _threshold_floats(node: Node, x: Float64) -> Float64:
    attrs = attrs_as(node, EdgeAttrs)
    return np.where(x > float(attrs.edge), x, float(attrs.value))


# --- import -----------------------------------------------------------------------------------------------------------


def unary(op: str, attrs: Attrs = NO_ATTRS):
    """The rule of an operator of one input, with these attributes."""

    def rule(call: ImportCall) -> Value:
        return call.emit(op, attrs, [call.value(0)])

    return rule


def exact_number(call: ImportCall, index: int, what: str) -> Surd:
    """Constant input ``index``, which is one number; see `exact_vector`."""
    vector = exact_vector(call, index, what)
    if len(vector) != 1:
        raise call.refuse(f"{what} is {len(vector)} numbers", "give one number for all elements")
    return vector[0]


def _limit(call: ImportCall, index: int) -> Surd | None:
    return exact_number(call, index, "the limit") if call.has(index) else None


def _emit_clip(call: ImportCall, low: Surd | None, high: Surd | None) -> Value:
    if low is None and high is None:
        return call.emit("identity", NO_ATTRS, [call.value(0)])
    if low is not None and high is not None and high < low:
        low = high  # as both frameworks say: everything becomes the upper limit
    return call.emit("clip", ClipAttrs(low, high), [call.value(0)])


_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)


def _onnx_clip(call: OnnxCall) -> Value:
    if call.is_constant(0) and call.constant(0).dtype.kind in "iu":
        # weight codes, as Brevitas writes them in QCDQ form
        limits = [call.constant(i).item() if call.has(i) else None for i in (1, 2)]
        return call.emit_constant(np.clip(call.constant(0), *limits), suffix="")
    if call.value(0).producer.op == "codes":
        return clip_codes(call, call.value(0))
    if call.opset >= 11:
        return _emit_clip(call, _limit(call, 1), _limit(call, 2))
    low, high = call.real("min", -_FLOAT32_MAX), call.real("max", _FLOAT32_MAX)
    return _emit_clip(call, None if low == -_FLOAT32_MAX else Surd.of(low), None if high == _FLOAT32_MAX else Surd.of(high))


def _torch_clamp(low: int | None, high: int | None):  # noqa: ANN202 - a TorchRule
    """Limits at these positions of the schema; None where the operator has none."""

    def rule(call: TorchCall) -> Value:
        return _emit_clip(call, *(None if index is None else _limit(call, index) for index in (low, high)))

    return rule


def _torch_relu6(call: TorchCall) -> Value:
    return _emit_clip(call, ZERO, Surd.of(6))


def _hard_sigmoid(call: ImportCall, alpha: Surd, beta: Surd) -> Value:
    line = call.emit("scale_bias", ScaleBiasAttrs((alpha,), (beta,)), [call.value(0)], suffix=".line")
    return call.emit("clip", ClipAttrs(ZERO, UNIT), [line])


def default_real(call: OnnxCall, name: str, default: str) -> Surd:
    """A float attribute; the default is the float32 nearest to the decimal of ONNX's text."""
    return Surd.of(call.real(name, float(np.float32(default))))


def _torch_hard_sigmoid(call: TorchCall) -> Value:
    return _hard_sigmoid(call, Surd.of(Fraction(1, 6)), Surd.of(Fraction(1, 2)))


def _onnx_leaky(call: OnnxCall) -> Value:
    return call.emit("prelu", PReluAttrs((default_real(call, "alpha", "0.01"),)), [call.value(0)])


def _torch_leaky(call: TorchCall) -> Value:
    return call.emit("prelu", PReluAttrs((exact_number(call, 1, "the slope"),)), [call.value(0)])


def _onnx_prelu(call: OnnxCall) -> Value:
    """The slope broadcasts to the input; before opset 7 a vector of slopes is one a channel."""
    value, slope = call.value(0), call.constant(1)
    shape = value.type.shape
    if call.opset < 7 and slope.ndim == 1:
        slope = slope.reshape(-1, *(1,) * (len(shape) - 2))
    padded = (1,) * (len(shape) - slope.ndim) + slope.shape
    varying = [k for k, size in enumerate(padded) if size != 1]
    if len(padded) != len(shape) or len(varying) > 1 or any(k == 0 or padded[k] != shape[k] for k in varying):
        raise call.refuse(f"slopes of shape {slope.shape} for a tensor of shape {shape}", "use one slope, or one a channel")
    return call.emit("prelu", PReluAttrs(exact_vector(call, 1, "the slope"), varying[0] if varying else -1), [value])


def _torch_prelu(call: TorchCall) -> Value:
    """One slope, or one a channel along axis 1."""
    value, slope = call.value(0), exact_vector(call, 1, "the slope")
    return call.emit("prelu", PReluAttrs(slope, 1 if len(value.type.shape) > 1 else 0), [value])


def _torch_rrelu(call: TorchCall) -> Value:
    """In evaluation the slope is the mean of the two limits."""
    if call.argument(3, "training", default=False):
        raise call.refuse("a random slope", "call model.eval()")
    slope = (exact_number(call, 1, "the lower slope") + exact_number(call, 2, "the upper slope")) * Surd.of(Fraction(1, 2))
    return call.emit("prelu", PReluAttrs((slope,)), [call.value(0)])


def _onnx_thresholded(call: OnnxCall) -> Value:
    return call.emit("threshold", EdgeAttrs(default_real(call, "alpha", "1"), ZERO), [call.value(0)])


def _torch_threshold(call: TorchCall) -> Value:
    attrs = EdgeAttrs(exact_number(call, 1, "the threshold"), exact_number(call, 2, "the value"))
    return call.emit("threshold", attrs, [call.value(0)])


# --- samples ----------------------------------------------------------------------------------------------------------


def _clip_sample(random: Random, value: Value, name: str) -> Value:
    low, high = sorted((random_number(random), random_number(random)))
    attrs = random.choice((ClipAttrs(low, high), ClipAttrs(low, None), ClipAttrs(None, high), ClipAttrs(ZERO, Surd.of(6))))
    return make(CLIP, attrs, [value], name, name).output


def _prelu_sample(random: Random, value: Value, name: str) -> Value:
    axis = channel_axis(value)
    count = random.choice((1, value.type.shape[axis]))
    slopes = [random.choice((Surd.of(Fraction(13, 128)), Surd.of(-1), random_number(random, 2))) for _ in range(count)]
    return make(PRELU, PReluAttrs(tuple(slopes), axis), [value], name, name).output


def _threshold_sample(random: Random, value: Value, name: str) -> Value:
    attrs = EdgeAttrs(random_number(random), random.choice((ZERO, random_number(random))))
    return make(THRESHOLD, attrs, [value], name, name).output


RELU = RealOp(
    "relu", NoAttrs, infer_same,
    evaluate=lambda node, x: np.maximum(x[0], 0),
    lower=lambda lowering, node, x: x[0].map(lambda chain, _: chain.clamped(ZERO, None)),
    onnx={"Relu": unary("relu")},
    torch={"aten.relu.default": unary("relu"), "aten.relu_.default": unary("relu")},
    sample=lambda random, value, name: make(RELU, NO_ATTRS, [value], name, name).output,
)
CLIP = RealOp(
    "clip", ClipAttrs, _infer_clip,
    evaluate=lambda node, x: np.clip(
        x[0], _bound(attrs_as(node, ClipAttrs).low, -np.inf), _bound(attrs_as(node, ClipAttrs).high, np.inf)
    ),
    lower=lambda lowering, node, x: _lower_clip(node, x[0]),
    onnx={
        "Clip": _onnx_clip,
        "HardSigmoid": lambda call: _hard_sigmoid(call, default_real(call, "alpha", "0.2"), default_real(call, "beta", "0.5")),
    },
    torch={
        "aten.relu6.default": _torch_relu6, "aten.relu6_.default": _torch_relu6,
        "aten.hardtanh.default": _torch_clamp(1, 2), "aten.hardtanh_.default": _torch_clamp(1, 2),
        "aten.clamp.default": _torch_clamp(1, 2), "aten.clamp_.default": _torch_clamp(1, 2),
        "aten.clamp.Tensor": _torch_clamp(1, 2), "aten.clamp_.Tensor": _torch_clamp(1, 2),
        "aten.clip.default": _torch_clamp(1, 2), "aten.clip_.default": _torch_clamp(1, 2),
        "aten.clamp_min.default": _torch_clamp(1, None), "aten.clamp_min_.default": _torch_clamp(1, None),
        "aten.clamp_max.default": _torch_clamp(None, 1), "aten.clamp_max_.default": _torch_clamp(None, 1),
        "aten.hardsigmoid.default": _torch_hard_sigmoid, "aten.hardsigmoid_.default": _torch_hard_sigmoid,
    },
    sample=_clip_sample,
)
PRELU = RealOp(
    "prelu", PReluAttrs, _infer_prelu,
    evaluate=lambda node, x: _prelu_floats(node, x[0]),
    lower=_lower_prelu,
    onnx={"LeakyRelu": _onnx_leaky, "PRelu": _onnx_prelu, "Abs": unary("prelu", PReluAttrs((-UNIT,)))},
    torch={
        "aten.leaky_relu.default": _torch_leaky, "aten.leaky_relu_.default": _torch_leaky,
        "aten.prelu.default": _torch_prelu, "aten._prelu_kernel.default": _torch_prelu,
        "aten.rrelu.default": _torch_rrelu, "aten.rrelu_.default": _torch_rrelu,
        "aten.abs.default": unary("prelu", PReluAttrs((-UNIT,))), "aten.abs_.default": unary("prelu", PReluAttrs((-UNIT,))),
    },
    sample=_prelu_sample,
)
THRESHOLD = RealOp(
    "threshold", EdgeAttrs, infer_same,
    evaluate=lambda node, x: _threshold_floats(node, x[0]),
    lower=lambda lowering, node, x: _lower_threshold(node, x[0]),
    onnx={"ThresholdedRelu": _onnx_thresholded},
    torch={"aten.threshold.default": _torch_threshold, "aten.threshold_.default": _torch_threshold},
    sample=_threshold_sample,
)
