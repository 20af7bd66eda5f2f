"""Parts of a tensor: ``slice`` of reals along an axis (split, chunk, crop too); ``select`` of codes, a box of beats (hg_select)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.streams import select_cost
from hwgen.dataflow.unit import Parallelism, Role, SelectTiming, Unit, beats, tensor_beats
from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray, Integer
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, Shape, TensorType, Value
from hwgen.numerics.interval import Interval
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Layout, Lowering, Pending
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.rearrange import RearrangeAttrs
from hwgen.ops.record import Case, Float64, IntegerOp, RealOp, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input
from hwgen.ops.shape import ReshapeAttrs
from hwgen.ops.window import Axis


@dataclass(frozen=True, slots=True)
class SliceAttrs(Attrs):
    """Elements start, start + step, … (count of them) along axis; step at least 1."""

    axis: int
    start: int
    count: int
    step: int = 1


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = attrs_as(node, SliceAttrs), node.inputs[0].type.shape
    last = attrs.start + (attrs.count - 1) * attrs.step
    if not 1 <= attrs.axis < len(shape) or min(attrs.start, attrs.count - 1, attrs.step - 1) < 0 or last >= shape[attrs.axis]:
        raise HwgenError("shape", f"slice {node.path!r}", f"{attrs} of {shape}", "stay inside the tensor, after the batch")
    return (TensorType((*shape[: attrs.axis], attrs.count, *shape[attrs.axis + 1 :]), REAL),)


def _index(attrs: SliceAttrs, rank: int) -> tuple[slice, ...]:
    part = slice(attrs.start, attrs.start + (attrs.count - 1) * attrs.step + 1, attrs.step)
    return tuple(part if k == attrs.axis else slice(None) for k in range(rank))


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    return inputs[0][_index(attrs_as(node, SliceAttrs), inputs[0].ndim)]


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    attrs, (x,), name = attrs_as(node, SliceAttrs), inputs, node.output.name
    rank = len(x.shape)
    order = x.layout.order if x.layout.dims == x.shape else tuple(range(rank))
    x = lowering.arrange(x, order, name=f"{name}.input", path=node.path)
    axis, shape = order.index(attrs.axis), x.codes.type.shape
    chains = x.chains
    if axis == rank - 1 and len(chains) > 1:
        chains = chains[_index(attrs, rank)[attrs.axis]]
    if attrs.step == 1:
        firsts = tuple(attrs.start if k == axis else 0 for k in range(rank))
        counts = tuple(attrs.count if k == axis else d for k, d in enumerate(shape))
        codes = lowering.emit("select", SelectAttrs(firsts, counts), [x.codes], name=f"{name}.codes", path=node.path)
    else:
        codes = _stepped(lowering, node, attrs, x.codes, axis)
    return Pending(codes, chains, node.output.type.shape, Layout(node.output.type.shape, order))


def _stepped(lowering: Lowering, node: Node, attrs: SliceAttrs, codes: Value, axis: int) -> Value:
    """Every step-th position, by the window generator."""
    shape = codes.type.shape
    if axis == len(shape) - 1 or len(shape) > 4:
        raise HwgenError(
            "unsupported-node", f"slice {node.path!r}", f"takes every {attrs.step}th element along the channels",
            "slice with step 1, or along positions",
        )
    sizes = (*shape[1:-1], 1)[:2]
    axes = [Axis.whole(size) for size in sizes]
    axes[axis - 1] = Axis(sizes[axis - 1], start=attrs.start, steps=(attrs.step,) * (attrs.count - 1))
    chosen = RearrangeAttrs.of(axes[0], axes[1])
    return lowering.emit("rearrange", chosen, [codes], name=f"{node.output.name}.codes", path=node.path)


# --- import -----------------------------------------------------------------------------------------------------------

_FAR: Final = 1 << 31


def emit_slice(call: ImportCall, value: Value, axis: int, start: int, stop: int, step: int = 1, suffix: str = "") -> Value:
    """Elements as Python's ``[start:stop:step]`` along ``axis`` takes them."""
    shape = value.type.shape
    if not -len(shape) <= axis < len(shape):
        raise call.refuse(f"axis {axis} of a tensor of {len(shape)} axes", "check the axis")
    if step < 1:
        raise call.refuse(f"step {step}", "use a step of at least 1")
    axis %= len(shape)
    picked = range(shape[axis])[start:stop:step]
    if not picked:
        raise call.refuse(f"nothing is left of axis {axis} between {start} and {stop}", "check the limits")
    if len(picked) == shape[axis]:
        return call.emit("identity", NO_ATTRS, [value], suffix=suffix)
    if axis == 0:
        raise call.refuse("takes a part of the batch", "keep the batch whole")
    attrs = SliceAttrs(axis, picked[0], len(picked), picked.step if len(picked) > 1 else 1)
    return call.emit("slice", attrs, [value], suffix=suffix)


def _onnx_slice(call: OnnxCall) -> Value:
    value = call.value(0)
    if call.opset < 10:
        starts, ends, axes = (call.integers(k) for k in ("starts", "ends", "axes"))
        steps = None
    else:
        given = [tuple(int(v) for v in call.constant(k).ravel()) if call.has(k) else None for k in (1, 2, 3, 4)]
        starts, ends, axes, steps = given
    if starts is None or ends is None:
        raise call.refuse("has no starts or ends", "export the model again")
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise call.refuse("has as many starts as ends, axes and steps no more", "export the model again")
    for number, (start, end, axis, step) in enumerate(zip(starts, ends, axes, steps, strict=True)):
        last = number == len(starts) - 1
        value = emit_slice(call, value, axis, start, end, step, "" if last else f".{number}")
    return value


def _parts(call: ImportCall, axis: int, sizes: Sequence[int]) -> tuple[Value, ...]:
    value = call.value(0)
    if not -len(value.type.shape) <= axis < len(value.type.shape) or sum(sizes) != value.type.shape[axis] or min(sizes) < 1:
        raise call.refuse(f"parts of {list(sizes)} along axis {axis} of {value.type.shape}", "give sizes that fill the axis")
    firsts = np.cumsum([0, *sizes]).tolist()
    return tuple(
        emit_slice(call, value, axis, first, first + size, suffix=f".{k}")
        for k, (first, size) in enumerate(zip(firsts, sizes, strict=False))
    )


def _even(whole: int, part: int) -> list[int]:
    """Parts of one size, and what is left."""
    return [*[part] * (whole // part), *([whole % part] if whole % part else [])]


def _onnx_split(call: OnnxCall) -> tuple[Value, ...]:
    axis, shape = call.integer("axis", 0), call.value(0).type.shape
    sizes: Sequence[int] | None = call.integers("split") if call.opset < 13 else None
    if call.opset >= 13 and call.has(1):
        sizes = [int(v) for v in call.constant(1).ravel()]
    if sizes is None:
        count = call.integer("num_outputs", call.output_count)
        sizes = _even(shape[axis % len(shape)], -(-shape[axis % len(shape)] // count))
    return _parts(call, axis, sizes)


def _whole(call: TorchCall, index: int, name: str, default: object = ...) -> int:
    given = call.argument(index, name, default)
    if not isinstance(given, int):
        raise call.refuse(f"{name}={given}", "give a whole number")
    return given


def _torch_slice(call: TorchCall) -> Value:
    axis, start = _whole(call, 1, "dim", 0), _whole(call, 2, "start", 0)
    return emit_slice(call, call.value(0), axis, start, _whole(call, 3, "end", _FAR), _whole(call, 4, "step", 1))


def _torch_narrow(call: TorchCall) -> Value:
    start = _whole(call, 2, "start")
    return emit_slice(call, call.value(0), _whole(call, 1, "dim"), start, start + _whole(call, 3, "length"))


def _torch_select(call: TorchCall) -> Value:
    value, axis, index = call.value(0), _whole(call, 1, "dim"), _whole(call, 2, "index")
    axis, size = axis % len(value.type.shape), value.type.shape[axis]
    index %= size
    part = emit_slice(call, value, axis, index, index + 1, suffix=".part")
    shape = part.type.shape
    return call.emit("reshape", ReshapeAttrs((*shape[:axis], *shape[axis + 1 :])), [part])


def _torch_split(call: TorchCall) -> tuple[Value, ...]:
    size, axis = call.argument(1, "split_size"), _whole(call, 2, "dim", 0)
    whole = call.value(0).type.shape[axis]
    sizes = [int(str(s)) for s in size] if isinstance(size, list | tuple) else _even(whole, int(str(size)))
    return _parts(call, axis, sizes)


def _torch_chunk(call: TorchCall) -> tuple[Value, ...]:
    axis = _whole(call, 2, "dim", 0)
    whole = call.value(0).type.shape[axis]
    return _parts(call, axis, _even(whole, -(-whole // _whole(call, 1, "chunks"))))


def _real_sample(random: Random, value: Value, name: str) -> Value:
    """At times every other position, or every third."""
    shape = value.type.shape
    axis = random.randrange(1, len(shape))
    start = random.randrange(shape[axis])
    step = random.choice((1, 1, 2, 3)) if axis >= 2 and len(shape) <= 4 and on_grid(value) else 1
    count = random.randint(1, (shape[axis] - start - 1) // step + 1)
    return make(SLICE, SliceAttrs(axis, start, count, step if count > 1 else 1), [value], name, name).output


SLICE = RealOp(
    "slice", SliceAttrs, _infer, _evaluate, _lower, sample=_real_sample, onnx={"Slice": _onnx_slice, "Split": _onnx_split},
    torch={
        "aten.slice.Tensor": _torch_slice, "aten.narrow.default": _torch_narrow, "aten.select.int": _torch_select,
        "aten.split.Tensor": _torch_split, "aten.split_with_sizes.default": _torch_split, "aten.chunk.default": _torch_chunk,
    },
)


# --- integer ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SelectAttrs(Attrs):
    """firsts, counts: of each axis, the batch's 0 and 1."""

    firsts: Shape
    counts: Shape


def _infer_select(node: Node) -> tuple[TensorType, ...]:
    attrs, x, shape = attrs_as(node, SelectAttrs), codes_format(node.inputs[0]), node.inputs[0].type.shape
    whole = zip(attrs.firsts, attrs.counts, shape, strict=True) if len(attrs.firsts) == len(attrs.counts) == len(shape) else ()
    fits = [f >= 0 and n >= 1 and f + n <= d for f, n, d in whole]
    if not fits or not all(fits):
        raise HwgenError("shape", f"select {node.path!r}", f"{attrs} of {shape}", "stay inside the tensor")
    return (TensorType(attrs.counts, Integer(x.low, x.high, bipolar=x.bipolar)),)


def _select(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs = attrs_as(node, SelectAttrs)
    box = [slice(f, f + n) for f, n in zip(attrs.firsts[1:], attrs.counts[1:], strict=True)]
    return inputs[0][(slice(None), *box)]


def _select_bounds(node: Node) -> tuple[Interval, ...]:
    x = codes_format(node.inputs[0])
    return (Interval(x.low, x.high),)


def _fit(node: Node, wanted: Parallelism) -> Parallelism:
    """Lanes divide what is cut off of the channels, or are any number where nothing is."""
    attrs, channels = attrs_as(node, SelectAttrs), node.inputs[0].type.shape[-1]
    cut = attrs.counts[-1] != channels
    whole = gcd(channels, attrs.firsts[-1], attrs.counts[-1]) if cut else channels
    lanes = max(n for n in range(1, whole + 1) if n <= max(1, wanted.inputs) and (not cut or whole % n == 0))
    return Parallelism(lanes, lanes)


_Triple = tuple[int, int, int]


def _box(node: Node, lanes: int) -> tuple[_Triple, _Triple, _Triple] | None:
    """Size, first and last of rows, columns and blocks; axes that stay whole go with the one before.  None: more are cut."""
    attrs, shape = attrs_as(node, SelectAttrs), node.inputs[0].type.shape
    axes: list[tuple[int, int, int]] = []
    for size, first, count in zip(shape[1:-1], attrs.firsts[1:-1], attrs.counts[1:-1], strict=True):
        if axes and count == size:
            before = axes.pop()
            axes.append((before[0] * size, before[1] * size, before[2] * size))
        else:
            axes.append((size, first, count))
    axes = [*[(1, 0, 1)] * (2 - len(axes)), *axes]
    if len(axes) > 2:
        return None
    rows, cols = axes
    blocks = (beats(shape[-1], lanes), attrs.firsts[-1] // lanes, beats(attrs.counts[-1], lanes))
    size, first = ((rows[k], cols[k], blocks[k]) for k in (0, 1))
    return size, first, (rows[1] + rows[2] - 1, cols[1] + cols[2] - 1, blocks[1] + blocks[2] - 1)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    shape, lanes = node.inputs[0].type.shape, parallelism.inputs
    if node.output.type.shape == shape:
        return ()
    box = _box(node, lanes)
    if box is None:
        raise HwgenError("unsupported-node", f"select {node.path!r}", "cuts more than two axes of positions", "cut in two steps")
    size, first, last = box
    names = (("Row", 0), ("Col", 1), ("Block", 2))
    parameters = (
        ("Width", lanes * codes_format(node.inputs[0]).bits), *((f"{name}s", size[k]) for name, k in names),
        *((f"{name}{end}", values[k]) for name, k in names for end, values in (("First", first), ("Last", last))),
    )
    unit = Unit(
        "hg_select", parameters, (), lanes, lanes, tensor_beats(shape, lanes), tensor_beats(node.output.type.shape, lanes),
        role=Role.STREAM, timing=SelectTiming(size, first, last),
    )
    return (unit,)


def _sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random)
    firsts, counts = [0], [1]
    for number, size in enumerate(value.type.shape[1:]):
        cut = number < 2 or number == len(value.type.shape) - 2
        first = random.randrange(size) if cut and random.random() < 0.7 else 0
        firsts.append(first)
        counts.append(random.randint(1, size - first) if cut else size)
    node = make(SELECT, SelectAttrs(tuple(firsts), tuple(counts)), [value], "y", "select")
    return Case(node, _fit(node, Parallelism(random.randint(1, 8), 1)))


def _refit(node: Node, value: Value) -> Attrs:
    shape = value.type.shape
    return SelectAttrs((0,) * len(shape), (1, *(max(1, d // 2) for d in shape[1:])))


def _plainer(node: Node) -> Iterator[Attrs]:
    attrs, shape = attrs_as(node, SelectAttrs), node.inputs[0].type.shape
    for axis in range(1, len(shape)):
        if attrs.counts[axis] != shape[axis]:
            firsts, counts = list(attrs.firsts), list(attrs.counts)
            firsts[axis], counts[axis] = 0, shape[axis]
            yield SelectAttrs(tuple(firsts), tuple(counts))


SELECT = IntegerOp(
    "select", SelectAttrs, _infer_select, _select, _select_bounds, _units, _sample, _refit, _plainer,
    costs={"hg_select": select_cost}, fit=_fit,
)
