"""Arithmetic with constants, element by element, and batch norm: all of it becomes ``gain * x + bias`` a channel.

    scale_bias       y = gain[c] * x + bias[c], exact coefficients; the one form that lowering knows
    add sub mul div  of a value and a constant (pass fold-scalar-arithmetic makes them scale_bias)
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
from hwgen.ir.graph import NO_ATTRS, Attrs, NoAttrs, Node, TensorType, Value, topological
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall, OnnxRule, TorchCall, TorchRule
from hwgen.ops.lowering import Pending
from hwgen.ops.real_sampling import constant, exact, floats
from hwgen.ops.record import Float64, RealOp, RealSampler, attrs_as, make
from hwgen.ops.shape import independent


@dataclass(frozen=True, slots=True)
class ScaleBiasAttrs(Attrs):
    """gain, bias: one exact number, or one a channel (last axis); both of one length or one of them single."""

    gain: tuple[Surd, ...]
    bias: tuple[Surd, ...]

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

    def scale_bias(self) -> ScaleBiasAttrs:
        """The same function as gain and bias."""
        gains = []
        for gamma, variance in zip(self.gamma, self.variance, strict=True):
            below = (variance + self.epsilon).rational
            if below is None:
                raise TypeError("the variance of a batch norm is rational")
            gains.append(gamma * Surd.sqrt(below).inverse())
        biases = [b - m * g for b, m, g in zip(self.beta, self.mean, gains, strict=True)]
        return ScaleBiasAttrs(tuple(gains), tuple(biases))


def _check_channels(node: Node, channels: int) -> tuple[TensorType, ...]:
    shape = node.inputs[0].type.shape
    if channels not in (1, shape[-1]):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"{channels} coefficients for {shape[-1]} channels", "check the shapes"
        )
    return (TensorType(shape, REAL),)


def _apply(attrs: ScaleBiasAttrs, x: Float64) -> Float64:
    return x * np.array([float(g) for g in attrs.gain]) + np.array([float(b) for b in attrs.bias])


def _lower_scale_bias(attrs: ScaleBiasAttrs, pending: Pending) -> Pending:
    gain, bias = attrs.gain, attrs.bias
    return pending.map(lambda chain, c: chain.scaled(gain[c % len(gain)], bias[c % len(bias)]), attrs.channels)


def _infer_scale_bias(node: Node) -> tuple[TensorType, ...]:
    return _check_channels(node, attrs_as(node, ScaleBiasAttrs).channels)


def _infer_batch_norm(node: Node) -> tuple[TensorType, ...]:
    return _check_channels(node, len(attrs_as(node, BatchNormAttrs).gamma))


def _infer_binary(node: Node) -> tuple[TensorType, ...]:
    left, right = (v.type.shape for v in node.inputs)
    try:
        shape = np.broadcast_shapes(left, right)
    except ValueError as error:
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"shapes {left} and {right} do not broadcast", "check the shapes"
        ) from error
    return (TensorType(tuple(int(d) for d in shape), REAL),)


def _torch_neg(call: TorchCall) -> Value:
    return call.emit("scale_bias", ScaleBiasAttrs((Surd.of(-1),), (Surd.of(0),)), [call.value(0)])


SCALE_BIAS = RealOp(
    "scale_bias", ScaleBiasAttrs, _infer_scale_bias,
    evaluate=lambda node, x: _apply(attrs_as(node, ScaleBiasAttrs), x[0]),
    lower=lambda lowering, node, x: _lower_scale_bias(attrs_as(node, ScaleBiasAttrs), x[0]),
    torch={"aten.neg.default": _torch_neg},
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
    call.ignore("momentum")
    if call.integer("training_mode", 0):
        raise call.refuse("training_mode=1", "export the model in evaluation mode")
    if call.integer("spatial", 1) != 1:
        raise call.refuse("spatial=0", "use per-channel batch norm")
    value = call.value(0)
    if len(value.type.shape) != 2:
        raise call.refuse(f"batch norm of a tensor of shape {value.type.shape}", "only (batch, channels) is supported here")
    vectors = [exact_vector(call, i, w) for i, w in ((1, "scale"), (2, "bias"), (3, "mean"), (4, "variance"))]
    return emit_batch_norm(call, value, vectors, call.real("epsilon", 1e-5))


def emit_batch_norm(call: ImportCall, value: Value, vectors: Sequence[tuple[Surd, ...]], epsilon: float) -> Value:
    """A batch norm of ``value``; vectors: gamma, beta, mean, variance."""
    channels = value.type.shape[-1]
    if any(len(v) != channels for v in vectors):
        raise call.refuse(f"parameters of {[len(v) for v in vectors]} channels for {channels}", "check the shapes")
    small = Surd.of(float(epsilon))
    if any((v + small).sign() <= 0 for v in vectors[3]):
        raise call.refuse("variance + epsilon is not positive", "train or export the model again")
    gamma, beta, mean, variance = vectors
    return call.emit("batch_norm", BatchNormAttrs(gamma, beta, mean, variance, small), [value])


def _binary(op: str) -> OnnxRule:
    def rule(call: OnnxCall) -> Value:
        return call.emit(op, NO_ATTRS, [call.value(0), call.value(1)])

    return rule


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
    if len(value.type.shape) != 2 or not isinstance(epsilon, float):
        raise call.refuse(f"batch norm of a tensor of shape {value.type.shape}", "only (batch, channels) is supported here")
    channels = value.type.shape[-1]
    gamma = exact_vector(call, 1, "weight") if call.has(1) else (Surd.of(1),) * channels
    beta = exact_vector(call, 2, "bias") if call.has(2) else (Surd.of(0),) * channels
    vectors = [gamma, beta, exact_vector(call, 3, "mean"), exact_vector(call, 4, "variance")]
    return emit_batch_norm(call, value, vectors, epsilon)


def _torch_binary(op: str, *, reverse: bool = False) -> TorchRule:
    def rule(call: TorchCall) -> Value:
        alpha = 1 if op in ("mul", "div") else call.argument(2, "alpha", 1)
        if alpha != 1:
            raise call.refuse(f"alpha={alpha}", "multiply the operand instead")
        left, right = call.value(0), call.value(1)
        operands = [right, left] if reverse else [left, right]
        result = call.emit(op, NO_ATTRS, operands)
        batched = [v for v in operands if not independent(v)]
        if batched and (result.type.shape[0] != 1 or any(len(v.type.shape) != len(result.type.shape) for v in batched)):
            raise call.refuse(
                f"shapes {left.type.shape} and {right.type.shape} broadcast along the batch axis", "keep the batch first"
            )
        return result

    return rule


def _onnx_pow(call: OnnxCall) -> Value:
    exponent = exact_vector(call, 1, "exponent")
    if exponent == (Surd.of(1),):
        return call.emit("identity", NO_ATTRS, [call.value(0)])
    if not call.is_constant(0):
        raise call.refuse("a power of a computed value", "only powers of constants are supported here")
    if exponent == (Surd.of(2),):
        return _emit_exact(call, lambda v: v * v)
    if exponent == (Surd.of(Fraction(1, 2)),):
        return _emit_exact(call, lambda v: _root(call, v))
    raise call.refuse(f"exponent {exponent[0]}", "exponents 1, 2 and 1/2 of constants are supported")


def _onnx_sqrt(call: OnnxCall) -> Value:
    if not call.is_constant(0):
        raise call.refuse("a square root of a computed value", "only constants are supported here")
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
    gain, bias = (tuple(exact(random, (random.choice((1, value.type.shape[-1])),), 0.7)) for _ in range(2))
    if len(gain) > 1 and random.random() < 0.2:
        gain = (ZERO, *gain[1:])
    return make(SCALE_BIAS, ScaleBiasAttrs(gain, bias), [value], name, name).output


def _batch_norm_takes(value: Value) -> bool:
    """Not what a product with real weights makes: folded into these it leaves them on no common grid."""
    if value.producer.op != "linear":
        return True
    return any(n.output.type.format is not REAL for n in topological(value.producer.inputs[1:2]))


def _batch_norm_sample(random: Random, value: Value, name: str) -> Value:
    channels = value.type.shape[-1]
    gamma, beta, mean = (_exact_vectors(random, channels) for _ in range(3))
    variance = _exact_vectors(random, channels, least=0.25)
    attrs = BatchNormAttrs(gamma, beta, mean, variance, Surd.of(random.choice((1e-5, 1e-3, 0.0))))
    return make(BATCH_NORM, attrs, [value], name, name).output


def _operand(random: Random, value: Value, name: str) -> Value:
    """A constant, not zero: one number or one a channel; float32, with square roots, or computed from two."""
    channels = value.type.shape[-1]
    shape = random.choice(((), (1,), (channels,), (1, channels)))
    if random.random() < 0.2:
        return constant(exact(random, shape), name)
    data = floats(random, shape)
    data = constant(np.where(np.abs(data) < 0.1, np.float32(0.5), data), name)
    if random.random() < 0.8:
        return data
    other = constant(exact(random, random.choice(((), shape))), f"{name}.other")
    op = random.choice((MUL, DIV))
    return make(op, NO_ATTRS, [data, other], f"{name}.{op.name}", name).output


def _binary_sample(op: str) -> RealSampler:
    def sample(random: Random, value: Value, name: str) -> Value:
        inputs = [value, _operand(random, value, f"{name}.constant")]
        if op != "div" and random.random() < 0.5:
            inputs.reverse()
        return make({"add": ADD, "sub": SUB, "mul": MUL, "div": DIV}[op], NO_ATTRS, inputs, name, name).output

    return sample


_EVALUATE = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


_TORCH_REVERSED = {"aten.rsub.Scalar": "sub", "aten.rsub.Tensor": "sub"}


def _binary_op(name: str, onnx: str) -> RealOp:
    function = _EVALUATE[name]
    torch = {f"aten.{name}.{kind}": _torch_binary(name) for kind in ("Tensor", "Scalar")}
    torch |= {name_: _torch_binary(name, reverse=True) for name_, op in _TORCH_REVERSED.items() if op == name}
    return RealOp(
        name, NoAttrs, _infer_binary, evaluate=lambda node, x: function(x[0], x[1]), onnx={onnx: _binary(name)},
        torch=torch, sample=_binary_sample(name),
    )


ADD, SUB, MUL, DIV = (
    _binary_op("add", "Add"), _binary_op("sub", "Sub"), _binary_op("mul", "Mul"), _binary_op("div", "Div")
)

BATCH_NORM = RealOp(
    "batch_norm", BatchNormAttrs, _infer_batch_norm,
    evaluate=lambda node, x: _apply(attrs_as(node, BatchNormAttrs).scale_bias(), x[0]),
    lower=lambda lowering, node, x: _lower_scale_bias(attrs_as(node, BatchNormAttrs).scale_bias(), x[0]),
    onnx={"BatchNormalization": _onnx_batch_norm, "Pow": _onnx_pow, "Sqrt": _onnx_sqrt},
    torch={
        "aten.batch_norm.default": _torch_batch_norm, "aten._native_batch_norm_legit_no_training.default": _torch_batch_norm,
    },
    sample=_batch_norm_sample, takes=_batch_norm_takes,
)
