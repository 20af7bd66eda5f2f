"""Matrix products of reals: ``y = x @ w.T + b``, x (1, in), w (out, in) constant, b (out,) constant.

In hardware a `hwgen.ops.matvec`; scales, zero points and bias are taken out of the product (`hwgen.ops.weights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, NoAttrs, Node, Shape, TensorType, Value
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Layout, Lowering, Pending
from hwgen.ops.matvec import MatvecAttrs
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import constant, exact, floats, moved_only, on_grid, random_quantizer
from hwgen.ops.record import Float64, RealOp, make
from hwgen.ops.sampling import random_size
from hwgen.ops.scalar import ScaleBiasAttrs
from hwgen.ops.shape import TRANSPOSE, TransposeAttrs, independent
from hwgen.ops.weights import MAX_WEIGHT_BITS, constant_bias, weight_rows
from hwgen.ops.window_conv import ConvAttrs

MOST_AXES: Final = 4
"""Of an input: the batch, positions in rows and columns, features."""


def _infer(node: Node) -> tuple[TensorType, ...]:
    x, w = (v.type.shape for v in node.inputs[:2])
    if len(w) != 2 or not x or x[-1] != w[1]:
        raise HwgenError("shape", f"linear {node.path!r}", f"input {x} and weight {w} do not fit", "check the sizes")
    if not 2 <= len(x) <= MOST_AXES:
        raise HwgenError(
            "unsupported-node", f"linear {node.path!r}", f"input of shape {x}", "use (batch, features), or one or two axes between"
        )
    if len(node.inputs) > 2 and not _is_bias(node.inputs[2].type.shape, w[0], len(x)):
        raise HwgenError(
            "shape", f"linear {node.path!r}", f"bias {node.inputs[2].type.shape} for {w[0]} outputs", "check the sizes"
        )
    return (TensorType((*x[:-1], w[0]), REAL),)


def _is_bias(shape: Shape, outputs: int, rank: int) -> bool:
    """Whether a bias is one number, or one an output."""
    return len(shape) <= rank and prod(shape) in (1, outputs) and (not shape or shape[-1] in (1, outputs)) and prod(shape[:-1]) == 1


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    product = inputs[0] @ inputs[1].T
    return product + inputs[2] if len(inputs) > 2 else product


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    if len(inputs[0].shape) > 2:
        return _lower_positions(lowering, node, inputs[0])
    x, columns = lowering.along(inputs[0], 1, name=f"{node.output.name}.input", path=node.path)
    order = np.array(columns)
    found = weight_rows(node, x, lambda weight: weight[:, order])
    bias = constant_bias(node)
    accumulator = lowering.emit(
        "matvec", MatvecAttrs(found.rows), [x.codes], name=f"{node.output.name}.accumulator", path=node.path
    )
    offsets = tuple(s + bias[o % len(bias)] for o, s in enumerate(found.shift))
    return Pending.of(accumulator).map(lambda chain, o: chain.scaled(found.scale[o], offsets[o]), len(offsets)).reshaped(
        node.output.type.shape
    )


def _lower_positions(lowering: Lowering, node: Node, x: Pending) -> Pending:
    """A product at each position: a convolution of one tap."""
    rank, name = len(x.shape), node.output.name
    kept = x.layout.dims == x.shape and x.layout.order[-1] == rank - 1
    order = x.layout.order if kept else tuple(range(rank))
    x = lowering.arrange(x, order, name=f"{name}.input", path=node.path)
    found, bias = weight_rows(node, x, lambda weight: weight), constant_bias(node)
    attrs = ConvAttrs(found.rows[:, None, None, :])
    codes = lowering.emit("conv_codes", attrs, [x.codes], name=f"{name}.accumulator", path=node.path)
    offsets = tuple(s + bias[o % len(bias)] for o, s in enumerate(found.shift))
    shape = node.output.type.shape
    plain = Pending(codes, Pending.of(codes).chains, shape, Layout(shape, order))
    return plain.map(lambda chain, o: chain.scaled(found.scale[o], offsets[o]), len(offsets))


# --- import -----------------------------------------------------------------------------------------------------------


def _transposed(call: ImportCall, weight: Value) -> Value:
    return call.emit("transpose", TransposeAttrs((1, 0)), [weight], suffix=".weight")


def _check_weight(call: ImportCall, weight: Value) -> Value:
    if not independent(weight):
        raise call.refuse("multiplies two computed matrices", "use a linear layer, whose weight is a constant")
    if len(weight.type.shape) != 2:
        raise call.refuse(f"weight of shape {weight.type.shape}", "use a matrix")
    return weight


def _onnx_gemm(call: OnnxCall) -> Value:
    alpha, beta = call.real("alpha", 1.0), call.real("beta", 1.0)
    if call.integer("transA", 0):
        raise call.refuse("transA=1", "transpose the input before")
    weight = _check_weight(call, call.value(1))
    if not call.integer("transB", 0):
        weight = _transposed(call, weight)
    bias = call.has(2) and beta != 0.0
    plain = alpha == 1.0 and (beta == 1.0 or not bias)
    if plain:
        return call.emit("linear", NO_ATTRS, [call.value(0), weight, *([call.value(2)] if bias else [])])
    product = call.emit("linear", NO_ATTRS, [call.value(0), weight], suffix=".product")
    gain = ScaleBiasAttrs((Surd.of(alpha),), (ZERO,))
    if not bias:
        return call.emit("scale_bias", gain, [product])
    scaled = call.emit("scale_bias", gain, [product], suffix=".alpha")
    shift = call.emit("scale_bias", ScaleBiasAttrs((Surd.of(beta),), (ZERO,)), [call.value(2)], suffix=".beta")
    return call.emit("add", NO_ATTRS, [scaled, shift])


def _onnx_matmul(call: OnnxCall) -> Value:
    return call.emit("linear", NO_ATTRS, [call.value(0), _transposed(call, _check_weight(call, call.value(1)))])


def _torch_linear(call: TorchCall) -> Value:
    inputs = [call.value(i) for i in range(3) if call.has(i)]
    return call.emit("linear", NO_ATTRS, inputs)


def _torch_matmul(call: TorchCall) -> Value:
    return call.emit("linear", NO_ATTRS, [call.value(0), _transposed(call, _check_weight(call, call.value(1)))])


def _torch_addmm(call: TorchCall) -> Value:
    if call.argument(3, "beta", 1) != 1 or call.argument(4, "alpha", 1) != 1:
        raise call.refuse("addmm with alpha or beta other than 1", "scale the operands instead")
    weight = _transposed(call, _check_weight(call, call.value(2)))
    return call.emit("linear", NO_ATTRS, [call.value(1), weight, call.value(0)])


def _real_takes(value: Value) -> bool:
    """A vector on a quantizer's grid, or an input, which gets a format."""
    return len(value.type.shape) == 2 and on_grid(value)


def _real_weight(random: Random, outputs: int, inputs: int, name: str, most_bits: int) -> Value:
    """(outputs, inputs): quantized floats, codes, or plain floats on a coarse grid; at times through a transpose."""
    deviation = inputs**-0.5
    turned = random.random() < 0.3
    shape, axis = ((inputs, outputs), random.choice((1, -1))) if turned else ((outputs, inputs), random.choice((0, -2)))
    format_ = random_quantizer(random, 2 * deviation, most_bits=most_bits, channels=outputs, axis=axis)
    match random.choices(("quantized", "codes", "plain"), (70, 15, 15))[0]:
        case "plain":
            step = 2.0 ** -random.randint(1, 5)
            weight = constant((np.rint(floats(random, shape) / step) * step).astype(np.float32), f"{name}.weight")
        case "codes":
            codes = np.random.default_rng(random.getrandbits(32)).integers(format_.low, format_.high, shape, endpoint=True)
            weight = constant(np.where(codes >= 0, 1, -1) if format_.bipolar else codes, f"{name}.weight", format_)
        case _:
            data = constant(floats(random, shape, deviation), f"{name}.weight")
            weight = make(QUANTIZE, QuantizeAttrs(format_), [data], f"{name}.codes", f"{name}.weight").output
    if not turned:
        return weight
    return make(TRANSPOSE, TransposeAttrs((1, 0)), [weight], f"{name}.turned", f"{name}.weight").output


def _real_sample(random: Random, value: Value, name: str) -> Value:
    inputs, source = value.type.shape[-1], moved_only(value)
    outputs = min(random_size(random), 12 if inputs <= 32 else 4)
    regular = source is not None and getattr(source.output.type.format, "axis", None) is None
    operands = [value, _real_weight(random, outputs, inputs, name, MAX_WEIGHT_BITS if regular else 8)]
    shape = random.choice((None, (outputs,), (1, outputs), (1,), ()))
    if shape is not None:
        data = exact(random, shape) if random.random() < 0.15 else floats(random, shape)
        bias = constant(data, f"{name}.bias")
        if data.dtype != object and random.random() < 0.3:
            format_ = random_quantizer(random, 2.0)
            bias = make(QUANTIZE, QuantizeAttrs(format_), [bias], f"{name}.bias.codes", f"{name}.bias").output
        operands.append(bias)
    return make(LINEAR, NO_ATTRS, operands, name, name).output


LINEAR = RealOp(
    "linear", NoAttrs, _infer, _evaluate, _lower, sample=_real_sample, takes=_real_takes,
    onnx={"Gemm": _onnx_gemm, "MatMul": _onnx_matmul}, torch={
        "aten.linear.default": _torch_linear, "aten.addmm.default": _torch_addmm,
        "aten.mm.default": _torch_matmul, "aten.matmul.default": _torch_matmul,
    },
)
