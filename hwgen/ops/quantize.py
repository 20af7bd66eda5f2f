"""Quantizers of the imported graph: QONNX's Quant family, and ONNX QuantizeLinear / DequantizeLinear.

    y = scale * (clip(round(x / scale + zero), low, high) - zero)

One bit signed is bipolar: y = scale where x >= 0, else -scale.  The integer graph has requantizers instead
(`hwgen.ops.requantize`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Affine, Binary, Integer, Quantized
from hwgen.formats.text import MAX_BITS
from hwgen.ir.graph import Array, Attrs, NoAttrs, Node, TensorType, Value
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall
from hwgen.ops.lowering import Lowering, Pending
from hwgen.ops.real_sampling import FUNCTION_OPS, channel_axis, moved_only, near_quantizer, random_quantizer, trail
from hwgen.ops.record import Float64, RealOp, attrs_as, make
from hwgen.ops.scalar import ScaleBiasAttrs
from hwgen.ops.source import ConstantAttrs

_ROUNDING: Final = {
    "ROUND": Rounding.HALF_EVEN, "HALF_EVEN": Rounding.HALF_EVEN, "CEIL": Rounding.CEIL, "FLOOR": Rounding.FLOOR,
    "UP": Rounding.UP, "DOWN": Rounding.DOWN, "ROUND_TO_ZERO": Rounding.DOWN, "HALF_UP": Rounding.HALF_UP,
    "HALF_DOWN": Rounding.HALF_DOWN,
}


@dataclass(frozen=True, slots=True)
class QuantizeAttrs(Attrs):
    """The grid to quantize to."""

    format: Quantized


def _infer(node: Node) -> tuple[TensorType, ...]:
    return (TensorType(node.inputs[0].type.shape, attrs_as(node, QuantizeAttrs).format),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    format_ = attrs_as(node, QuantizeAttrs).format
    return format_.decode(format_.quantize(inputs[0]))


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    format_ = attrs_as(node, QuantizeAttrs).format
    return lowering.quantize(inputs[0], format_, name=node.output.name, path=node.path)


# --- import -----------------------------------------------------------------------------------------------------------


def _exact_scales(call: ImportCall, array: Array, what: str) -> tuple[Fraction, ...]:
    flat = np.asarray(array, dtype=np.float64).ravel()
    if not np.isfinite(flat).all() or (flat <= 0).any():
        bad = flat[~(flat > 0)][:1]
        raise call.refuse(f"{what} {bad} is not a positive number", "export the model again")
    return tuple(Fraction(float(v)) for v in flat)


def _whole(call: ImportCall, array: Array, what: str) -> tuple[int, ...]:
    flat = np.asarray(array, dtype=np.float64).ravel()
    if not np.isfinite(flat).all() or (flat != np.rint(flat)).any() or (np.abs(flat) > _GREATEST_WHOLE).any():
        raise call.refuse(f"{what} {flat[:1].tolist()} is not a whole number of 32 bits", f"use a whole {what}")
    return tuple(int(v) for v in flat)


def _bit_width(call: ImportCall, array: Array) -> int:
    widths = _whole(call, array, "bit width")
    if len(set(widths)) != 1:
        raise call.refuse("the bit width varies inside the tensor", "use one bit width per tensor")
    if not 1 <= widths[0] <= MAX_BITS:
        raise call.refuse(f"bit width {widths[0]}", f"use 1 to {MAX_BITS} bits")
    return widths[0]


def _channel_axis(call: ImportCall, shape: tuple[int, ...], *parameters: Array) -> int | None:
    """The one axis of ``shape`` along which the parameters vary; None where all are scalars."""
    axis: int | None = None
    for array in parameters:
        if array.size == 1:
            continue
        padded = (1,) * (len(shape) - array.ndim) + array.shape
        varying = [i for i, d in enumerate(padded) if d != 1]
        if len(padded) != len(shape) or len(varying) != 1 or padded[varying[0]] != shape[varying[0]]:
            raise call.refuse(
                f"scale or zero point of shape {array.shape} for a tensor of shape {shape}",
                "use one scale a tensor or one a channel",
            )
        if axis not in (None, varying[0]):
            raise call.refuse("scale and zero point vary along different axes", "use one axis for both")
        axis = varying[0]
    return axis


def _quantized(call: ImportCall, value: Value, format_: Quantized) -> Value:
    return call.emit("quantize", QuantizeAttrs(format_), [value])


def _rounding(call: OnnxCall, default: str) -> Rounding:
    name = call.text("rounding_mode", default).upper()
    if name not in _ROUNDING:
        raise call.refuse(f"rounding_mode {name!r}", f"use one of {', '.join(_ROUNDING)}")
    return _ROUNDING[name]


def _flag(call: OnnxCall, name: str) -> bool:
    value = call.integer(name)
    if value not in (0, 1):
        raise call.refuse(f"{name}={value}", f"{name} is 0 or 1")
    return bool(value)


def _along(axis: int | None, *parameters: tuple[object, ...]) -> int | None:
    return axis if any(len(p) > 1 for p in parameters) else None


def _quant(call: OnnxCall) -> Value:
    value = call.value(0)
    scale_array, zero_array = call.constant(1), call.constant(2)
    scale, zero = _exact_scales(call, scale_array, "scale"), _whole(call, zero_array, "zero point")
    bits, rounding = _bit_width(call, call.constant(3)), _rounding(call, "ROUND")
    signed, narrow = _flag(call, "signed"), _flag(call, "narrow")
    axis = _along(_channel_axis(call, value.type.shape, scale_array, zero_array), scale, zero)
    if bits == 1 and signed:
        if any(zero):
            raise call.refuse("a bipolar quantizer with a zero point", "use zero point 0")
        return _quantized(call, value, Binary(scale, axis))
    if bits == 1 and narrow:
        raise call.refuse("one bit, unsigned and narrow, leaves only the value 0", "use narrow=0")
    return _quantized(call, value, Affine(bits, signed, narrow, scale, zero, axis, rounding))


def _bipolar(call: OnnxCall) -> Value:
    value, scale_array = call.value(0), call.constant(1)
    scale = _exact_scales(call, scale_array, "scale")
    return _quantized(call, value, Binary(scale, _along(_channel_axis(call, value.type.shape, scale_array), scale)))


def _power_of_two(value: Fraction) -> bool:
    return value.numerator & (value.numerator - 1) == 0 and value.denominator & (value.denominator - 1) == 0


def _trunc(call: OnnxCall) -> Value:
    """QONNX Trunc: the codes ``round(x / scale)`` divided by a power of two and rounded again.

    Version 1 (x, scale, zero, input bits, output bits) divides by ``2**(input bits - output bits)``, does not clip, and
    keeps the input's scale.  Version 2 (…, output scale, output bits) divides by output scale / scale and clips.
    """
    value = call.value(0)
    scale, zero = _exact_scales(call, call.constant(1), "scale"), _whole(call, call.constant(2), "zero point")
    bits, rounding = _bit_width(call, call.constant(3)), _rounding(call, "FLOOR")
    if any(zero) or len(scale) != 1:
        raise call.refuse("Trunc with a zero point or a scale per channel", "use zero point 0 and one scale")
    if call.input_count >= 6:
        signed, narrow = _flag(call, "signed"), _flag(call, "narrow")
        out_scale, out_bits = _exact_scales(call, call.constant(4), "output scale"), _bit_width(call, call.constant(5))
        if len(out_scale) != 1 or not _power_of_two(out_scale[0] / scale[0]):
            raise call.refuse("output scale / scale is not a power of two", "use a power-of-two ratio")
        shrink, final = Fraction(1), Affine(out_bits, signed, narrow, out_scale, (0,), None, rounding)
    else:
        out_bits = _bit_width(call, call.constant(4))
        if out_bits > bits:
            raise call.refuse(f"Trunc from {bits} to {out_bits} bits", "truncate to fewer bits")
        shrink, final = Fraction(1, 1 << (bits - out_bits)), Affine(_UNCLIPPED_BITS, True, False, scale, (0,), None, rounding)
    inner = call.emit("quantize", QuantizeAttrs(Affine(_UNCLIPPED_BITS, True, False, scale)), [value], suffix=".codes")
    if shrink != 1:
        inner = call.emit("scale_bias", ScaleBiasAttrs((Surd.of(shrink),), (ZERO,)), [inner], suffix=".shifted")
    return _quantized(call, inner, final)


_GREATEST_WHOLE: Final = 1 << 31
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
    scale, zero = _exact_scales(call, scale_array, "scale"), _whole(call, zero_array, "zero point")
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
    low, high = (_whole(call, call.constant(i), "limit")[0] for i in (1, 2))
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


DECODE = RealOp("decode", NoAttrs, _infer_decode, _evaluate_decode)
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
    onnx={"qonnx.Quant": _quant, "qonnx.IntQuant": _quant, "qonnx.BipolarQuant": _bipolar, "qonnx.Trunc": _trunc},
    sample=_sample,
)
