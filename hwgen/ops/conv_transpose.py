"""Transposed convolutions: x (1, in, positions…), w (in, out / groups, taps…) constant, b (out,) constant.

    y[o, j] = b[o] + sum_{i, k, c: stride*i + dilation*k - pad = j} w[c, o, k] * x[c, i]

In hardware an ordinary convolution that gives, at each position of the input, all the outputs that it begins: the phases, an
output's residue by the stride.  Each phase has the taps of the kernel that it meets, no inserted zeros (but zero weights where
it meets fewer than another phase).  Then the phases are put in their places (a permutation of each row), and what lies outside
the result is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from random import Random

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray
from hwgen.ir.graph import Array, Attrs, Node, Shape, TensorType, Value
from hwgen.ops.conv import biased, check_numbers, check_weight, grouped_rows, image_of, with_two_axes
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Lowering, Pending, channels_last
from hwgen.ops.permute import PermuteAttrs
from hwgen.ops.real_windows import bias_of, first_legal, groups_of, numbers, takes_image, weight_of
from hwgen.ops.record import Float64, RealOp, attrs_as
from hwgen.ops.slicing import SelectAttrs
from hwgen.ops.weights import WeightRows
from hwgen.ops.widen import from_zero
from hwgen.ops.window import MAX_POSITIONS
from hwgen.ops.window_conv import ConvAttrs
from hwgen.ops.window_importing import checked, positions, torch_integers


@dataclass(frozen=True, slots=True)
class TransposedAttrs(Attrs):
    """strides, dilations, output_padding: one an axis of positions.  pads: cut off before each of these axes, then after each."""

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Phases:
    """One axis as an ordinary convolution.  size: of the result.  cut: positions before it that the phases give as well.

    taps, dilation, start: of the windows, of which there are ``count``.  places: phase and tap of each tap of the kernel.
    """

    size: int
    stride: int
    cut: int
    taps: int
    dilation: int
    start: int
    count: int
    places: tuple[tuple[int, int], ...]

    @property
    def exact(self) -> bool:
        """Whether nothing has to be cut off."""
        return self.cut == 0 and self.count * self.stride == self.size


def phases(size: int, kernel: int, stride: int, dilation: int, pad: int) -> Phases:
    """The phases of an axis with ``size`` results, begun where they take the fewest products."""

    def begun(cut: int) -> Phases:
        ends = [dilation * k - pad + cut for k in range(kernel)]  # where tap k of position 0 lands
        offsets = [-(e // stride) for e in ends]
        first = min(offsets)
        step = gcd(*(o - first for o in offsets)) or 1
        taps = (max(offsets) - first) // step + 1
        places = tuple((e % stride, (o - first) // step) for e, o in zip(ends, offsets, strict=True))
        return Phases(size, stride, cut, taps, step, first, -(-(size + cut) // stride), places)

    return min((begun(cut) for cut in range(stride)), key=lambda p: (p.taps * p.count, p.cut))


def _sizes(node: Node) -> Shape:
    """Of the result's axes of positions."""
    attrs, size, kernel = attrs_as(node, TransposedAttrs), node.inputs[0].type.shape[2:], node.inputs[1].type.shape[2:]
    rank = len(size)
    whole = [(size[k] - 1) * attrs.strides[k] + attrs.dilations[k] * (kernel[k] - 1) + 1 for k in range(rank)]
    return tuple(whole[k] + attrs.output_padding[k] - attrs.pads[k] - attrs.pads[k + rank] for k in range(rank))


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape, where = attrs_as(node, TransposedAttrs), node.inputs[0].type.shape, f"{node.op} {node.path!r}"
    inputs, outputs = (*node.inputs[1].type.shape, 0, 0)[:2]
    check_weight(node, outputs * attrs.groups, inputs, attrs.groups)
    check_numbers(node, len(shape) - 2, attrs.strides, attrs.dilations, pads=attrs.pads)
    pairs = list(zip(attrs.output_padding, attrs.strides, strict=False))
    if len(attrs.output_padding) != len(shape) - 2 or any(not 0 <= extra < stride for extra, stride in pairs):
        what = f"output padding {attrs.output_padding} with strides {attrs.strides}"
        raise HwgenError("shape", where, what, "use an output padding below the stride")
    sizes = _sizes(node)
    if min(sizes) < 1:
        raise HwgenError("shape", where, f"pads {attrs.pads} leave nothing of {shape}", "use less padding")
    return (TensorType((shape[0], outputs * attrs.groups, *sizes), REAL),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    """By its definition: each position adds its multiple of the kernel."""
    attrs, sizes = attrs_as(node, TransposedAttrs), with_two_axes(_sizes(node), 1)
    image, weight = image_of(inputs[0]), inputs[1].reshape(*inputs[1].shape, *(1,) * (4 - inputs[1].ndim))
    strides, dilations = with_two_axes(attrs.strides, 1), with_two_axes(attrs.dilations, 1)
    before = with_two_axes(attrs.pads[: len(attrs.pads) // 2], 0)
    reach = [(image.shape[1 + k] - 1) * strides[k] + dilations[k] * (weight.shape[2 + k] - 1) + 1 for k in (0, 1)]
    room = [max(reach[k], before[k] + sizes[k]) for k in (0, 1)]
    kinds = [np.split(weight, attrs.groups), np.split(image, attrs.groups, axis=3)]
    parts: list[Float64] = []
    for some, part in zip(*kinds, strict=True):
        made = np.zeros((len(image), *room, weight.shape[1]))
        for ky, kx in np.ndindex(*weight.shape[2:]):
            steps = zip(dilations, (ky, kx), strides, image.shape[1:3], strict=True)
            rows, cols = (slice(d * k, d * k + s * (n - 1) + 1, s) for d, k, s, n in steps)
            made[:, rows, cols] += part @ some[:, :, ky, kx]
        parts.append(made[:, before[0] : before[0] + sizes[0], before[1] : before[1] + sizes[1]])
    result = np.moveaxis(np.concatenate(parts, axis=3), 3, 1).reshape(len(image), *node.output.type.shape[1:])
    return result + inputs[2].reshape(-1, *(1,) * (inputs[0].ndim - 2)) if len(inputs) > 2 else result


def _output_rows(weight: Array, groups: int) -> Array:
    """(in, out / groups, taps…) as (out, products), the input channel innermost."""
    split = weight.reshape(groups, -1, *weight.shape[1:])  # (group, in, out, taps…)
    return np.moveaxis(split, 1, -1).reshape(groups * weight.shape[1], -1)


def _phase_kernel(rows: IntArray, kernel: Sequence[int], axes: Sequence[Phases], groups: int) -> IntArray:
    """(group, phase of rows, phase of columns, out of the group; rows, columns, in of the group) of `ConvAttrs`."""
    down, across = axes
    given = rows.reshape(groups, len(rows) // groups, *kernel, -1)
    made = np.zeros((groups, down.stride, across.stride, given.shape[1], down.taps, across.taps, given.shape[4]), dtype=np.int64)
    for ky, (row_phase, row_tap) in enumerate(down.places):
        for kx, (col_phase, col_tap) in enumerate(across.places):
            made[:, row_phase, col_phase, :, row_tap, col_tap] = given[:, :, ky, kx]
    return made.reshape(-1, down.taps, across.taps, given.shape[4])


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    attrs, name = attrs_as(node, TransposedAttrs), node.output.name
    x = lowering.arrange(inputs[0], channels_last(inputs[0].shape), name=f"{name}.input", path=node.path)
    x = from_zero(lowering, node, x)  # the taps that a phase lacks change nothing then
    found = grouped_rows(node, x, attrs.groups, lambda w: _output_rows(w, attrs.groups))
    sizes, kernel = with_two_axes(_sizes(node), 1), with_two_axes(node.inputs[1].type.shape[2:], 1)
    strides, dilations = with_two_axes(attrs.strides, 1), with_two_axes(attrs.dilations, 1)
    before, image = with_two_axes(attrs.pads[: len(attrs.pads) // 2], 0), with_two_axes(x.codes.type.shape[1:-1], 1)
    outputs = len(found.rows)
    count = strides[0] * strides[1] * outputs
    if count > MAX_POSITIONS:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", f"strides {attrs.strides} of {outputs} channels: {count} phases",
            f"use smaller strides (at most {MAX_POSITIONS} phases)",
        )
    axes = [phases(*numbers) for numbers in zip(sizes, kernel, strides, dilations, before, strict=True)]
    after = [p.start + p.count + p.dilation * (p.taps - 1) - n for p, n in zip(axes, image, strict=True)]
    integer = ConvAttrs(
        _phase_kernel(found.rows, kernel, axes, attrs.groups), (1, 1), (axes[0].dilation, axes[1].dilation),
        (-axes[0].start, -axes[1].start, *after), 0, attrs.groups,
    )
    codes = lowering.emit("conv_codes", integer, [x.codes], name=f"{name}.phases", path=node.path)
    codes = _placed(lowering, node, codes, axes, found)
    return biased(node, _cut(lowering, node, codes, axes), found)


def _placed(lowering: Lowering, node: Node, codes: Value, axes: Sequence[Phases], found: WeightRows) -> Value:
    """The phases side by side: (1, rows, columns, out)."""
    groups, (down, across) = attrs_as(node, TransposedAttrs).groups, axes
    outputs = len(found.rows)
    dims = (1, down.count, across.count, groups, down.stride, across.stride, outputs // groups)
    shape = (1, down.count * down.stride, across.count * across.stride, outputs)
    kept = shape if len(codes.type.shape) == 4 else (shape[0], shape[1] * shape[2], outputs)
    if down.stride == across.stride == 1:
        return codes
    attrs = PermuteAttrs(dims, (0, 1, 4, 2, 5, 3, 6), kept)
    return lowering.emit("permute", attrs, [codes], name=f"{node.output.name}.places", path=node.path)


def _cut(lowering: Lowering, node: Node, codes: Value, axes: Sequence[Phases]) -> Value:
    """The box of the result."""
    used = axes[: len(codes.type.shape) - 2]
    if all(p.exact for p in used):
        return codes
    first, counts = (0, *(p.cut for p in used), 0), (1, *(p.size for p in used), codes.type.shape[-1])
    return lowering.emit("select", SelectAttrs(first, counts), [codes], name=f"{node.output.name}.cut", path=node.path)


# --- import -----------------------------------------------------------------------------------------------------------


def _emit(call: ImportCall, attrs: TransposedAttrs, bias: int) -> Value:
    inputs = [call.value(0), call.value(1), *([call.value(bias)] if call.has(bias) else [])]
    return call.emit("conv_transpose", attrs, inputs)


def _onnx(call: OnnxCall) -> Value:
    size, taps = positions(call, call.value(0).type.shape), call.value(1).type.shape[2:]
    rank = len(size)
    kernel = checked(call, "kernel_shape", call.integers("kernel_shape") or taps, rank)
    if kernel != taps:
        raise call.refuse(f"kernel_shape {list(kernel)} and a weight of shape {call.value(1).type.shape}", "export again")
    strides, dilations = (checked(call, name, call.integers(name), rank) for name in ("strides", "dilations"))
    extra = checked(call, "output_padding", call.integers("output_padding"), rank, default=0, least=0)
    whole = [
        s * (n - 1) + e + (k - 1) * d + 1 for s, n, e, k, d in zip(strides, size, extra, kernel, dilations, strict=True)
    ]
    pads = _onnx_pads(call, whole, [n * s for n, s in zip(size, strides, strict=True)], rank)
    return _emit(call, TransposedAttrs(strides, dilations, pads, extra, call.integer("group", 1)), 2)


def _onnx_pads(call: OnnxCall, whole: Sequence[int], same: Sequence[int], rank: int) -> Shape:
    """whole: sizes without any padding.  same: sizes that SAME_UPPER and SAME_LOWER want."""
    mode, wanted = call.text("auto_pad", "NOTSET"), call.integers("output_shape")
    pads = checked(call, "pads", call.integers("pads"), 2 * rank, default=0, least=0)
    if mode not in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"):
        raise call.refuse(f"auto_pad {mode!r}", "use NOTSET, SAME_UPPER, SAME_LOWER or VALID")
    if wanted is None and mode in ("NOTSET", "VALID"):
        if mode == "VALID" and any(pads):
            raise call.refuse(f"auto_pad {mode!r} and pads {list(pads)}", "give one of the two")
        return pads
    if any(pads):
        raise call.refuse(f"pads {list(pads)} and output_shape or auto_pad {mode!r}", "give one of the two")
    target = checked(call, "output_shape", same if wanted is None else wanted[-rank:], rank)
    totals = [w - t for w, t in zip(whole, target, strict=True)]
    if min(totals) < 0:
        raise call.refuse(f"an output of {list(target)} positions where the kernel reaches {list(whole)}", "use output_padding")
    smaller, larger = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (*smaller, *larger) if mode == "SAME_UPPER" else (*larger, *smaller)


def _torch(call: TorchCall) -> Value:
    """``aten.conv_transpose1d`` and ``2d``: (x, weight, bias, stride, padding, output_padding, groups, dilation)."""
    rank = len(positions(call, call.value(0).type.shape))
    strides, dilations = torch_integers(call, 3, "stride", rank), torch_integers(call, 7, "dilation", rank)
    pads, extra = (torch_integers(call, k, name, rank, default=0, least=0) for k, name in ((4, "padding"), (5, "output_padding")))
    groups = call.argument(6, "groups", 1)
    return _emit(call, TransposedAttrs(strides, dilations, pads * 2, extra, groups if isinstance(groups, int) else 0), 2)


def _sample(random: Random, value: Value, name: str) -> Value:
    channels, rank = value.type.shape[1], len(value.type.shape) - 2
    groups = groups_of(random, channels)
    outputs = random.randint(1, 3)
    kernel = numbers(random, rank, 1, 4)
    operands = [value, weight_of(random, (channels, outputs, *kernel), f"{name}.weight", 1 if groups == 1 else 0)]
    one, none, strides = (1,) * rank, (0,) * rank, numbers(random, rank, 1, 3)
    extra = tuple(random.randrange(s) for s in strides)
    drawn = TransposedAttrs(strides, numbers(random, rank, 1, 2), numbers(random, 2 * rank, 0, 2), extra, groups)
    legal = [drawn, TransposedAttrs(one, one, none * 2, none, groups)]
    return first_legal(CONV_TRANSPOSE, legal, [*operands, *bias_of(random, outputs * groups, f"{name}.bias")], name)


CONV_TRANSPOSE = RealOp(
    "conv_transpose", TransposedAttrs, _infer, _evaluate, _lower, onnx={"ConvTranspose": _onnx},
    torch={"aten.conv_transpose1d.default": _torch, "aten.conv_transpose2d.input": _torch},
    sample=_sample, takes=takes_image,
)
