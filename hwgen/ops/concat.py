"""Tensors one after the other along an axis.

    concat    of reals; each part keeps its own scale where the parts are channels
    join      of codes of one width; a turn of beats of each input, no storage (hg_concat)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.streams import concat_cost
from hwgen.dataflow.unit import ConcatTiming, Parallelism, Role, Unit, beats, tensor_beats
from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray, Integer
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, Shape, TensorType, Value
from hwgen.numerics.interval import Interval
from hwgen.numerics.scalar_map import Chain
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.common_grid import on_common_grid
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Layout, Lowering, Pending
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.record import Case, Float64, IntegerOp, RealOp, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input, random_lanes
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.widen import widened


@dataclass(frozen=True, slots=True)
class AxisAttrs(Attrs):
    """axis: not negative, not the batch."""

    axis: int


def _joined_shape(node: Node) -> Shape:
    axis, shapes = attrs_as(node, AxisAttrs).axis, [v.type.shape for v in node.inputs]
    first, where = shapes[0], f"{node.op} {node.path!r}"
    if not 1 <= axis < len(first):
        raise HwgenError("shape", where, f"axis {axis} of {first}", "use an axis after the batch")
    for value, shape in zip(node.inputs[1:], shapes[1:], strict=True):
        if len(shape) != len(first) or any(a != b for k, (a, b) in enumerate(zip(first, shape, strict=True)) if k != axis):
            names = f"{node.inputs[0].name!r} of {first} and {value.name!r} of {shape}"
            raise HwgenError("shape", where, f"{names} differ beside axis {axis}", "give tensors that differ along it only")
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])


def _infer(node: Node) -> tuple[TensorType, ...]:
    return (TensorType(_joined_shape(node), REAL),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    return np.concatenate(inputs, axis=attrs_as(node, AxisAttrs).axis)


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    axis, first = attrs_as(node, AxisAttrs).axis, inputs[0]
    if len(inputs) != len(node.inputs):
        raise HwgenError(
            "unsupported-node", f"concat {node.path!r}", "a part is constant", "leave it out, or make it an input of the model"
        )
    order = first.layout.order if first.layout.dims == first.shape else tuple(range(len(first.shape)))
    name = node.output.name
    parts = [lowering.arrange(p, order, name=f"{name}.part{k}", path=node.path) for k, p in enumerate(inputs)]
    code_axis = order.index(axis)
    if order[-1] == axis:  # along the channels of the codes each keeps its own scale
        chains = tuple(c for p in parts for c in _spread(p))
    else:
        if len({p.chains for p in parts}) > 1:
            parts = [with_clamps_computed(lowering, p, name=f"{name}.clamped{k}", path=node.path) for k, p in enumerate(parts)]
            parts = on_common_grid(lowering, parts, name=f"{name}.grid", path=node.path)
        chains = parts[0].chains
    codes = lowering.emit("join", AxisAttrs(code_axis), _one_width(lowering, parts, node), name=f"{name}.codes", path=node.path)
    shape = node.output.type.shape
    return Pending(codes, chains if len(set(chains)) > 1 else chains[:1], shape, Layout(shape, order))


def _spread(part: Pending) -> tuple[Chain, ...]:
    """One function a channel."""
    return part.chains * part.channels if len(part.chains) == 1 else part.chains


def _one_width(lowering: Lowering, parts: Sequence[Pending], node: Node) -> list[Value]:
    """The codes of all parts, written alike: the narrower ones, and bipolar ones among others, sign extended."""
    formats = [codes_format(p.codes) for p in parts]
    if len({(f.bits, f.signed, f.bipolar) for f in formats}) == 1:
        return [p.codes for p in parts]
    low, high = min(f.low for f in formats), max(f.high for f in formats)
    name = f"{node.output.name}.wide"
    return [widened(lowering, p.codes, low, high, name=f"{name}{k}", path=node.path) for k, p in enumerate(parts)]


def _emit(call: ImportCall, values: Sequence[Value], axis: int) -> Value:
    rank = len(values[0].type.shape)
    if not -rank <= axis < rank or axis % rank == 0:
        raise call.refuse(f"axis {axis} of a tensor of {rank} axes", "use an axis after the batch")
    if len(values) == 1:
        return call.emit("identity", NO_ATTRS, values)
    return call.emit("concat", AxisAttrs(axis % rank), values)


def _onnx(call: OnnxCall) -> Value:
    return _emit(call, [call.value(k) for k in range(call.input_count)], call.integer("axis"))


def _torch(call: TorchCall) -> Value:
    axis = call.argument(1, "dim", 0)
    if not isinstance(axis, int):
        raise call.refuse(f"axis {axis}", "give a whole number")
    return _emit(call, call.values(0), axis)


def _real_sample(random: Random, value: Value, name: str) -> Value:
    axis = random.randrange(1, len(value.type.shape))
    return make(CONCAT, AxisAttrs(axis), [value] * random.randint(2, 3), name, name).output


CONCAT = RealOp(
    "concat", AxisAttrs, _infer, _evaluate, _lower, onnx={"Concat": _onnx}, torch={"aten.cat.default": _torch},
    sample=_real_sample, takes=on_grid,
)


# --- integer ----------------------------------------------------------------------------------------------------------

_MOST_PARTS: Final = 4
"""Of a sample."""


def _hull(node: Node) -> Integer:
    formats = [codes_format(v) for v in node.inputs]
    if len({(f.bits, f.signed, f.bipolar) for f in formats}) != 1:
        raise HwgenError(
            "broken-graph", f"join {node.path!r}", f"inputs are {', '.join(f.short for f in formats)}", "lower the graph again"
        )
    return Integer(min(f.low for f in formats), max(f.high for f in formats), bipolar=formats[0].bipolar)


def _infer_join(node: Node) -> tuple[TensorType, ...]:
    return (TensorType(_joined_shape(node), _hull(node)),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    return np.concatenate(inputs, axis=attrs_as(node, AxisAttrs).axis)


def _along_channels(node: Node) -> bool:
    return attrs_as(node, AxisAttrs).axis == len(node.output_types[0].shape) - 1


def _bounds(node: Node) -> tuple[Interval, ...]:
    if not _along_channels(node):
        hull = _hull(node)
        return (Interval(hull.low, hull.high),)
    parts = ((codes_format(v), v.type.shape[-1]) for v in node.inputs)
    return tuple(Interval(f.low, f.high) for f, count in parts for _ in range(count))


def _fit(node: Node, wanted: Parallelism) -> Parallelism:
    """Along channels the lanes divide each part."""
    channels = [v.type.shape[-1] for v in node.inputs]
    whole = gcd(*channels) if _along_channels(node) else channels[0]
    legal = (n for n in range(1, whole + 1) if n <= max(1, wanted.inputs) and (not _along_channels(node) or whole % n == 0))
    lanes = max(legal)
    return Parallelism(lanes, lanes)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    axis, lanes = attrs_as(node, AxisAttrs).axis, parallelism.inputs

    def turn(shape: Shape) -> int:
        inner = prod(shape[axis:-1]) if axis < len(shape) - 1 else 1
        return inner * beats(shape[-1], lanes)

    turns = tuple(turn(v.type.shape) for v in node.inputs)
    table = sum(t << 32 * k for k, t in enumerate(turns))
    unit = Unit(
        "hg_concat", (("Inputs", len(turns)), ("Width", lanes * codes_format(node.output).bits), ("Beats", table)), (),
        lanes, lanes, tensor_beats(node.inputs[0].type.shape, lanes), tensor_beats(node.output.type.shape, lanes),
        role=Role.STREAM, timing=ConcatTiming(turns),
    )
    return (unit,)


def _sample(random: Random, value: Value | None = None) -> Case:
    first = value or fresh_input(random)
    shape, axis = first.type.shape, random.randrange(1, len(first.type.shape))
    parts = [first]
    for number in range(random.randint(1, _MOST_PARTS - 1)):
        other = (*shape[:axis], random.randint(1, 6), *shape[axis + 1 :])
        name = f"{first.name}.part{number}"
        again = random.random() < 0.2
        parts.append(first if again else make(INPUT, InputAttrs(other, codes_format(first)), [], name, name).output)
    node = make(JOIN, AxisAttrs(axis), parts, "y", "join")
    return Case(node, _fit(node, Parallelism(random_lanes(random, shape[-1]), 1)))


JOIN = IntegerOp(
    "join", AxisAttrs, _infer_join, _reference, _bounds, _units, _sample, lambda node, value: node.attrs,
    costs={"hg_concat": concat_cost}, fit=_fit,
)
