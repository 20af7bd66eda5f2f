"""Shapes: identity, dropout, reshape, flatten, transpose.  In hardware these are wires: the codes stay in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from random import Random

import numpy as np

from hwgen.dataflow.unit import Parallelism
from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray, Integer
from hwgen.ir.graph import NO_ATTRS, Attrs, NoAttrs, Node, Shape, TensorType, Value, topological
from hwgen.numerics.interval import Interval
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Layout, Lowering, Pending
from hwgen.ops.real_sampling import moved_only, on_grid
from hwgen.ops.record import Case, Float64, IntegerOp, RealOp, attrs_as, make, no_units
from hwgen.ops.sampling import fresh_input, random_shape, spread


@dataclass(frozen=True, slots=True)
class ReshapeAttrs(Attrs):
    """shape: of the result, its first entry the batch of 1."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class TransposeAttrs(Attrs):
    """perm: axis of the input for each axis of the result."""

    perm: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ViewAttrs(Attrs):
    """The same codes under another shape, scale and offset."""

    shape: Shape
    scale: tuple[Surd, ...]
    offset: tuple[Surd, ...]


def _infer_identity(node: Node) -> tuple[TensorType, ...]:
    return (TensorType(node.inputs[0].type.shape, REAL),)


def _infer_reshape(node: Node) -> tuple[TensorType, ...]:
    shape, before = attrs_as(node, ReshapeAttrs).shape, node.inputs[0].type
    if np.prod(shape, dtype=object) != before.elements:
        raise HwgenError(
            "shape", f"reshape {node.path!r}", f"{before.shape} cannot become {shape}", "check the sizes"
        )
    return (TensorType(shape, REAL),)


def _infer_transpose(node: Node) -> tuple[TensorType, ...]:
    perm, before = attrs_as(node, TransposeAttrs).perm, node.inputs[0].type
    if sorted(perm) != list(range(len(before.shape))):
        raise HwgenError("shape", f"transpose {node.path!r}", f"perm {perm} for {before.shape}", "check perm")
    return (TensorType(tuple(before.shape[p] for p in perm), REAL),)


def _evaluate_reshape(node: Node, inputs: Sequence[Float64]) -> Float64:
    return inputs[0].reshape(inputs[0].shape[0], *attrs_as(node, ReshapeAttrs).shape[1:])


def _lower_reshape(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    return inputs[0].reshaped(node.output.type.shape)


def _lower_transpose(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    """The codes stay; only the account of how the reals lie in them changes."""
    perm, (pending,) = attrs_as(node, TransposeAttrs).perm, inputs
    if pending.layout.dims != pending.shape:  # a flattened tensor that lies in another order
        pending = lowering.arrange(pending, tuple(range(len(pending.shape))), name=node.output.name, path=node.path)
    layout, moved = pending.layout, tuple(pending.shape[p] for p in perm)
    return replace(pending, shape=moved, layout=Layout(moved, tuple(perm.index(o) for o in layout.order)))


def _resolve(call: ImportCall, wanted: Sequence[int], before: Shape, *, zero_copies: bool) -> Shape:
    """ONNX's reshape target with 0 (copy) and -1 (rest) resolved; the batch must stay first."""
    shape = [int(d) for d in wanted]
    if zero_copies:
        for i, d in enumerate(shape):
            if d == 0:
                if i >= len(before):
                    raise call.refuse(f"target {shape} copies axis {i} of {before}", "check the target shape")
                shape[i] = before[i]
    elements = int(np.prod(before, dtype=object))
    if shape.count(-1) > 1 or any(d < -1 or d == 0 for d in shape):
        raise call.refuse(f"target shape {shape}", "use positive sizes and at most one -1")
    if -1 in shape:
        rest = int(np.prod([d for d in shape if d != -1], dtype=object))
        if elements % rest:
            raise call.refuse(f"{before} cannot become {shape}", "check the sizes")
        shape[shape.index(-1)] = elements // rest
    if not shape or shape[0] != 1:
        raise call.refuse(f"target shape {shape} does not keep the batch axis", "keep the batch as the first axis")
    return tuple(shape)


def emit_reshape(call: ImportCall, wanted: Sequence[int], *, zero_copies: bool = False) -> Value:
    """A reshape of input 0."""
    value = call.value(0)
    shape = _resolve(call, wanted, value.type.shape, zero_copies=zero_copies)
    return call.emit("reshape", ReshapeAttrs(shape), [value])


def _onnx_reshape(call: OnnxCall) -> Value:
    zero_copies = call.integer("allowzero", 0) == 0
    wanted = call.constant(1) if call.input_count > 1 else np.array(call.integers("shape") or ())
    return emit_reshape(call, wanted.ravel().tolist(), zero_copies=zero_copies)


def _onnx_flatten(call: OnnxCall) -> Value:
    axis, shape = call.integer("axis", 1), call.value(0).type.shape
    if axis not in (0, 1, -len(shape), 1 - len(shape)):  # from axis 0 it comes to the same, as the batch is 1
        raise call.refuse(f"axis={axis}", "flatten from axis 1, so that the batch stays")
    return emit_reshape(call, (1, -1))


def _emit_permuted(call: ImportCall, perm: Sequence[int]) -> Value:
    value = call.value(0)
    rank = len(value.type.shape)
    positive = tuple(p % max(rank, 1) for p in perm)
    if not positive or sorted(positive) != list(range(rank)):
        raise call.refuse(f"perm {list(perm)} for a tensor of {rank} axes", "check the axes")
    if positive[0] != 0 and not independent(value):
        raise call.refuse(f"perm {list(perm)} moves the batch axis", "keep the batch as the first axis")
    return call.emit("transpose", TransposeAttrs(positive), [value])


def independent(value: Value) -> bool:
    """Whether the value does not depend on the graph's inputs."""
    return all(node.op != "input" for node in topological([value]))


def _onnx_transpose(call: OnnxCall) -> Value:
    value = call.value(0)
    rank = len(value.type.shape)
    return _emit_permuted(call, call.integers("perm") or tuple(reversed(range(rank))))


def _onnx_squeeze(call: OnnxCall) -> Value:
    shape = call.value(0).type.shape
    axes = call.integers("axes") if call.input_count < 2 else tuple(call.constant(1).ravel().tolist())
    if any(not -len(shape) <= a < len(shape) for a in axes or ()):
        raise call.refuse(f"axes {axes} of {shape}", "check the axes")
    gone = {a % len(shape) for a in axes} if axes else {i for i, d in enumerate(shape) if d == 1 and i}
    if any(shape[a] != 1 for a in gone):
        raise call.refuse(f"axes {sorted(gone)} of {shape} are not all of size 1", "check the axes")
    return emit_reshape(call, [d for i, d in enumerate(shape) if i not in gone])


def _onnx_unsqueeze(call: OnnxCall) -> Value:
    shape = call.value(0).type.shape
    axes = call.integers("axes") if call.input_count < 2 else tuple(call.constant(1).ravel().tolist())
    rank = len(shape) + len(axes or ())
    new = {a % rank for a in axes or ()}
    if not axes or len(new) != len(axes) or any(not -rank <= a < rank for a in axes):
        raise call.refuse(f"axes {axes} of {shape}", "check the axes")
    old = iter(shape)
    return emit_reshape(call, [1 if i in new else next(old) for i in range(rank)])


def _identity(call: ImportCall) -> Value:
    return call.emit("identity", NO_ATTRS, [call.value(0)])


def _onnx_dropout(call: OnnxCall) -> Value:
    for name in ("ratio", "seed"):
        call.ignore(name)
    call.has(1)  # the ratio, as an input: no bearing on inference either
    if call.has(2) and bool(call.constant(2).any()):
        raise call.refuse("training_mode is true", "export the model in evaluation mode")
    return _identity(call)


def _torch_dropout(call: TorchCall) -> Value:
    if call.argument(2, "train", False):
        raise call.refuse("dropout in training mode", "call model.eval() before the import")
    call.argument(1, "p", 0.5)
    return _identity(call)


def _torch_view(call: TorchCall) -> Value:
    wanted = call.argument(1, "size")
    if not isinstance(wanted, (list, tuple)):
        raise call.refuse(f"target shape {wanted}", "use whole numbers")
    return emit_reshape(call, [int(str(d)) for d in wanted])


def _torch_flatten(call: TorchCall) -> Value:
    start, end = call.argument(1, "start_dim", 0), call.argument(2, "end_dim", -1)
    shape = call.value(0).type.shape
    if start != 1 or end not in (-1, len(shape) - 1):
        raise call.refuse(f"flatten from {start} to {end}", "flatten from axis 1 to the last")
    return emit_reshape(call, (1, -1))


def _torch_unsqueeze(call: TorchCall) -> Value:
    shape, axis = list(call.value(0).type.shape), call.argument(1, "dim")
    if not isinstance(axis, int):
        raise call.refuse(f"unsqueeze along {axis}", "give one axis")
    shape.insert(axis % (len(shape) + 1), 1)
    if axis % len(shape) == 0:
        raise call.refuse("unsqueeze along axis 0", "keep the batch as the first axis")
    return emit_reshape(call, shape)


def _torch_squeeze(call: TorchCall) -> Value:
    shape, axes = call.value(0).type.shape, call.argument(1, "dim")
    gone = {int(str(a)) % len(shape) for a in (axes if isinstance(axes, (list, tuple)) else [axes])}
    if 0 in gone:
        raise call.refuse(f"squeeze along {axes}", "keep the batch as the first axis")
    return emit_reshape(call, [d for i, d in enumerate(shape) if i not in gone or d != 1])


def _torch_permute(call: TorchCall) -> Value:
    given = call.argument(1, "dims")
    dims = [int(str(d)) for d in given] if isinstance(given, (list, tuple)) else []
    return _emit_permuted(call, dims)


def _torch_transpose(call: TorchCall) -> Value:
    rank = len(call.value(0).type.shape)
    first, second = (int(str(call.argument(i, f"dim{i - 1}"))) % rank for i in (1, 2))
    perm = list(range(rank))
    perm[first], perm[second] = second, first
    return _emit_permuted(call, perm)


def _torch_t(call: TorchCall) -> Value:
    return _emit_permuted(call, list(reversed(range(len(call.value(0).type.shape)))))


def _torch_to(call: TorchCall) -> Value:
    if str(call.argument(1, "dtype", None)) not in ("None", "torch.float32", "torch.float64"):
        raise call.refuse(f"conversion to {call.argument(1, 'dtype')}", "stay with float32")
    return _torch_copy(call)


def _torch_copy(call: TorchCall) -> Value:
    for index in range(1, 7):
        call.argument(index, "memory_format", None)  # where and how elements are stored has no bearing on their values
    return _identity(call)


def _keep(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    return inputs[0]


def _identity_sample(random: Random, value: Value, name: str) -> Value:
    return make(IDENTITY, NO_ATTRS, [value], name, name).output


def _reshape_sample(random: Random, value: Value, name: str) -> Value:
    """Any shape where one scale holds for all elements; otherwise only axes of size 1 come and go."""
    shape, source = value.type.shape, moved_only(value)
    if source is not None and on_grid(value) and getattr(source.output.type.format, "axis", None) is None:
        target = random_shape(random, value.type.elements)
    else:
        target = (1, *(1,) * random.randrange(2), *(d for d in shape[1:-1] if d != 1), shape[-1])
    return make(RESHAPE, ReshapeAttrs(target), [value], name, name).output


def _transpose_sample(random: Random, value: Value, name: str) -> Value:
    """The batch stays first.  Off a grid the elements stay in their order: only axes of size 1 move, and the last not at all."""
    shape = value.type.shape
    if on_grid(value) and random.random() < 0.5:
        perm = (0, *random.sample(range(1, len(shape)), len(shape) - 1))
        return make(TRANSPOSE, TransposeAttrs(perm), [value], name, name).output
    middle = range(1, len(shape) - 1)
    moving = [i for i in middle if shape[i] == 1]
    order = [i for i in middle if shape[i] != 1]
    for axis in moving:
        order.insert(random.randint(0, len(order)), axis)
    perm = (0, *order, len(shape) - 1) if len(shape) > 1 else (0,)
    return make(TRANSPOSE, TransposeAttrs(perm), [value], name, name).output


IDENTITY = RealOp(
    "identity", NoAttrs, _infer_identity, evaluate=lambda node, x: x[0], lower=_keep, sample=_identity_sample,
    onnx={"Identity": _identity, "Dropout": _onnx_dropout},
    torch={
        "aten.dropout.default": _torch_dropout, "aten.clone.default": _torch_copy, "aten.detach.default": _identity,
        "aten.contiguous.default": _torch_copy, "aten.alias.default": _identity, "aten._to_copy.default": _torch_to,
    },
)
RESHAPE = RealOp(
    "reshape", ReshapeAttrs, _infer_reshape, _evaluate_reshape, _lower_reshape,
    onnx={"Reshape": _onnx_reshape, "Flatten": _onnx_flatten, "Squeeze": _onnx_squeeze, "Unsqueeze": _onnx_unsqueeze},
    torch={
        "aten.view.default": _torch_view, "aten.reshape.default": _torch_view,
        "aten._unsafe_view.default": _torch_view, "aten.flatten.using_ints": _torch_flatten,
        "aten.unsqueeze.default": _torch_unsqueeze, "aten.squeeze.dim": _torch_squeeze, "aten.squeeze.dims": _torch_squeeze,
    },
    sample=_reshape_sample,
)
TRANSPOSE = RealOp(
    "transpose", TransposeAttrs, _infer_transpose,
    evaluate=lambda node, x: np.transpose(x[0], attrs_as(node, TransposeAttrs).perm),
    lower=_lower_transpose, onnx={"Transpose": _onnx_transpose},
    torch={
        "aten.permute.default": _torch_permute, "aten.transpose.int": _torch_transpose, "aten.t.default": _torch_t,
    },
    sample=_transpose_sample,
)


# --- integer ----------------------------------------------------------------------------------------------------------


def _infer_view(node: Node) -> tuple[TensorType, ...]:
    attrs, before = attrs_as(node, ViewAttrs), node.inputs[0].type.format
    if not isinstance(before, Integer):
        raise HwgenError("broken-graph", f"view {node.path!r}", f"input is {before}", "lower the graph first")
    return (TensorType(attrs.shape, Integer(before.low, before.high, attrs.scale, attrs.offset, before.bipolar)),)


def _view_reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    return inputs[0].reshape(inputs[0].shape[0], *attrs_as(node, ViewAttrs).shape[1:])


def _view_bounds(node: Node) -> tuple[Interval, ...]:
    before = node.inputs[0].type.format
    return (Interval(before.low, before.high),) if isinstance(before, Integer) else ()


def _view_sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random)
    shape = random_shape(random, value.type.elements)
    channels = random.choice((1, shape[-1]))
    scale = tuple(Surd.of(Fraction(random.randint(1, 9), random.randint(1, 9))) for _ in range(channels))
    offset = tuple(Surd.of(Fraction(random.randint(-9, 9), 8)) for _ in range(random.choice((1, shape[-1]))))
    return Case(make(VIEW, ViewAttrs(shape, scale, offset), [value], "y", "view"), Parallelism(1, 1))


def _refit_view(node: Node, value: Value) -> Attrs:
    attrs, elements = attrs_as(node, ViewAttrs), value.type.elements
    shape = attrs.shape if prod(attrs.shape) == elements else (1, elements)
    return ViewAttrs(shape, *(tuple(spread(v, shape[-1])) for v in (attrs.scale, attrs.offset)))


def _plainer_view(node: Node) -> Iterator[Attrs]:
    attrs = attrs_as(node, ViewAttrs)
    plain = ViewAttrs((1, prod(attrs.shape)), (UNIT,), (ZERO,))
    if attrs != plain:
        yield plain


VIEW = IntegerOp(
    "view", ViewAttrs, _infer_view, _view_reference, _view_bounds, no_units, _view_sample, _refit_view, _plainer_view
)
