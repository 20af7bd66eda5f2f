"""Arithmetic with constants, element by element, and batch norm: all of it becomes ``gain * x + bias`` a channel.

    scale_bias       y = gain[c] * x + bias[c], exact coefficients; the one form that lowering knows
    batch_norm       y = (x - mean) / sqrt(variance + eps) * gamma + beta, exact (a square root stays a root)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, TensorType, Value, topological
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.real_sampling import channel_axis, exact, floats
from hwgen.ops.record import Float64, RealOp, attrs_as, make
from hwgen.ops.weights import PRODUCTS


@dataclass(frozen=True, slots=True)
class ScaleBiasAttrs(Attrs):
    """gain, bias: one exact number, or one a channel; both of one length or one of them single.  axis: of the channels."""

    gain: tuple[Surd, ...]
    bias: tuple[Surd, ...]
    axis: int = -1

    @property
    def channels(self) -> int:
        """1, or the number of channels."""
        return max(len(self.gain), len(self.bias))


@dataclass(frozen=True, slots=True)
class BatchNormAttrs(Attrs):
    """Parameters of a batch norm at inference, exact, one a channel."""

    gamma: tuple[Surd, ...]
    beta: tuple[Surd, ...]
    mean: tuple[Surd, ...]
    variance: tuple[Surd, ...]
    epsilon: Surd
    axis: int = -1

    def scale_bias(self) -> ScaleBiasAttrs:
        """The same function as gain and bias."""
        gains = []
        for gamma, variance in zip(self.gamma, self.variance, strict=True):
            below = (variance + self.epsilon).rational
            if below is None:
                raise TypeError("the variance of a batch norm is rational")
            gains.append(gamma * Surd.sqrt(below).inverse())
        biases = [b - m * g for b, m, g in zip(self.beta, self.mean, gains, strict=True)]
        return ScaleBiasAttrs(tuple(gains), tuple(biases), self.axis)


def _check_channels(node: Node, channels: int, axis: int) -> tuple[TensorType, ...]:
    shape = node.inputs[0].type.shape
    if not -len(shape) <= axis < len(shape) or channels not in (1, shape[axis]):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"{channels} coefficients along axis {axis} of {shape}", "check the shapes"
        )
    return (TensorType(shape, REAL),)


def along_axis(values: Sequence[Surd], axis: int, rank: int) -> Float64:
    """The values in float64, to be broadcast with a tensor of ``rank`` axes."""
    array = np.array([float(v) for v in values])
    return array if len(array) == 1 else array.reshape([-1 if k == axis % rank else 1 for k in range(rank)])


def _apply(attrs: ScaleBiasAttrs, x: Float64) -> Float64:
    return x * along_axis(attrs.gain, attrs.axis, x.ndim) + along_axis(attrs.bias, attrs.axis, x.ndim)


def _lower_scale_bias(lowering: Lowering, node: Node, attrs: ScaleBiasAttrs, pending: Pending) -> Pending:
    gain, bias = attrs.gain, attrs.bias
    if attrs.channels == 1:
        return pending.map(lambda chain, _: chain.scaled(gain[0], bias[0]))
    axis = attrs.axis % len(pending.shape)
    pending, index = lowering.along(pending, axis, name=f"{node.output.name}.channels", path=node.path)
    return pending.map(lambda chain, c: chain.scaled(gain[index[c] % len(gain)], bias[index[c] % len(bias)]), len(index))


def _infer_scale_bias(node: Node) -> tuple[TensorType, ...]:
    attrs = attrs_as(node, ScaleBiasAttrs)
    return _check_channels(node, attrs.channels, attrs.axis)


def _infer_batch_norm(node: Node) -> tuple[TensorType, ...]:
    attrs = attrs_as(node, BatchNormAttrs)
    return _check_channels(node, len(attrs.gamma), attrs.axis)


def _negative(call: ImportCall) -> Value:
    return call.emit("scale_bias", ScaleBiasAttrs((Surd.of(-1),), (Surd.of(0),)), [call.value(0)])


SCALE_BIAS = RealOp(
    "scale_bias", ScaleBiasAttrs, _infer_scale_bias,
    evaluate=lambda node, x: _apply(attrs_as(node, ScaleBiasAttrs), x[0]),
    lower=lambda lowering, node, x: _lower_scale_bias(lowering, node, attrs_as(node, ScaleBiasAttrs), x[0]),
    onnx={"Neg": _negative}, torch={"aten.neg.default": _negative, "aten.neg_.default": _negative},
    sample=lambda random, value, name: _scale_bias_sample(random, value, name),
)


# --- import -----------------------------------------------------------------------------------------------------------


def exact_vector(call: ImportCall, index: int, what: str) -> tuple[Surd, ...]:
    """Constant input ``index`` as exact numbers, flat; refuses NaN and infinity."""
    array = call.constant(index)
    if array.dtype != object and not np.isfinite(array.astype(np.float64)).all():
        raise call.refuse(f"{what} holds NaN or infinity", "train or export the model again")
    return tuple(v if isinstance(v, Surd) else Surd.of(float(v)) for v in array.ravel())


def _onnx_batch_norm(call: OnnxCall) -> Value:
    return _read_batch_norm(call, 1)


def _onnx_batch_norm_last(call: OnnxCall) -> Value:
    """QONNX's wrapper: (batch, positions…, channels)."""
    return _read_batch_norm(call, -1)


def _read_batch_norm(call: OnnxCall, axis: int) -> Value:
    call.ignore("momentum")
    if call.integer("training_mode", 0):
        raise call.refuse("training_mode=1", "export the model in evaluation mode")
    if call.integer("spatial", 1) != 1:
        raise call.refuse("spatial=0", "use per-channel batch norm")
    value = call.value(0)
    vectors = [exact_vector(call, i, w) for i, w in ((1, "scale"), (2, "bias"), (3, "mean"), (4, "variance"))]
    return emit_batch_norm(call, value, vectors, call.real("epsilon", 1e-5), axis)


def emit_batch_norm(
    call: ImportCall, value: Value, vectors: Sequence[tuple[Surd, ...]], epsilon: float, axis: int = 1
) -> Value:
    """A batch norm of ``value``; vectors: gamma, beta, mean, variance.  axis: of the channels."""
    if len(value.type.shape) < 2:
        raise call.refuse(f"batch norm of a tensor of shape {value.type.shape}", "use (batch, channels, …)")
    channels = value.type.shape[axis]
    if any(len(v) != channels for v in vectors):
        raise call.refuse(f"parameters of {[len(v) for v in vectors]} channels for {channels}", "check the shapes")
    small = Surd.of(float(epsilon))
    if any((v + small).sign() <= 0 for v in vectors[3]):
        raise call.refuse("variance + epsilon is not positive", "train or export the model again")
    gamma, beta, mean, variance = vectors
    return call.emit("batch_norm", BatchNormAttrs(gamma, beta, mean, variance, small, axis), [value])


def _torch_batch_norm(call: TorchCall) -> Value:
    """``aten.batch_norm`` and ``_native_batch_norm_legit_no_training``: (x, gamma?, beta?, mean, variance, …)."""
    native = call.input_count < 9
    if not native and call.argument(5, "training"):
        raise call.refuse("batch norm in training mode", "call model.eval() and keep track_running_stats=True")
    epsilon = call.argument(6 if native else 7, "eps")
    for index, name in ((5, "momentum"),) if native else ((6, "momentum"), (8, "cudnn_enabled")):
        call.argument(index, name)  # no bearing on inference
    if not call.has(3) or not call.has(4):
        raise call.refuse("batch norm without running statistics", "use track_running_stats=True")
    value = call.value(0)
    if len(value.type.shape) < 2 or not isinstance(epsilon, float):
        raise call.refuse(f"batch norm of a tensor of shape {value.type.shape}", "use (batch, channels, …)")
    channels = value.type.shape[1]
    gamma = exact_vector(call, 1, "weight") if call.has(1) else (Surd.of(1),) * channels
    beta = exact_vector(call, 2, "bias") if call.has(2) else (Surd.of(0),) * channels
    vectors = [gamma, beta, exact_vector(call, 3, "mean"), exact_vector(call, 4, "variance")]
    return emit_batch_norm(call, value, vectors, epsilon)


def _onnx_pow(call: OnnxCall) -> Value:
    exponent = exact_vector(call, 1, "exponent")
    if exponent == (Surd.of(1),):
        return call.emit("identity", NO_ATTRS, [call.value(0)])
    if not call.is_constant(0):
        known = {Surd.of(2): "square", Surd.of(Fraction(1, 2)): "sqrt", Surd.of(-1): "reciprocal"}
        if len(exponent) != 1 or exponent[0] not in known:
            raise call.refuse(f"exponent {exponent[0]} of a computed value", "exponents 1, 2, 1/2 and -1 are supported")
        return call.emit(known[exponent[0]], NO_ATTRS, [call.value(0)])
    if exponent == (Surd.of(2),):
        return _emit_exact(call, lambda v: v * v)
    if exponent == (Surd.of(Fraction(1, 2)),):
        return _emit_exact(call, lambda v: _root(call, v))
    raise call.refuse(f"exponent {exponent[0]}", "exponents 1, 2 and 1/2 of constants are supported")


def _onnx_sqrt(call: OnnxCall) -> Value:
    if not call.is_constant(0):
        return call.emit("sqrt", NO_ATTRS, [call.value(0)])
    return _emit_exact(call, lambda v: _root(call, v))


def _root(call: ImportCall, value: Surd) -> Surd:
    rational = value.rational
    if rational is None or rational < 0:
        raise call.refuse(f"the square root of {value}", "use a rational number that is not negative")
    return Surd.sqrt(rational)


def _emit_exact(call: ImportCall, function: Callable[[Surd], Surd]) -> Value:
    array = call.constant(0)
    values = exact_vector(call, 0, "the base")
    exact = np.empty(array.size, dtype=object)
    exact[:] = [function(v) for v in values]
    return call.emit_constant(exact.reshape(array.shape), suffix="")


# --- samples ----------------------------------------------------------------------------------------------------------


def _exact_vectors(random: Random, channels: int, *, least: float | None = None) -> tuple[Surd, ...]:
    """float32 numbers, exactly; at least ``least`` where it is given."""
    values = floats(random, (channels,)) if least is None else np.float32(least) + np.abs(floats(random, (channels,)))
    return tuple(Surd.of(float(v)) for v in values)


def _scale_bias_sample(random: Random, value: Value, name: str) -> Value:
    axis = channel_axis(value)
    gain, bias = (tuple(exact(random, (random.choice((1, value.type.shape[axis])),), 0.7)) for _ in range(2))
    if len(gain) > 1 and random.random() < 0.2:
        gain = (ZERO, *gain[1:])
    return make(SCALE_BIAS, ScaleBiasAttrs(gain, bias, axis), [value], name, name).output


def _batch_norm_takes(value: Value) -> bool:
    """Not what a product with real weights makes: folded into these it leaves them on no common grid."""
    if value.producer.op not in PRODUCTS:
        return True
    return any(n.output.type.format is not REAL for n in topological(value.producer.inputs[1:2]))


def _batch_norm_sample(random: Random, value: Value, name: str) -> Value:
    axis = channel_axis(value)
    channels = value.type.shape[axis]
    gamma, beta, mean = (_exact_vectors(random, channels) for _ in range(3))
    variance = _exact_vectors(random, channels, least=0.25)
    attrs = BatchNormAttrs(gamma, beta, mean, variance, Surd.of(random.choice((1e-5, 1e-3, 0.0))), axis)
    return make(BATCH_NORM, attrs, [value], name, name).output


BATCH_NORM = RealOp(
    "batch_norm", BatchNormAttrs, _infer_batch_norm,
    evaluate=lambda node, x: _apply(attrs_as(node, BatchNormAttrs).scale_bias(), x[0]),
    lower=lambda lowering, node, x: _lower_scale_bias(lowering, node, attrs_as(node, BatchNormAttrs).scale_bias(), x[0]),
    onnx={
        "BatchNormalization": _onnx_batch_norm, "qonnx.custom_op.channels_last.BatchNormalization": _onnx_batch_norm_last,
        "Pow": _onnx_pow, "Sqrt": _onnx_sqrt,
    },
    torch={
        "aten.batch_norm.default": _torch_batch_norm, "aten._native_batch_norm_legit_no_training.default": _torch_batch_norm,
    },
    sample=_batch_norm_sample, takes=_batch_norm_takes,
)
