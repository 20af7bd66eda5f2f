"""The product of a weight matrix and a vector of codes: ``a = w @ x``, x codes (1, in), w (out, in) integers, a accumulators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
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
from hwgen.ops.block_schedule import (
    BlockSchedule,
    may_be_worthwhile,
    sizes_of_blocks,
    tiles_of,
    without_blocks,
    worthwhile_schedule,
)
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


def _weight_memory(tiles: IntArray, code: WeightCode) -> Memory:
    """tiles: (words, weights of a block) as they are written."""
    return Memory("WeightFile", tuple(MemoryField(tiles[:, k], code.bits) for k in range(tiles.shape[1])))


def product_unit(weight: IntArray, x: Integer, accumulator: Integer, parallelism: Parallelism, vectors: int) -> Unit:
    """The blocked multiplier array: ``vectors`` times each group's weights with its vector.

    weight: (groups, outputs, positions, inputs) integers.  A vector comes as ``positions`` positions of ``inputs`` elements; the
    lanes of a beat are of one position.  Blocks of zeros are left out where that is worth it: `worthwhile_schedule`.
    """
    groups, outputs, positions, inputs = weight.shape
    in_blocks, out_beats = beats(inputs, parallelism.inputs), beats(outputs, parallelism.outputs)
    code, tiles = weight_code(weight), tiles_of(weight, parallelism)
    schedule = worthwhile_schedule(np.any(tiles != 0, axis=3), tiles.shape[3] * code.bits)
    tiles = tiles.reshape(-1, tiles.shape[3]) if schedule is None else tiles[schedule.kept]
    weights = _weight_memory((tiles + 1) // 2 if code.kind == 1 else tiles, code)
    style = memory_style(weights.depth, weights.width_bits)
    unit = Unit(
        "hg_matvec",
        (
            ("In", inputs), ("Out", outputs), ("InLanes", parallelism.inputs), ("OutLanes", parallelism.outputs),
            ("Positions", positions), ("Groups", groups),
            ("XWidth", x.bits), ("XKind", input_kind(x)), ("WWidth", code.bits), ("WKind", code.kind),
            ("AccWidth", accumulator.bits), ("HasBias", 0), ("RomStyle", int(style)), ("BiasRomStyle", 0),
            ("TreeLevelsPerStage", TREE_LEVELS_PER_STAGE),
        ),
        (weights,),
        in_lanes=parallelism.inputs, out_lanes=parallelism.outputs,
        in_beats=vectors * groups * positions * in_blocks, out_beats=vectors * groups * out_beats,
        latency_cycles=style.latency_cycles + tree_ranks(parallelism.inputs) + 2,
        role=Role.FRONT, vectors=vectors * groups, repeats=out_beats,
        multipliers=parallelism.inputs * parallelism.outputs, macs=vectors * weight.size,
    )
    return unit if schedule is None else _skipping(unit, schedule, weight.shape, vectors)


def skipping_cycles(weight: IntArray, vectors: int) -> Callable[[Parallelism], int] | None:
    """The cycles of a `product_unit` at each parallelism; None where no weight is zero, so that none are skipped."""
    if weight.all():
        return None
    used, bits = weight != 0, weight_code(weight).bits
    count = int(used.sum())

    def cycles(lanes: Parallelism) -> int:
        groups, outputs, positions, inputs = weight.shape
        out_blocks, block_bits = beats(outputs, lanes.outputs), lanes.inputs * lanes.outputs * bits
        every = groups * positions * beats(inputs, lanes.inputs) * out_blocks
        if not may_be_worthwhile(count / (every * lanes.inputs * lanes.outputs), block_bits, out_blocks):
            return vectors * every
        schedule = worthwhile_schedule(np.any(tiles_of(used, lanes), axis=3), block_bits)
        return vectors * (every if schedule is None else schedule.cycles)

    return lru_cache(maxsize=None)(cycles)


def _skipping(unit: Unit, schedule: BlockSchedule, shape: tuple[int, ...], vectors: int) -> Unit:
    """The unit with the schedule beside it.  shape: of the weight."""
    _, outputs, positions, inputs = shape
    memory = schedule.memory(beats(inputs, unit.in_lanes))
    style = memory_style(memory.depth, memory.width_bits)
    rows, columns = (sizes_of_blocks(count, lanes) for count, lanes in ((outputs, unit.out_lanes), (inputs, unit.in_lanes)))
    made = np.tile(columns, positions)[:, None] * rows
    return replace(
        unit, parameters=(*unit.parameters, ("Kept", schedule.operations), ("ScheduleStyle", int(style))),
        memories=(*unit.memories, memory), timing=schedule.timing, repeats=1, macs=vectors * int((schedule.kept * made).sum()),
    )


def _matvec_units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    """What is no vector comes position by position, each with its own last beat."""
    weight, channels = attrs_as(node, MatvecAttrs).weight, node.inputs[0].type.shape[-1]
    weight = weight.reshape(1, len(weight), -1, channels)
    return (product_unit(weight, codes_format(node.inputs[0]), codes_format(node.output), parallelism, 1),)


def _work(node: Node) -> Work:
    weight, channels = attrs_as(node, MatvecAttrs).weight, node.inputs[0].type.shape[-1]
    outputs, inputs = weight.shape
    return Work(1, inputs // channels, channels, outputs, skipping=skipping_cycles(weight.reshape(1, outputs, -1, channels), 1))


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
    weight, channels = _sample_weight(random, inputs, outputs), value.type.shape[-1]
    in_lanes = random_lanes(random, channels, _MOST_SAMPLE_PRODUCTS)
    lanes = Parallelism(in_lanes, random_lanes(random, outputs, _MOST_SAMPLE_PRODUCTS // in_lanes))
    weight = without_blocks(random, weight.reshape(1, outputs, -1, channels), lanes).reshape(outputs, inputs)
    return Case(make(MATVEC, MatvecAttrs(weight), [value], "y", "matvec"), lanes)


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
