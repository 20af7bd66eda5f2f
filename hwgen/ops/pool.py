"""Pools of reals over one or two axes of positions: x (1, channels, positions…), windows as torch and ONNX Runtime place them.

    max_pool       the greatest element of each window that lies in the image
    average_pool   the sum of a window's elements, zero outside the image, divided by ``divisor``, or by the number of its elements:
                   those in the padded image (count_pads), or those in the image

ceil_mode adds a last window that reaches beyond the padded image, if it begins before the padding that follows the image.  In
hardware a `hwgen.ops.lane_pool`; divisors go into the next requantizer, as factors where they differ from window to window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import lcm
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray
from hwgen.ir.graph import Attrs, Node, Shape, TensorType, Value
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.common_grid import scaled
from hwgen.ops.conv import check_numbers, first, image_of, last, moved, pads_of
from hwgen.ops.importing import OnnxCall, OnnxRule, TorchCall, TorchRule
from hwgen.ops.lane_pool import PoolAttrs
from hwgen.ops.lowering import Lowering, Pending, channels_last, needs_quantizer
from hwgen.ops.real_windows import first_legal, numbers, takes_image
from hwgen.ops.record import Float64, RealOp, RealSampler, attrs_as
from hwgen.ops.requantizing import CLIP_LIMIT
from hwgen.ops.rising import rising
from hwgen.ops.sampling import codes_format
from hwgen.ops.shape import ViewAttrs
from hwgen.ops.widen import from_zero, padded_codes, widened
from hwgen.ops.window import Axis, Window
from hwgen.ops.window_importing import checked, flag, onnx_pads, positions, torch_integers

MAX_FACTORS: Final = 1 << 16
"""Elements of a tensor that may each have a factor of its own: they stand in a memory."""


@dataclass(frozen=True, slots=True)
class RealPoolAttrs(Attrs):
    """kernel, strides, dilations: one an axis of positions.  pads: before each of these axes, then after each.

    count_pads, divisor: of an average; divisor 0 for none.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    ceil_mode: bool = False
    count_pads: bool = True
    divisor: int = 0


def _axis(size: int, taps: int, stride: int, dilation: int, before: int, after: int, *, ceil_mode: bool) -> Axis | None:
    """The windows along one axis; None where there is none."""
    room = size + before + after - (dilation * (taps - 1) + 1)
    if room < 0:
        return None
    count = -(-room // stride) + 1 if ceil_mode else room // stride + 1
    if ceil_mode and (count - 1) * stride >= size + before:
        count -= 1
    return Axis.counted(size, taps, stride, dilation, -before, count)


def pool_axes(node: Node) -> tuple[Axis, ...]:
    """The windows along each axis of positions.  Raises HwgenError where there are none, or one outside the image."""
    attrs, where, size = attrs_as(node, RealPoolAttrs), f"{node.op} {node.path!r}", node.inputs[0].type.shape[2:]
    rank, found = len(size), list[Axis]()
    for k in range(rank):
        pads = (attrs.pads[k], attrs.pads[k + rank])
        axis = _axis(size[k], attrs.kernel[k], attrs.strides[k], attrs.dilations[k], *pads, ceil_mode=attrs.ceil_mode)
        if axis is None:
            what = f"a window of {attrs.kernel[k]} (dilation {attrs.dilations[k]}) on {size[k]} positions with pads {pads}"
            raise HwgenError("shape", where, what, "use a smaller window, or more padding")
        if int(axis.counts().min()) < 1 and (node.op == "max_pool" or not attrs.count_pads):
            raise HwgenError("shape", where, f"a window of {attrs.kernel[k]} lies in the pads {pads}", "use less padding")
        found.append(axis)
    return tuple(found)


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = attrs_as(node, RealPoolAttrs), node.inputs[0].type.shape
    if not 3 <= len(shape) <= 4:
        where = f"{node.op} {node.path!r}"
        raise HwgenError("unsupported-node", where, f"input of shape {shape}", "use one or two axes of positions")
    check_numbers(node, len(shape) - 2, attrs.kernel, attrs.strides, attrs.dilations, pads=attrs.pads)
    if attrs.divisor < 0:
        raise HwgenError("shape", f"{node.op} {node.path!r}", f"divides by {attrs.divisor}", "use a positive divisor")
    return (TensorType((*shape[:2], *(axis.windows for axis in pool_axes(node))), REAL),)


def _window(node: Node) -> Window:
    axes = pool_axes(node)
    return Window(axes[0], axes[1] if len(axes) > 1 else Axis.whole(1))


def _divisors(node: Node) -> IntArray:
    """(window rows, window columns): what the sum of each window is divided by."""
    attrs, window = attrs_as(node, RealPoolAttrs), _window(node)
    if attrs.divisor:
        return np.full((window.rows.windows, window.cols.windows), attrs.divisor)
    counts: list[IntArray] = []
    for axis, after in zip((window.rows, window.cols), pads_of(attrs.pads)[2:], strict=True):
        whole = replace(axis, size=axis.size + after - axis.start, start=0) if attrs.count_pads else axis
        counts.append(whole.counts())
    return np.multiply.outer(counts[0], counts[1])


def _real(node: Node, result: Float64) -> Float64:
    return np.moveaxis(result, 3, 1).reshape(len(result), *node.output.type.shape[1:])


def _evaluate_max(node: Node, inputs: Sequence[Float64]) -> Float64:
    result: Float64 | None = None
    for _, _, taken in _window(node).taps_of(image_of(inputs[0]), -np.inf):
        result = taken.copy() if result is None else np.maximum(result, taken, out=result)
    return inputs[0] if result is None else _real(node, result)


def _evaluate_average(node: Node, inputs: Sequence[Float64]) -> Float64:
    window, image = _window(node), image_of(inputs[0])
    total = np.zeros((len(image), window.rows.windows, window.cols.windows, image.shape[3]))
    for _, _, taken in window.taps_of(image):
        total += taken
    return _real(node, total / _divisors(node)[..., None])


# --- lowering ---------------------------------------------------------------------------------------------------------


def pooled(lowering: Lowering, node: Node, kind: str, codes: Value, window: Window, pad: int = 0) -> Value:
    """``pool_codes``.  window: evenly spaced."""
    rows, cols = window.rows, window.cols
    before = (-rows.start, -cols.start)
    after = tuple(axis.start + (axis.step or 1) * (axis.windows - 1) + axis.extent - axis.size for axis in (rows, cols))
    attrs = PoolAttrs(
        kind, (rows.taps, cols.taps), (rows.step or 1, cols.step or 1), (rows.dilation, cols.dilation), (*before, *after), pad
    )
    return lowering.emit("pool_codes", attrs, [codes], name=f"{node.output.name}.{kind}", path=node.path)


def _as_image(lowering: Lowering, node: Node, x: Pending) -> Pending:
    return lowering.arrange(x, channels_last(x.shape), name=f"{node.output.name}.input", path=node.path)


def _lower_max(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    x = rising(lowering, node, _as_image(lowering, node, inputs[0]))
    codes = pooled(lowering, node, "max", x.codes, _window(node))
    return Pending(codes, x.chains, codes.type.shape, x.layout).channels_first()


def _lower_average(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    attrs, window, divisors = attrs_as(node, RealPoolAttrs), _window(node), _divisors(node)
    x = _as_image(lowering, node, inputs[0])
    x = with_clamps_computed(lowering, x, name=f"{node.output.name}.clamped", path=node.path)
    if codes_format(x.codes).bipolar:
        x = replace(x, codes=widened(lowering, x.codes, -1, 1, name=f"{node.output.name}.wide", path=node.path))
    maps, pad = x.affine, 0
    if maps is None:
        raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
    inside = not attrs.divisor and not attrs.count_pads
    same = len(np.unique(divisors)) == 1
    if not window.inside and same and not inside:
        codes, pad = padded_codes(lowering, node, x, ZERO)
        x = replace(x, codes=codes)
    elif not window.inside:
        if not inside:  # sums of reals, divided by what differs: zero's code must be 0
            x = from_zero(lowering, node, x)
        x = replace(x, codes=widened(lowering, x.codes, 0, 0, name=f"{node.output.name}.wide", path=node.path))
        maps = x.affine or maps
    codes = pooled(lowering, node, "sum", x.codes, window, pad)
    common = lcm(*(int(d) for d in np.unique(divisors)))
    if not same:
        codes = _times(lowering, node, codes, common // divisors)
    # the bias is there once for each element: of the image where only these count, else of the whole window
    times = Surd.of(1) if inside or not same else Surd.of(window.taps) * Surd.of(int(common)).inverse()
    whole = Pending.of(codes).map(
        lambda chain, c: chain.scaled(maps[c].gain * Surd.of(common).inverse(), maps[c].bias * times), len(maps)
    )
    return whole.channels_first()


def _times(lowering: Lowering, node: Node, codes: Value, factors: IntArray) -> Value:
    """Codes of an image times one whole number a position."""
    shape, own, name = codes.type.shape, codes_format(codes), node.output.name
    flat = np.repeat(factors.ravel(), shape[-1])
    reach = max(-own.low, own.high) * int(flat.max())
    if flat.size > MAX_FACTORS or reach > CLIP_LIMIT:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}",
            f"divides by other numbers at the border, which takes {flat.size} factors and {reach.bit_length() + 1} bits",
            f"count the padding as well, or use no padding and no ceil_mode (at most {MAX_FACTORS} factors and 32 bits)",
        )
    line = lowering.emit("view", ViewAttrs((1, flat.size), (UNIT,), (ZERO,)), [codes], name=f"{name}.line", path=node.path)
    weighted = scaled(lowering, line, [(f, 0) for f in flat.tolist()], name=f"{name}.weighted", path=node.path)
    return lowering.emit("view", ViewAttrs(shape, (UNIT,), (ZERO,)), [weighted], name=f"{name}.image", path=node.path)


# --- import -----------------------------------------------------------------------------------------------------------


def _onnx(op: str) -> OnnxRule:
    def rule(call: OnnxCall) -> Value:
        return _emit_onnx(call, op, call.value(0))

    return rule


def _emit_onnx(call: OnnxCall, op: str, x: Value, *, suffix: str = "") -> Value:
    size = positions(call, x.type.shape)
    kernel = checked(call, "kernel_shape", call.integers("kernel_shape"), len(size), default=None)
    strides, dilations = (checked(call, name, call.integers(name), len(size)) for name in ("strides", "dilations"))
    call.ignore("storage_order")  # of the indices, which nothing here gives
    pads = onnx_pads(call, size, kernel, strides, dilations, gaps=False)
    attrs = RealPoolAttrs(
        kernel, strides, dilations, pads, call.integer("ceil_mode", 0) != 0,
        op == "max_pool" or call.integer("count_include_pad", 0) != 0,
    )
    return call.emit(op, attrs, [x], suffix=suffix)


def _channels_last(call: OnnxCall) -> Value:
    """QONNX's wrapper: image (batch, positions…, channels)."""
    rank = len(call.value(0).type.shape)
    if not 3 <= rank <= 4:
        raise call.refuse(f"a tensor of shape {call.value(0).type.shape}", "use one or two axes of positions")
    x = moved(call, call.value(0), first(rank), suffix=".first")
    return moved(call, _emit_onnx(call, "max_pool", x, suffix=".pool"), last(rank))


def _torch_windows(call: TorchCall, rank: int) -> tuple[Shape, Shape, Shape]:
    """Kernel, strides (the kernel where none are given) and pads."""
    kernel = torch_integers(call, 1, "kernel_size", rank, default=None)
    given = call.argument(2, "stride", None)
    strides = kernel if given is None or given == [] else torch_integers(call, 2, "stride", rank)
    return kernel, strides, torch_integers(call, 3, "padding", rank, default=0, least=0) * 2


def _torch_max(call: TorchCall) -> Value:
    """``aten.max_pool1d`` and ``2d``: (x, kernel, stride, padding, dilation, ceil_mode)."""
    rank = len(positions(call, call.value(0).type.shape))
    kernel, strides, pads = _torch_windows(call, rank)
    dilations = torch_integers(call, 4, "dilation", rank)
    attrs = RealPoolAttrs(kernel, strides, dilations, pads, flag(call, 5, "ceil_mode", default=False))
    return call.emit("max_pool", attrs, [call.value(0)])


def _torch_average(call: TorchCall) -> Value:
    """``aten.avg_pool1d`` and ``2d``: (x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)."""
    rank = len(positions(call, call.value(0).type.shape))
    kernel, strides, pads = _torch_windows(call, rank)
    divisor = call.argument(6, "divisor_override", 0)
    if not isinstance(divisor, int) or divisor < 0:
        raise call.refuse(f"divisor_override={divisor}", "use a positive whole number")
    attrs = RealPoolAttrs(
        kernel, strides, (1,) * rank, pads, flag(call, 4, "ceil_mode", default=False),
        flag(call, 5, "count_include_pad", default=True), divisor,
    )
    return call.emit("average_pool", attrs, [call.value(0)])


def _adaptive(op: str) -> TorchRule:
    """Window i of n goes from ``floor(i*size/n)`` to ``ceil((i+1)*size/n)``: regular where all have one size and one step."""

    def rule(call: TorchCall) -> Value:
        size = positions(call, call.value(0).type.shape)
        given = call.argument(1, "output_size")
        wanted = list(given) if isinstance(given, list | tuple) else [given] * len(size)
        counts = [n if v is None else v for v, n in zip(wanted, size, strict=False)]
        whole = [n for n in counts if isinstance(n, int) and n >= 1]
        if not len(wanted) == len(size) == len(whole):
            raise call.refuse(f"output_size={given}", "give one positive number an axis of positions")
        kernel, strides = zip(*(_regular(call, n, m) for n, m in zip(size, whole, strict=True)), strict=True)
        attrs = RealPoolAttrs(kernel, strides, (1,) * len(size), (0,) * (2 * len(size)))
        return call.emit(op, attrs, [call.value(0)])

    return rule


def _regular(call: TorchCall, size: int, count: int) -> tuple[int, int]:
    """Size and step of ``count`` adaptive windows."""
    starts = [i * size // count for i in range(count)]
    sizes = {-(-(i + 1) * size // count) - start for i, start in enumerate(starts)}
    steps = {b - a for a, b in pairwise(starts)} or {1}
    if len(sizes) > 1 or len(steps) > 1 or 0 in steps:
        what = f"{count} adaptive windows of {size} positions have sizes {sorted(sizes)} and steps {sorted(steps)}"
        raise call.refuse(what, f"use an output size that divides {size}, or a pool with a fixed kernel and stride")
    return sizes.pop(), steps.pop()


def _sample(op: str) -> RealSampler:
    def sample(random: Random, value: Value, name: str) -> Value:
        size = value.type.shape[2:]
        rank = len(size)
        kernel = tuple(random.randint(1, min(4, n)) for n in size)
        pads = tuple(random.choice((0, 0, k // 2)) for k in kernel) * 2
        average, strides = op == "average_pool", numbers(random, rank, 1, 3)
        drawn = RealPoolAttrs(
            kernel, strides, numbers(random, rank, 1, 2), pads, random.random() < 0.4, not average or random.random() < 0.5,
            random.choice((0, 0, 0, 5)) if average else 0,
        )
        legal = [drawn, RealPoolAttrs(kernel, strides, (1,) * rank, (0,) * (2 * rank))]
        return first_legal(AVERAGE_POOL if average else MAX_POOL, legal, [value], name)

    return sample


MAX_POOL = RealOp(
    "max_pool", RealPoolAttrs, _infer, _evaluate_max, _lower_max,
    onnx={"MaxPool": _onnx("max_pool"), "qonnx.custom_op.channels_last.MaxPool": _channels_last},
    torch={
        **{f"aten.{name}.default": _torch_max for name in ("max_pool1d", "max_pool2d", "max_pool2d_with_indices")},
        **{f"aten.adaptive_max_pool{n}d.default": _adaptive("max_pool") for n in (1, 2)},
    },
    sample=_sample("max_pool"), takes=takes_image,
)
AVERAGE_POOL = RealOp(
    "average_pool", RealPoolAttrs, _infer, _evaluate_average, _lower_average, onnx={"AveragePool": _onnx("average_pool")},
    torch={
        **{f"aten.{name}.default": _torch_average for name in ("avg_pool1d", "avg_pool2d")},
        **{f"aten.adaptive_avg_pool{n}d.default": _adaptive("average_pool") for n in (1, 2)},
    },
    sample=_sample("average_pool"), takes=takes_image,
)
