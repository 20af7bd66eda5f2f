"""Convolutions of reals over one or two axes: x (1, in, positions…), w (out, in / groups, taps…) constant, b (out,) constant.

In hardware a `hwgen.ops.window_conv`, or a `hwgen.ops.depthwise` where each channel has its own filter; scales, zero points and
bias are taken out (`hwgen.ops.weights`).  Outside the image the reals are zero, so there must be a code for zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import Array, Attrs, Node, Shape, TensorType, Value
from hwgen.numerics.surd import ZERO
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Lowering, Pending, channels_last
from hwgen.ops.real_windows import bias_of, first_legal, groups_of, numbers, takes_image, weight_of
from hwgen.ops.record import Float64, RealOp, attrs_as
from hwgen.ops.sampling import codes_format
from hwgen.ops.shape import TransposeAttrs
from hwgen.ops.weights import WeightRows, constant_bias, weight_rows
from hwgen.ops.widen import padded_codes, widened
from hwgen.ops.window import MAX_POSITIONS, Axis, Window
from hwgen.ops.window_conv import ConvAttrs, convolve
from hwgen.ops.window_importing import checked, onnx_pads, positions, same_pads, torch_integers


@dataclass(frozen=True, slots=True)
class RealConvAttrs(Attrs):
    """strides, dilations: one an axis of positions.  pads: before each of these axes, then after each."""

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    groups: int = 1


def check_weight(node: Node, outputs: int, inputs: int, groups: int) -> None:
    """Refuses an image or a weight that is none, groups that do not divide, and a bias of another size.

    inputs: channels that the weight is for.
    """
    where, shape, weight = f"{node.op} {node.path!r}", node.inputs[0].type.shape, node.inputs[1].type.shape
    if not 3 <= len(shape) <= 4 or len(weight) != len(shape):
        raise HwgenError(
            "unsupported-node", where, f"input of shape {shape}, weight of shape {weight}", "use one or two axes of positions"
        )
    if groups < 1 or shape[1] % groups or outputs % groups:
        what = f"groups={groups} with {shape[1]} input and {outputs} output channels"
        raise HwgenError("shape", where, what, "channels must be a multiple of groups")
    if inputs != shape[1]:
        what = f"{shape[1]} input channels, {groups} groups and a weight of shape {weight}"
        raise HwgenError("shape", where, what, "check the sizes")
    if len(node.inputs) > 2 and node.inputs[2].type.elements not in (1, outputs):
        raise HwgenError("shape", where, f"a bias of shape {node.inputs[2].type.shape} for {outputs} outputs", "check the sizes")


def check_numbers(node: Node, rank: int, *numbers: tuple[int, ...], pads: tuple[int, ...]) -> None:
    """Refuses strides or dilations that are not positive, negative pads, and numbers beyond all images."""
    legal = all(len(n) == rank and 1 <= min(n) <= max(n) <= MAX_POSITIONS for n in numbers)
    if not legal or len(pads) != 2 * rank or not 0 <= min(pads) <= max(pads) <= MAX_POSITIONS:
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"strides, dilations {numbers} and pads {pads}",
            f"give one number an axis of positions, at least 1, and pads that are not negative, at most {MAX_POSITIONS}",
        )


def _axes(node: Node) -> tuple[Axis, ...]:
    attrs, size, kernel = attrs_as(node, RealConvAttrs), node.inputs[0].type.shape[2:], node.inputs[1].type.shape[2:]
    rank = len(size)
    found: list[Axis] = []
    for k in range(rank):
        pads = (attrs.pads[k], attrs.pads[k + rank])
        axis = Axis.sliding(size[k], kernel[k], attrs.strides[k], attrs.dilations[k], pads)
        if axis is None:
            what = f"a kernel of {kernel[k]} taps (dilation {attrs.dilations[k]}) on {size[k]} positions with pads {pads}"
            raise HwgenError("shape", f"{node.op} {node.path!r}", what, "use a smaller kernel, or more padding")
        found.append(axis)
    return tuple(found)


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape, weight = attrs_as(node, RealConvAttrs), node.inputs[0].type.shape, node.inputs[1].type.shape
    outputs, inputs = (*weight, 0, 0)[:2]
    check_weight(node, outputs, inputs * attrs.groups, attrs.groups)
    check_numbers(node, len(shape) - 2, attrs.strides, attrs.dilations, pads=attrs.pads)
    return (TensorType((shape[0], outputs, *(axis.windows for axis in _axes(node))), REAL),)


def with_two_axes(numbers: Sequence[int], missing: int) -> tuple[int, ...]:
    """Of rows and columns."""
    return (*numbers, missing)[:2]


def pads_of(pads: Sequence[int]) -> tuple[int, int, int, int]:
    """Above, left, below and right."""
    rank = len(pads) // 2
    (above, left), (below, right) = with_two_axes(pads[:rank], 0), with_two_axes(pads[rank:], 0)
    return above, left, below, right


def image_of(array: Float64) -> Float64:
    """(batch, channels, positions…) as (batch, rows, columns, channels)."""
    return np.moveaxis(array.reshape(*array.shape, *(1,) * (4 - array.ndim)), 1, 3)


def kernel_of(weight: Array) -> Array:
    """(out, in, taps…) as (out, kernel rows, kernel columns, in)."""
    return np.moveaxis(weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim)), 1, 3)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    axes = _axes(node)
    window = Window(axes[0], axes[1] if len(axes) > 1 else Axis.whole(1))
    made = convolve(image_of(inputs[0]), kernel_of(inputs[1]), window, attrs_as(node, RealConvAttrs).groups)
    result = np.moveaxis(made, 3, 1).reshape(len(inputs[0]), *node.output.type.shape[1:])
    return result + inputs[2].reshape(-1, *(1,) * len(axes)) if len(inputs) > 2 else result


def grouped_rows(node: Node, x: Pending, groups: int, arranged: Callable[[Array], Array]) -> WeightRows:
    """`weight_rows` where output ``o`` of ``outputs`` sees the channels of group ``o * groups // outputs`` only."""
    if groups == 1 or len(set(x.chains)) == 1:
        return weight_rows(node, replace(x, chains=x.chains[:1]) if len(set(x.chains)) == 1 else x, arranged)
    channels = x.channels // groups
    parts = [
        weight_rows(
            node, replace(x, chains=x.chains[g * channels : (g + 1) * channels]), lambda w, g=g: np.split(arranged(w), groups)[g]
        )
        for g in range(groups)
    ]
    scale, shift = (tuple(v for p in parts for v in getattr(p, name)) for name in ("scale", "shift"))
    return WeightRows(np.concatenate([p.rows for p in parts]), scale, shift)


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    attrs, name = attrs_as(node, RealConvAttrs), node.output.name
    x = lowering.arrange(inputs[0], channels_last(inputs[0].shape), name=f"{name}.input", path=node.path)
    pad = 0
    if any(attrs.pads):
        codes, pad = padded_codes(lowering, node, x, ZERO)
        x = replace(x, codes=codes)
    found = grouped_rows(node, x, attrs.groups, lambda w: kernel_of(w).reshape(len(w), -1))
    outputs, kernel = len(found.rows), with_two_axes(node.inputs[1].type.shape[2:], 1)
    depthwise = 1 < attrs.groups == x.channels == outputs
    if depthwise and codes_format(x.codes).bipolar:
        x = replace(x, codes=widened(lowering, x.codes, -1, 1, name=f"{name}.wide", path=node.path))
    integer = ConvAttrs(
        found.rows.reshape(outputs, *kernel, -1), with_two_axes(attrs.strides, 1), with_two_axes(attrs.dilations, 1),
        pads_of(attrs.pads), pad, attrs.groups,
    )
    op = "depthwise" if depthwise else "conv_codes"
    return biased(node, lowering.emit(op, integer, [x.codes], name=f"{name}.accumulator", path=node.path), found)


def biased(node: Node, accumulator: Value, found: WeightRows) -> Pending:
    """The reals of an accumulator, channels first."""
    bias = constant_bias(node)
    offsets = tuple(s + bias[o % len(bias)] for o, s in enumerate(found.shift))
    return Pending.of(accumulator).map(lambda chain, o: chain.scaled(found.scale[o], offsets[o]), len(offsets)).channels_first()


# --- import -----------------------------------------------------------------------------------------------------------


def _taps(call: ImportCall, weight: Value, rank: int) -> Shape:
    if len(weight.type.shape) != rank + 2:
        raise call.refuse(f"a weight of shape {weight.type.shape} for {rank} axes of positions", "use one axis more than channels")
    return weight.type.shape[2:]


def _emit_onnx(call: OnnxCall, x: Value, weight: Value, *, suffix: str = "") -> Value:
    size = positions(call, x.type.shape)
    rank, taps = len(size), _taps(call, weight, len(size))
    kernel = checked(call, "kernel_shape", call.integers("kernel_shape") or taps, rank)
    if kernel != taps:
        raise call.refuse(f"kernel_shape {list(kernel)} and a weight of shape {weight.type.shape}", "export again")
    strides, dilations = (checked(call, name, call.integers(name), rank) for name in ("strides", "dilations"))
    pads = onnx_pads(call, size, kernel, strides, dilations, gaps=True)
    attrs = RealConvAttrs(strides, dilations, pads, call.integer("group", 1))
    return call.emit("conv", attrs, [x, weight, *([call.value(2)] if call.has(2) else [])], suffix=suffix)


def _onnx(call: OnnxCall) -> Value:
    return _emit_onnx(call, call.value(0), call.value(1))


def moved(call: ImportCall, value: Value, perm: Sequence[int], *, suffix: str = "") -> Value:
    """A transpose."""
    return call.emit("transpose", TransposeAttrs(tuple(perm)), [value], suffix=suffix)


def first(rank: int) -> tuple[int, ...]:
    """The order of axes that puts channels, which are last, behind the batch."""
    return (0, rank - 1, *range(1, rank - 1))


def last(rank: int) -> tuple[int, ...]:
    """The order of axes that puts channels, which stand behind the batch, last."""
    return (0, *range(2, rank), 1)


def _channels_last(call: OnnxCall) -> Value:
    """QONNX's wrapper: image (batch, positions…, in), weight (out, taps…, in / groups)."""
    rank = len(call.value(0).type.shape)
    if not 3 <= rank <= 4 or len(call.value(1).type.shape) != rank:
        raise call.refuse(f"shapes {call.value(0).type.shape} and {call.value(1).type.shape}", "use one or two axes of positions")
    x, weight = (moved(call, call.value(k), first(rank), suffix=suffix) for k, suffix in ((0, ".first"), (1, ".weight")))
    return moved(call, _emit_onnx(call, x, weight, suffix=".conv"), last(rank))


def _torch(call: TorchCall) -> Value:
    """``aten.conv1d`` and ``conv2d``: (x, weight, bias, stride, padding, dilation, groups)."""
    size = positions(call, call.value(0).type.shape)
    rank, taps = len(size), _taps(call, call.value(1), len(size))
    strides, dilations = torch_integers(call, 3, "stride", rank), torch_integers(call, 5, "dilation", rank)
    given = call.argument(4, "padding", 0)
    if given == "same":
        if max(strides) > 1:
            raise call.refuse(f"padding='same' with strides {list(strides)}", "use stride 1")
        pads = same_pads(taps, dilations)
    elif given == "valid":
        pads = (0,) * (2 * rank)
    elif isinstance(given, str):
        raise call.refuse(f"padding {given!r}", "use numbers, 'same' or 'valid'")
    else:
        pads = torch_integers(call, 4, "padding", rank, default=0, least=0) * 2
    return _emit_torch(call, RealConvAttrs(strides, dilations, pads, _groups(call, 6)))


def _groups(call: TorchCall, index: int) -> int:
    groups = call.argument(index, "groups", 1)
    return groups if isinstance(groups, int) else 0


def _emit_torch(call: TorchCall, attrs: RealConvAttrs) -> Value:
    return call.emit("conv", attrs, [call.value(k) for k in range(3) if call.has(k)])


def _sample(random: Random, value: Value, name: str) -> Value:
    channels, size = value.type.shape[1], value.type.shape[2:]
    rank, groups = len(size), groups_of(random, channels)
    outputs = groups * random.randint(1, max(1, 4 // groups))
    kernel = tuple(random.randint(1, min(4, n + 1)) for n in size)
    operands = [value, weight_of(random, (outputs, channels // groups, *kernel), f"{name}.weight", 0)]
    one, around = (1,) * rank, tuple(k - 1 for k in kernel) * 2
    pads = numbers(random, 2 * rank, 0, 2) if random.random() < 0.5 else (0,) * (2 * rank)
    drawn = RealConvAttrs(numbers(random, rank, 1, 3), numbers(random, rank, 1, 2), pads, groups)
    legal = [drawn, RealConvAttrs(one, one, around, groups)]
    return first_legal(CONV, legal, [*operands, *bias_of(random, outputs, f"{name}.bias")], name)


_TORCH = {f"aten.conv{n}d.{kind}": _torch for n in (1, 2) for kind in ("default", "padding")}

CONV = RealOp(
    "conv", RealConvAttrs, _infer, _evaluate, _lower,
    onnx={"Conv": _onnx, "qonnx.custom_op.channels_last.Conv": _channels_last}, torch=_TORCH, sample=_sample, takes=takes_image,
)
