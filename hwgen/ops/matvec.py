"""The product of a weight matrix and a vector of codes: ``a = w @ x``, x codes (1, in), w (out, in) integers, a accumulators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.matvec import matvec_cost
from hwgen.dataflow.unit import (
    TREE_LEVELS_PER_STAGE,
    Memory,
    MemoryField,
    Parallelism,
    Role,
    Unit,
    beats,
    memory_style,
    tree_ranks,
)
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer, bits_for
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.numerics.interval import Interval, accumulator_bounds
from hwgen.ops.record import Case, IntegerOp, Work, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input, random_lanes, random_size
from hwgen.ops.weights import MAX_ACTIVATION_BITS, MAX_WEIGHT_BITS

_EXACT_IN_FLOAT64: Final = 1 << 53


@dataclass(frozen=True, eq=False, slots=True)
class MatvecAttrs(Attrs):
    """weight: (out, in) integers."""

    weight: IntArray


def _matvec_bounds(node: Node) -> tuple[Interval, ...]:
    format_ = codes_format(node.inputs[0])
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


def product(weight: IntArray, x: IntArray, format_: Integer) -> IntArray:
    """``x @ weight.T`` in int64 for codes ``x`` (…, in) of ``format_``, exactly."""
    largest = int(np.abs(weight).sum(axis=1).max(initial=0)) * max(abs(format_.low), abs(format_.high))
    if largest < _EXACT_IN_FLOAT64:  # every partial sum is an integer that float64 holds, and BLAS is much faster
        return (x.astype(np.float64) @ weight.T.astype(np.float64)).astype(np.int64)
    return x @ weight.T


def _matvec_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    x = inputs[0].reshape(inputs[0].shape[0], -1)
    return product(attrs_as(node, MatvecAttrs).weight, x, codes_format(node.inputs[0]))


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
    """weight: (groups, outputs, positions, inputs).  Padding is zero bits.

    Word ``((g*positions + p)*InBlocks + i)*OutBlocks + o`` holds the tile of group g, position p, input block i and output block o.
    """
    groups, outputs, positions, inputs = weight.shape
    in_blocks, out_blocks = beats(inputs, parallelism.inputs), beats(outputs, parallelism.outputs)
    raw = (weight + 1) // 2 if code.kind == 1 else weight
    padded = np.zeros((groups, out_blocks * parallelism.outputs, positions, in_blocks * parallelism.inputs), dtype=np.int64)
    padded[:, :outputs, :, :inputs] = raw
    tiles = padded.reshape(groups, out_blocks, parallelism.outputs, positions, in_blocks, parallelism.inputs)
    fields = tiles.transpose(0, 3, 4, 1, 2, 5).reshape(groups * positions * in_blocks * out_blocks, -1)
    return Memory("WeightFile", tuple(MemoryField(fields[:, k], code.bits) for k in range(fields.shape[1])))


def product_unit(weight: IntArray, x: Integer, accumulator: Integer, parallelism: Parallelism, vectors: int) -> Unit:
    """The blocked multiplier array: ``vectors`` times each group's weights with its vector.

    weight: (groups, outputs, positions, inputs) integers.  A vector comes as ``positions`` positions of ``inputs`` elements; the
    lanes of a beat are of one position.
    """
    groups, outputs, positions, inputs = weight.shape
    in_beats, out_beats = positions * beats(inputs, parallelism.inputs), beats(outputs, parallelism.outputs)
    code = weight_code(weight)
    style = memory_style(groups * in_beats * out_beats, parallelism.inputs * parallelism.outputs * code.bits)
    return Unit(
        "hg_matvec",
        (
            ("In", inputs), ("Out", outputs), ("InLanes", parallelism.inputs), ("OutLanes", parallelism.outputs),
            ("Positions", positions), ("Groups", groups),
            ("XWidth", x.bits), ("XKind", input_kind(x)), ("WWidth", code.bits), ("WKind", code.kind),
            ("AccWidth", accumulator.bits), ("HasBias", 0), ("RomStyle", int(style)), ("BiasRomStyle", 0),
            ("TreeLevelsPerStage", TREE_LEVELS_PER_STAGE),
        ),
        (_weight_memory(weight, code, parallelism),),
        in_lanes=parallelism.inputs, out_lanes=parallelism.outputs,
        in_beats=vectors * groups * in_beats, out_beats=vectors * groups * out_beats,
        latency_cycles=style.latency_cycles + tree_ranks(parallelism.inputs) + 2,
        role=Role.FRONT, vectors=vectors * groups, repeats=out_beats,
        multipliers=parallelism.inputs * parallelism.outputs, macs=vectors * weight.size,
    )


def _matvec_units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    """What is no vector comes position by position, each with its own last beat."""
    weight, channels = attrs_as(node, MatvecAttrs).weight, node.inputs[0].type.shape[-1]
    weight = weight.reshape(1, len(weight), -1, channels)
    return (product_unit(weight, codes_format(node.inputs[0]), codes_format(node.output), parallelism, 1),)


def _work(node: Node) -> Work:
    outputs, inputs = attrs_as(node, MatvecAttrs).weight.shape
    channels = node.inputs[0].type.shape[-1]
    return Work(1, inputs // channels, channels, outputs)


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
    in_lanes = random_lanes(random, value.type.shape[-1], _MOST_SAMPLE_PRODUCTS)
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
    "matvec", MatvecAttrs, _infer_matvec, _matvec_reference, _matvec_bounds, _matvec_units, _sample, _refit, _plainer, _takes,
    costs={"hg_matvec": matvec_cost}, work=_work,
)
