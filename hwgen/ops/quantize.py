"""Quantizers of the imported graph: QONNX's Quant family, and ONNX QuantizeLinear / DequantizeLinear.

    y = scale * (clip(round(x / scale + zero), low, high) - zero)

One bit signed is bipolar: y = scale where x >= 0, else -scale.  Other formats (minifloat, log, blocks) take the nearest
member.  The integer graph has requantizers instead (`hwgen.ops.requantize`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Affine, Binary, Block, FloatFormat, Integer, Quantized
from hwgen.ir.graph import Array, Attrs, NoAttrs, Node, TensorType, Value
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.float_lowering import quantize_uneven
from hwgen.ops.importing import ImportCall, OnnxCall
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.quantizer_parameters import along_of, axis_of, bits_of, exact_scales, flag, float_format, rounding_of, whole_numbers
from hwgen.ops.real_sampling import FUNCTION_OPS, channel_axis, moved_only, near_quantizer, random_quantizer, trail
from hwgen.ops.record import Float64, RealOp, TorchFunction, attrs_as, make
from hwgen.ops.scalar import ScaleBiasAttrs
from hwgen.ops.source import ConstantAttrs
from hwgen.ops.tensors import held, of_one


@dataclass(frozen=True, slots=True)
class QuantizeAttrs(Attrs):
    """The grid to quantize to."""

    format: Quantized | Block


def _infer(node: Node) -> tuple[TensorType, ...]:
    format_, shape = attrs_as(node, QuantizeAttrs).format, node.inputs[0].type.shape
    if isinstance(format_, Block) and not -len(shape) <= format_.along < len(shape):
        what = f"its blocks lie along axis {format_.along} of a tensor of shape {shape}"
        raise HwgenError("shape", f"{node.op} {node.path!r}", what, "use an axis of the tensor")
    if isinstance(format_, Block) and format_.along % len(shape) == 0 and shape[0] == 1:
        what = f"its blocks lie along the first axis of a tensor of shape {shape}, which is that of the samples"
        raise HwgenError("shape", f"{node.op} {node.path!r}", what, "use another axis")
    return (TensorType(shape, format_),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    return np.asarray(attrs_as(node, QuantizeAttrs).format.quantize_real(inputs[0]), dtype=np.float64)


def _forward(node: Node) -> TorchFunction:
    from hwgen.formats.tensors import fake_quantize

    format_ = attrs_as(node, QuantizeAttrs).format
    return of_one(lambda x: fake_quantize(x, format_))


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    format_ = attrs_as(node, QuantizeAttrs).format
    if isinstance(format_, Block | FloatFormat):
        return quantize_uneven(lowering, node, inputs[0], format_)
    return lowering.quantize(inputs[0], format_, name=node.output.name, path=node.path)


# --- import -----------------------------------------------------------------------------------------------------------


def _quantized(call: ImportCall, value: Value, format_: Quantized) -> Value:
    return call.emit("quantize", QuantizeAttrs(format_), [value])


def _float_quant(call: OnnxCall) -> Value:
    return _quantized(call, call.value(0), float_format(call))


def _quant(call: OnnxCall) -> Value:
    value = call.value(0)
    scale_array, zero_array = call.constant(1), call.constant(2)
    scale, zero = exact_scales(call, scale_array, "scale"), whole_numbers(call, zero_array, "zero point")
    bits, rounding = bits_of(call, call.constant(3)), rounding_of(call, "ROUND")
    signed, narrow = flag(call, "signed"), flag(call, "narrow")
    axis = along_of(axis_of(call, value.type.shape, scale_array, zero_array), scale, zero)
    if bits == 1 and signed:
        if any(zero):
            raise call.refuse("a bipolar quantizer with a zero point", "use zero point 0")
        return _quantized(call, value, Binary(scale, axis))
    if bits == 1 and narrow:
        raise call.refuse("one bit, unsigned and narrow, leaves only the value 0", "use narrow=0")
    return _quantized(call, value, Affine(bits, signed, narrow, scale, zero, axis, rounding))


def _bipolar(call: OnnxCall) -> Value:
    value, scale_array = call.value(0), call.constant(1)
    scale = exact_scales(call, scale_array, "scale")
    return _quantized(call, value, Binary(scale, along_of(axis_of(call, value.type.shape, scale_array), scale)))


def _power_of_two(value: Fraction) -> bool:
    return value.numerator & (value.numerator - 1) == 0 and value.denominator & (value.denominator - 1) == 0


def _trunc(call: OnnxCall) -> Value:
    """QONNX Trunc: the codes ``round(x / scale)`` divided by a power of two and rounded again.

    Version 1 (x, scale, zero, input bits, output bits) divides by ``2**(input bits - output bits)``, does not clip, and
    keeps the input's scale.  Version 2 (…, output scale, output bits) divides by output scale / scale and clips.
    """
    value = call.value(0)
    scale, zero = exact_scales(call, call.constant(1), "scale"), whole_numbers(call, call.constant(2), "zero point")
    bits, rounding = bits_of(call, call.constant(3)), rounding_of(call, "FLOOR")
    if any(zero) or len(scale) != 1:
        raise call.refuse("Trunc with a zero point or a scale per channel", "use zero point 0 and one scale")
    if call.input_count >= 6:
        signed, narrow = flag(call, "signed"), flag(call, "narrow")
        out_scale, out_bits = exact_scales(call, call.constant(4), "output scale"), bits_of(call, call.constant(5))
        if len(out_scale) != 1 or not _power_of_two(out_scale[0] / scale[0]):
            raise call.refuse("output scale / scale is not a power of two", "use a power-of-two ratio")
        shrink, final = Fraction(1), Affine(out_bits, signed, narrow, out_scale, (0,), None, rounding)
    else:
        out_bits = bits_of(call, call.constant(4))
        if out_bits > bits:
            raise call.refuse(f"Trunc from {bits} to {out_bits} bits", "truncate to fewer bits")
        shrink, final = Fraction(1, 1 << (bits - out_bits)), Affine(_UNCLIPPED_BITS, True, False, scale, (0,), None, rounding)
    inner = call.emit("quantize", QuantizeAttrs(Affine(_UNCLIPPED_BITS, True, False, scale)), [value], suffix=".codes")
    if shrink != 1:
        inner = call.emit("scale_bias", ScaleBiasAttrs((Surd.of(shrink),), (ZERO,)), [inner], suffix=".shifted")
    return _quantized(call, inner, final)


_UNCLIPPED_BITS: Final = 48
"""Width of a quantizer that clips nothing; lowering narrows it to what can be reached."""

_ONNX_INTEGERS: Final = {
    "int8": (8, True), "uint8": (8, False), "int16": (16, True), "uint16": (16, False), "int32": (32, True),
}


def _linear_format(call: OnnxCall, shape: tuple[int, ...], scale_array: Array, zero_array: Array) -> Affine:
    """The grid that scale and zero point of QuantizeLinear / DequantizeLinear describe for a tensor of ``shape``."""
    name = str(zero_array.dtype)
    if name not in _ONNX_INTEGERS:
        raise call.refuse(f"zero point of type {name}", f"use one of {', '.join(_ONNX_INTEGERS)}")
    bits, signed = _ONNX_INTEGERS[name]
    axis = call.integer("axis", 1)
    call.ignore("saturate")  # concerns float8 only
    if call.integer("block_size", 0) or call.integer("output_dtype", 0):
        raise call.refuse("block_size or output_dtype", "use a scale per tensor or channel")
    scale, zero = exact_scales(call, scale_array, "scale"), whole_numbers(call, zero_array, "zero point")
    if len(scale) == 1 and len(zero) == 1:
        return Affine(bits, signed, False, scale, zero)
    rank = len(shape)
    if not -rank <= axis < rank or shape[axis] != max(len(scale), len(zero)):
        raise call.refuse(f"{len(scale)} scales along axis {axis} of a tensor of shape {shape}", "check the axis")
    return Affine(bits, signed, False, scale, zero, axis % rank)


def _zero_point(call: OnnxCall, default: str) -> Array:
    return call.constant(2) if call.has(2) else np.zeros((), default)


def _quantize_linear(call: OnnxCall) -> Value:
    value = call.value(0)
    format_ = _linear_format(call, value.type.shape, call.constant(1), _zero_point(call, "uint8"))
    return call.emit("codes", QuantizeAttrs(format_), [value])


def clip_codes(call: OnnxCall, codes: Value) -> Value:
    """ONNX Clip between QuantizeLinear and DequantizeLinear: fewer bits, or a narrow range."""
    format_ = attrs_as(codes.producer, QuantizeAttrs).format
    if not isinstance(format_, Affine):
        raise call.refuse(f"clips codes of {format_}", "clip affine codes")
    return call.emit("codes", QuantizeAttrs(_clipped(call, format_)), [codes.producer.inputs[0]])


def _clipped(call: OnnxCall, format_: Affine) -> Affine:
    low, high = (whole_numbers(call, call.constant(i), "limit")[0] for i in (1, 2))
    for bits in range(1, format_.width + 1):
        for narrow in (False, True):
            candidate = replace(format_, width=bits, narrow=narrow)
            if (candidate.low, candidate.high) == (low, high):
                return candidate
    raise call.refuse(f"clips codes to {low}..{high}", "clip to the range of a whole number of bits, narrow or not")


def _dequantize_linear(call: OnnxCall) -> Value:
    scale_array = call.constant(1)
    if call.is_constant(0):
        codes = call.constant(0)
        zero = _zero_point(call, str(codes.dtype))
        if zero.dtype != codes.dtype:
            raise call.refuse(f"codes of {codes.dtype} with a zero point of {zero.dtype}", "use one integer type")
        format_ = _linear_format(call, codes.shape, scale_array, zero)
        return call.emit("constant", ConstantAttrs(codes.astype(np.int64), format_), [])
    before = call.value(0).producer
    if before.op != "codes":
        raise call.refuse("dequantizes a value that no QuantizeLinear made", "export with a matching pair")
    own = attrs_as(before, QuantizeAttrs).format
    if not isinstance(own, Affine):
        raise call.refuse(f"dequantizes codes of {own}", "dequantize affine codes")
    container = f"{'int' if own.low < 0 else 'uint'}{8 if own.bits <= 8 else 16}"
    wanted = _linear_format(call, call.value(0).type.shape, scale_array, _zero_point(call, container))
    if (wanted.scales, wanted.zeros, wanted.axis) != (own.scales, own.zeros, own.axis) or wanted.is_signed != (own.low < 0):
        raise call.refuse("scale or zero point differs from the QuantizeLinear before it", "use one grid for the pair")
    return _quantized(call, before.inputs[0], own)


def _infer_decode(node: Node) -> tuple[TensorType, ...]:
    before = node.inputs[0].type
    if not isinstance(before.format, Integer):
        raise HwgenError("broken-graph", f"decode {node.path!r}", f"input is {before.format}", "decode integers")
    return (TensorType(before.shape, REAL),)


def _evaluate_decode(node: Node, inputs: Sequence[Float64]) -> Float64:
    format_ = node.inputs[0].type.format
    if not isinstance(format_, Integer):
        raise TypeError("decode of integers")
    return format_.decode(inputs[0].astype(np.int64))


def _forward_decode(node: Node) -> TorchFunction:
    format_ = node.inputs[0].type.format
    if not isinstance(format_, Integer):
        raise TypeError("decode of integers")
    scale, offset = (held(np.array([float(v) for v in values])) for values in (format_.scale, format_.offset))
    return of_one(lambda codes: codes * scale(codes) + offset(codes))


DECODE = RealOp("decode", NoAttrs, _infer_decode, _evaluate_decode, forward=_forward_decode)
"""From codes that leave the chip to the reals that they stand for; what follows is done by the host."""

CODES = RealOp(
    "codes", QuantizeAttrs, _infer, onnx={"QuantizeLinear": _quantize_linear, "DequantizeLinear": _dequantize_linear}
)
"""Integer codes between QuantizeLinear and DequantizeLinear; nothing else may use them, so it has no lowering."""


# --- samples ----------------------------------------------------------------------------------------------------------


def _sample(random: Random, value: Value, name: str) -> Value:
    """Mostly few bits: each level may be a threshold, whose exact place after a function is searched for."""
    shape, nodes = value.type.shape, trail(value)
    most_bits = random.choice((8, 8, 8, 16) if all(n.op not in FUNCTION_OPS for n in nodes) else (3, 4, 4, 6))
    axis = channel_axis(value)
    entry = nodes[-1].op == "input"
    channels = shape[axis] if axis == len(shape) - 1 or not entry else 1  # codes come in with one scale, or channels last
    axis = random.choice((axis, axis - len(shape)))
    largest = 16.0 if entry else random.choice((1.0, 2.0, 4.0, 8.0))
    format_ = random_quantizer(random, largest, most_bits=most_bits, channels=channels, axis=axis, related=True, wraps=0.05)
    return make(QUANTIZE, QuantizeAttrs(format_), [value], name, name).output


def again(random: Random, value: Value, name: str, like: Value | None = None) -> Value:
    """A value quantized to scales that have a common grid with those of ``like``, or with its own."""
    source = moved_only(like or value)
    format_ = source.output.type.format if source is not None else None
    if not isinstance(format_, Quantized):
        return _sample(random, value, name)
    if format_.axis is not None and (like is not None or source is not value.producer):
        return _sample(random, value, name)
    return make(QUANTIZE, QuantizeAttrs(near_quantizer(random, format_)), [value], name, name).output


QUANTIZE = RealOp(
    "quantize", QuantizeAttrs, _infer, _evaluate, _lower,
    onnx={"qonnx.Quant": _quant, "qonnx.IntQuant": _quant, "qonnx.BipolarQuant": _bipolar, "qonnx.Trunc": _trunc,
          "qonnx.FloatQuant": _float_quant},
    sample=_sample, forward=_forward,
)
