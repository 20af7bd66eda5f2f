"""Matrix products: ``linear`` of reals, ``matvec`` of integers.

    linear   y = x @ w.T + b          x (1, in), w (out, in) constant, b (out,) constant
    matvec   a = w @ x                x codes (…, in), w (out, in) integers, a accumulators

Lowering takes scales, zero points and bias out of the product: with x = gx*c + bx and w = sw[o]*(q - z)
    y[o] = sw[o]*gx * sum_i (q - z)[o, i]*c[i]  +  sw[o]*bx*sum_i (q - z)[o, i] + b[o]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.matvec import matvec_cost
from hwgen.dataflow.unit import (
    TREE_LEVELS_PER_STAGE,
    Memory,
    MemoryField,
    Parallelism,
    Unit,
    beats,
    memory_style,
    tree_ranks,
)
from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray, Integer, Quantized, bits_for
from hwgen.ir.graph import NO_ATTRS, Attrs, NoAttrs, Node, TensorType, Value
from hwgen.numerics.interval import Interval, accumulator_bounds
from hwgen.numerics.scalar_map import ClampedAffine
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Lowering, Pending, needs_quantizer
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import constant, exact, floats, on_grid, random_quantizer, shapes_only
from hwgen.ops.record import Case, Float64, IntegerOp, RealOp, attrs_as, constant_array, make
from hwgen.ops.sampling import fresh_input, random_lanes, random_size
from hwgen.ops.scalar import ScaleBiasAttrs
from hwgen.ops.shape import TRANSPOSE, TransposeAttrs
from hwgen.ops.source import ConstantAttrs, constant_reals

MAX_WEIGHT_BITS: Final = 16
MAX_ACTIVATION_BITS: Final = 16
_EXACT_IN_FLOAT64: Final = 1 << 53


# --- real -------------------------------------------------------------------------------------------------------------


def _infer(node: Node) -> tuple[TensorType, ...]:
    x, w = (v.type.shape for v in node.inputs[:2])
    if len(w) != 2 or not x or x[-1] != w[1]:
        raise HwgenError("shape", f"linear {node.path!r}", f"input {x} and weight {w} do not fit", "check the sizes")
    if len(x) != 2:
        raise HwgenError(
            "unsupported-node", f"linear {node.path!r}", f"input of shape {x}", "flatten to (batch, features) before it"
        )
    if len(node.inputs) > 2 and node.inputs[2].type.shape not in ((w[0],), (1,), (1, w[0]), (1, 1), ()):
        raise HwgenError(
            "shape", f"linear {node.path!r}", f"bias {node.inputs[2].type.shape} for {w[0]} outputs", "check the sizes"
        )
    return (TensorType((*x[:-1], w[0]), REAL),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    product = inputs[0] @ inputs[1].T
    return product + inputs[2] if len(inputs) > 2 else product


def _weight_rows(node: Node, inputs: tuple[ClampedAffine, ...]) -> tuple[IntArray, tuple[Surd, ...], tuple[Surd, ...]]:
    """Integer rows, and for each row its real scale and the sum that the input's offset adds.

    ``y[o] = scale[o] * (rows[o] @ codes) + shift[o]``.
    """
    attrs = attrs_as(node.inputs[1].producer, ConstantAttrs)
    format_ = attrs.format
    gains = {m.gain for m in inputs}
    if isinstance(format_, Quantized) and format_.axis in (None, 0) and len(gains) == 1:
        scales, zeros = format_.scales, np.array(format_.zeros, dtype=np.int64)
        rows = attrs.data - (zeros if zeros.size == 1 else zeros[:, None])
        (gain,) = gains
        scale = tuple(gain * Surd.of(scales[o % len(scales)]) for o in range(rows.shape[0]))
        offsets = [m.bias for m in inputs]
        weight_scales = [Surd.of(scales[o % len(scales)]) for o in range(rows.shape[0])]
        return rows, scale, tuple(
            s * _weighted_sum(row, offsets) for s, row in zip(weight_scales, rows, strict=True)
        )
    return _irregular_rows(node, constant_reals(attrs), inputs)


def _weighted_sum(row: IntArray, offsets: Sequence[Surd]) -> Surd:
    if len(offsets) == 1:
        return Surd.of(int(row.sum())) * offsets[0]
    total = ZERO
    for weight, offset in zip(row.tolist(), offsets, strict=True):
        total = total + Surd.of(weight) * offset
    return total


def _irregular_rows(
    node: Node, weight: np.ndarray[tuple[int, ...], np.dtype[np.object_]], inputs: tuple[ClampedAffine, ...]
) -> tuple[IntArray, tuple[Surd, ...], tuple[Surd, ...]]:
    """Weights on no common grid with the input (per-channel input scales): the finest grid of each row, by gcd."""
    rows, scales, shifts = [], [], []
    for row in weight:
        exact: list[Fraction] = []
        shift = ZERO
        for i, w in enumerate(row):
            m = inputs[i % len(inputs)]
            product = (w * m.gain).rational
            if product is None:
                raise needs_quantizer(node, "the input carries an irrational scale per channel (a batch norm)")
            exact.append(product)
            shift = shift + w * m.bias
        denominator = lcm(*(e.denominator for e in exact))
        numerators = [int(e * denominator) for e in exact]
        unit = gcd(*numerators) or 1
        rows.append([n // unit for n in numerators])
        scales.append(Surd.of(Fraction(unit, denominator)))
        shifts.append(shift)
    widest = max((abs(n).bit_length() for r in rows for n in r), default=0)
    if widest > MAX_WEIGHT_BITS - 1:
        quantized = isinstance(attrs_as(node.inputs[1].producer, ConstantAttrs).format, Quantized)
        what = "weights times the input's scales per channel have" if quantized else "the weights are not quantized and have"
        raise needs_quantizer(node, f"{what} a common grid of {widest + 1} bits only (limit {MAX_WEIGHT_BITS})")
    return np.array(rows, dtype=np.int64).reshape(weight.shape), tuple(scales), tuple(shifts)


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    (x,) = inputs
    if constant_array(node.inputs[1]) is None:
        raise HwgenError(
            "unsupported-node", f"linear {node.path!r}", "the weight is computed by the network", "use a constant weight"
        )
    maps = x.affine
    if maps is None:
        raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
    rows, scale, shift = _weight_rows(node, maps)
    bits = x.codes.type.format
    if isinstance(bits, Integer) and bits.bits > MAX_ACTIVATION_BITS:
        raise needs_quantizer(node, f"the input has {bits.bits} bits (limit {MAX_ACTIVATION_BITS})")
    if _row_bits(rows) > MAX_WEIGHT_BITS:
        raise needs_quantizer(node, f"the weight has {_row_bits(rows)} bits (limit {MAX_WEIGHT_BITS})")
    bias: tuple[Surd, ...] = (ZERO,)
    if len(node.inputs) > 2:
        bias = tuple(constant_reals(attrs_as(node.inputs[2].producer, ConstantAttrs)).ravel())
    accumulator = lowering.emit(
        "matvec", MatvecAttrs(rows), [x.codes], name=f"{node.output.name}.accumulator", path=node.path
    )
    offsets = tuple(s + bias[o % len(bias)] for o, s in enumerate(shift))
    return Pending.of(accumulator).map(lambda chain, o: chain.scaled(scale[o], offsets[o]), len(scale)).reshaped(
        node.output.type.shape
    )


# --- import -----------------------------------------------------------------------------------------------------------


def _transposed(call: ImportCall, weight: Value) -> Value:
    return call.emit("transpose", TransposeAttrs((1, 0)), [weight], suffix=".weight")


def _check_weight(call: ImportCall, weight: Value) -> Value:
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
    inputs, source = value.type.shape[-1], shapes_only(value)
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


# --- integer ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class MatvecAttrs(Attrs):
    """weight: (out, in) integers."""

    weight: IntArray


def _row_bits(rows: IntArray) -> int:
    return bits_for(int(rows.min(initial=0)), int(rows.max(initial=0)))


def _input_format(node: Node) -> Integer:
    format_ = node.inputs[0].type.format
    if not isinstance(format_, Integer):
        raise HwgenError("broken-graph", f"{node.op} {node.path!r}", f"input is {format_}", "lower the graph first")
    return format_


def _matvec_bounds(node: Node) -> tuple[Interval, ...]:
    format_ = _input_format(node)
    low, high = accumulator_bounds(attrs_as(node, MatvecAttrs).weight, Interval(format_.low, format_.high))
    return tuple(Interval(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _infer_matvec(node: Node) -> tuple[TensorType, ...]:
    weight, shape = attrs_as(node, MatvecAttrs).weight, node.inputs[0].type.shape
    if weight.ndim != 2 or int(np.prod(shape[1:])) != weight.shape[1]:
        raise HwgenError("shape", f"matvec {node.path!r}", f"{shape} and weight {weight.shape} do not fit", "check sizes")
    bounds = _matvec_bounds(node)
    # an accumulator is two's complement in hardware, whatever its bounds
    low, high = min(-1, *(b.low for b in bounds)), max(b.high for b in bounds)
    return (TensorType((1, weight.shape[0]), Integer(low, high)),)


def _matvec_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    weight, x = attrs_as(node, MatvecAttrs).weight, inputs[0].reshape(inputs[0].shape[0], -1)
    format_ = _input_format(node)
    largest = int(np.abs(weight).sum(axis=1).max(initial=0)) * max(abs(format_.low), abs(format_.high))
    if largest < _EXACT_IN_FLOAT64:  # every partial sum is an integer that float64 holds, and BLAS is much faster
        return (x.astype(np.float64) @ weight.T.astype(np.float64)).astype(np.int64)
    return x @ weight.T


@dataclass(frozen=True, slots=True)
class WeightCode:
    """How weights are written: kind as the templates number it (0 two's complement, 1 bipolar, 2 ternary), and bits."""

    kind: int
    bits: int


def weight_code(weight: IntArray) -> WeightCode:
    """The narrowest code of a weight matrix; bipolar and ternary ones need no multiplier."""
    values = set(np.unique(weight).tolist())
    if values <= {-1, 1}:
        return WeightCode(1, 1)
    if values <= {-1, 0, 1}:
        return WeightCode(2, 2)
    return WeightCode(0, max(2, bits_for(min(-1, min(values)), max(values))))


def input_kind(format_: Integer) -> int:
    """The templates' number for how activations are written: 0 unsigned, 1 two's complement, 2 bipolar."""
    return 2 if format_.bipolar else int(format_.signed)


def _weight_memory(weight: IntArray, code: WeightCode, parallelism: Parallelism) -> Memory:
    """Word ``i*OutBlocks + o`` holds the tile of input block i and output block o; padding is zero bits."""
    outputs, inputs = weight.shape
    in_blocks, out_blocks = beats(inputs, parallelism.inputs), beats(outputs, parallelism.outputs)
    raw = (weight + 1) // 2 if code.kind == 1 else weight
    padded = np.zeros((out_blocks * parallelism.outputs, in_blocks * parallelism.inputs), dtype=np.int64)
    padded[:outputs, :inputs] = raw
    tiles = padded.reshape(out_blocks, parallelism.outputs, in_blocks, parallelism.inputs).transpose(2, 0, 1, 3)
    fields = tiles.reshape(in_blocks * out_blocks, -1)
    return Memory("WeightFile", tuple(MemoryField(fields[:, k], code.bits) for k in range(fields.shape[1])))


def _matvec_unit(node: Node, parallelism: Parallelism) -> Unit:
    weight, x = attrs_as(node, MatvecAttrs).weight, _input_format(node)
    accumulator = node.output.type.format
    if not isinstance(accumulator, Integer):
        raise TypeError("an accumulator is an integer")
    outputs, inputs = weight.shape
    in_beats, out_beats = beats(inputs, parallelism.inputs), beats(outputs, parallelism.outputs)
    code = weight_code(weight)
    style = memory_style(in_beats * out_beats, parallelism.inputs * parallelism.outputs * code.bits)
    return Unit(
        "hg_matvec",
        (
            ("In", inputs), ("Out", outputs), ("InLanes", parallelism.inputs), ("OutLanes", parallelism.outputs),
            ("XWidth", x.bits), ("XKind", input_kind(x)), ("WWidth", code.bits), ("WKind", code.kind),
            ("AccWidth", accumulator.bits), ("HasBias", 0), ("RomStyle", int(style)), ("BiasRomStyle", 0),
            ("TreeLevelsPerStage", TREE_LEVELS_PER_STAGE),
        ),
        (_weight_memory(weight, code, parallelism),),
        in_lanes=parallelism.inputs, out_lanes=parallelism.outputs, in_beats=in_beats, out_beats=out_beats,
        latency_cycles=style.latency_cycles + tree_ranks(parallelism.inputs) + 2,
        repeats=out_beats, streams=True,
        multipliers=parallelism.inputs * parallelism.outputs, macs=inputs * outputs,
    )


_MOST_SAMPLE_PRODUCTS: Final = 64
"""Multipliers of a sample: more take long to compile and show nothing new."""


def _takes(value: Value) -> bool:
    return isinstance(value.type.format, Integer) and value.type.format.bits <= MAX_ACTIVATION_BITS


def _sample_weight(random: Random, inputs: int, outputs: int) -> IntArray:
    """Bipolar, ternary, or of 2 to 16 bits; some rows hold one extreme only, some are zero."""
    kind = random.choice(("bipolar", "ternary", "integers", "integers"))
    high = 1 if kind != "integers" else (1 << random.randint(1, MAX_WEIGHT_BITS - 1)) - 1
    low = -1 if kind != "integers" else -high - 1
    values = (-1, 1) if kind == "bipolar" else range(low, high + 1)
    rows = [[random.choice(values) for _ in range(inputs)] for _ in range(outputs)]
    for row in rows:
        if random.random() < 0.2:
            row[:] = [random.choice([low, high] if kind == "bipolar" else [low, 0, high])] * inputs
    return np.array(rows, dtype=np.int64)


def _sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random, most_bits=MAX_ACTIVATION_BITS)
    inputs = value.type.elements
    outputs = min(random_size(random), 12 if inputs <= 32 else 4)
    node = make(MATVEC, MatvecAttrs(_sample_weight(random, inputs, outputs)), [value], "y", "matvec")
    in_lanes = random_lanes(random, inputs, _MOST_SAMPLE_PRODUCTS)
    return Case(node, Parallelism(in_lanes, random_lanes(random, outputs, _MOST_SAMPLE_PRODUCTS // in_lanes)))


def _refit(node: Node, value: Value) -> Attrs:
    return MatvecAttrs(attrs_as(node, MatvecAttrs).weight[:, : value.type.elements])


def _plainer(node: Node) -> Iterator[Attrs]:
    weight = attrs_as(node, MatvecAttrs).weight
    half = len(weight) // 2
    if half:
        yield from (MatvecAttrs(weight[:half]), MatvecAttrs(weight[half:]), MatvecAttrs(weight[:-1]))
    if np.abs(weight).max() > 1:
        yield from (MatvecAttrs(np.sign(weight)), MatvecAttrs(np.sign(weight) * (np.abs(weight) // 2)))


MATVEC = IntegerOp(
    "matvec", MatvecAttrs, _infer_matvec, _matvec_reference, _matvec_bounds, _matvec_unit, _sample, _refit, _plainer, _takes,
    cost=matvec_cost,
)
