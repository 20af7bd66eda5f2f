"""Convolutions of integer codes, channels last: windows of the image (hg_window), each times a matrix (hg_matvec).

    conv_codes   y[r, c, o] = sum_{ky, kx, i} w[o, ky, kx, i] * x[r*stride + ky*dilation - pad, ..., i]     x outside: the pad code

With groups, output o sees the channels of its own group only.  A depthwise one has its own unit: `hwgen.ops.depthwise`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.matvec import matvec_cost
from hwgen.cost.streams import window_cost
from hwgen.dataflow.unit import Parallelism, Unit
from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Array, Attrs, Node, TensorType, Value
from hwgen.numerics.interval import Interval, accumulator_bounds
from hwgen.ops.matvec import product_unit
from hwgen.ops.record import Case, IntegerOp, Work, attrs_as, make
from hwgen.ops.sampling import codes_format, fresh_input, random_lanes
from hwgen.ops.weights import MAX_ACTIVATION_BITS
from hwgen.ops.window import Axis, Window, as_image, image_size
from hwgen.ops.window_sampling import MOST_SAMPLE_PRODUCTS, random_weight, random_window_attrs, window_takes

_EXACT_IN_FLOAT32: Final = 1 << 24
_EXACT_IN_FLOAT64: Final = 1 << 53
_PATCH_ELEMENTS: Final = 1 << 21
"""Elements of windows that are laid out for one matrix product."""


@dataclass(frozen=True, eq=False, slots=True)
class ConvAttrs(Attrs):
    """weight: (out, kernel rows, kernel columns, in / groups) integers.

    strides, dilations: of rows and columns.  pads: above, left, below, right; negative where windows begin or end inside.
    pad: the code outside the image.
    """

    weight: IntArray
    strides: tuple[int, ...] = (1, 1)
    dilations: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    pad: int = 0
    groups: int = 1


def window_of(node: Node) -> Window:
    """The windows of a convolution.  Raises HwgenError where the kernel is larger than the padded image."""
    attrs = attrs_as(node, ConvAttrs)
    rows, cols, _ = image_size(node.inputs[0].type.shape, f"{node.op} {node.path!r}")
    return sliding_window(node, (rows, cols), attrs.weight.shape[1:3], attrs.strides, attrs.dilations, attrs.pads)


def sliding_window(
    node: Node, size: tuple[int, int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Sequence[int]
) -> Window:
    """Windows of an image of ``size``; see `ConvAttrs`."""
    axes = [Axis.sliding(size[k], kernel[k], strides[k], dilations[k], (pads[k], pads[k + 2])) for k in range(2)]
    found = [axis for axis in axes if axis is not None]
    missing = [axis.windows for axis in found[max(0, len(node.inputs[0].type.shape) - 2) :]]
    if len(found) < 2 or any(n != 1 for n in missing):
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"a kernel {tuple(kernel)} does not fit an image {size} with pads {tuple(pads)}",
            "use a smaller kernel",
        )
    return Window(*found)


def check_pad(node: Node, window: Window, pad: int) -> None:
    """Refuses a code outside the image that the wires cannot carry."""
    x = codes_format(node.inputs[0])
    low = -(1 << x.bits - 1) if x.signed else 0
    if not window.inside and (x.bipolar or not low <= pad < low + (1 << x.bits)):
        raise HwgenError("shape", f"{node.op} {node.path!r}", f"pads {x} with the code {pad}", "widen the input before")


def rows_of(attrs: ConvAttrs) -> IntArray:
    """(out, products): the weights that each output meets."""
    return attrs.weight.reshape(len(attrs.weight), -1)


def reached(node: Node, window: Window, pad: int) -> Interval:
    """What an element of a window can be."""
    x = codes_format(node.inputs[0])
    return Interval(x.low, x.high) if window.inside else Interval(min(x.low, pad), max(x.high, pad))


def conv_bounds(node: Node) -> tuple[Interval, ...]:
    """Of each output channel; reached by a window inside the image."""
    attrs = attrs_as(node, ConvAttrs)
    low, high = accumulator_bounds(rows_of(attrs), reached(node, window_of(node), attrs.pad))
    return tuple(Interval(int(a), int(b)) for a, b in zip(low, high, strict=True))


def accumulator(bounds: Sequence[Interval]) -> Integer:
    """An accumulator is two's complement in hardware, whatever its bounds."""
    return Integer(min(-1, *(b.low for b in bounds)), max(0, *(b.high for b in bounds)))


def infer_conv(node: Node) -> tuple[TensorType, ...]:
    """Shape and accumulator of a convolution.  Raises HwgenError where sizes do not fit."""
    attrs, shape = attrs_as(node, ConvAttrs), node.inputs[0].type.shape
    weight, where = attrs.weight, f"{node.op} {node.path!r}"
    counts = (len(attrs.strides), len(attrs.dilations), len(attrs.pads))
    if weight.ndim != 4 or not weight.size or counts != (2, 2, 4) or min(*attrs.strides, *attrs.dilations, attrs.groups) < 1:
        raise HwgenError("shape", where, f"a kernel of shape {weight.shape}, {counts}", "use a kernel of rows and columns")
    if weight.shape[3] * attrs.groups != shape[-1] or weight.shape[0] % attrs.groups:
        raise HwgenError("shape", where, f"{shape[-1]} channels, weight {weight.shape}, {attrs.groups} groups", "check the sizes")
    window = window_of(node)
    check_pad(node, window, attrs.pad)
    out = (*window.shape(shape)[:-1], weight.shape[0])
    return (TensorType(out, accumulator(conv_bounds(node))),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, window = attrs_as(node, ConvAttrs), window_of(node)
    element = reached(node, window, attrs.pad)
    largest = int(np.abs(rows_of(attrs)).sum(axis=1).max(initial=0)) * max(abs(element.low), abs(element.high))
    # in floats every partial sum is an integer that they hold, and BLAS is much faster
    dtype = np.float32 if largest < _EXACT_IN_FLOAT32 else np.float64 if largest < _EXACT_IN_FLOAT64 else np.int64
    result = convolve(as_image(inputs[0]), attrs.weight.astype(dtype), window, attrs.groups, attrs.pad)
    return result.astype(np.int64).reshape(len(inputs[0]), *node.output.type.shape[1:])


def convolve(image: Array, weight: Array, window: Window, groups: int, pad: int = 0) -> Array:
    """(batch, window rows, window columns, out) of images (batch, rows, columns, in), in the weight's type.

    The windows are laid out piece by piece: memory stays within a few times that of image and result.
    """
    count, outputs, inputs = len(image), len(weight), weight.shape[3]
    result = np.empty((count, window.rows.windows, window.cols.windows, outputs), dtype=weight.dtype)
    row_elements = window.cols.windows * window.taps * inputs * groups
    rows = max(1, min(window.rows.windows, _PATCH_ELEMENTS // row_elements))
    samples = max(1, _PATCH_ELEMENTS // (row_elements * rows))
    matrices = [w.reshape(outputs // groups, -1).T for w in np.split(weight, groups)]
    for first in range(0, count, samples):
        field, placed = window.padded(image[first : first + samples], pad)
        for top, part in placed.in_parts(rows):
            _multiply(field, matrices, part, result[first : first + samples, top : top + rows])
    return result


def _multiply(image: Array, matrices: Sequence[Array], window: Window, out: Array) -> None:
    """One piece: ``out`` (batch, window rows, window columns, out) of windows that lie in the image."""
    groups, places = len(matrices), prod(out.shape[:3])
    inputs, outputs = image.shape[3] // groups, out.shape[3] // groups
    patches = np.empty((groups, *out.shape[:3], window.taps, inputs), dtype=out.dtype)
    for number, (_, _, taken) in enumerate(window.taps_of(image)):
        patches[..., number, :] = np.moveaxis(taken.reshape(*out.shape[:3], groups, inputs), 3, 0)
    for group, matrix in enumerate(matrices):
        made = patches[group].reshape(places, -1) @ matrix
        out[..., group * outputs : (group + 1) * outputs] = made.reshape(*out.shape[:3], outputs)


def window_units(node: Node, window: Window, lanes: int, *, groups: int = 1, pad: int = 0) -> tuple[Unit, ...]:
    """The line buffer, where the image does not come in the order of the windows' taps anyway."""
    x, channels = codes_format(node.inputs[0]), node.inputs[0].type.shape[-1]
    if window.trivial or (window.in_order and groups == 1):
        return ()
    code = pad & ((1 << x.bits) - 1) if not window.inside else 0
    return (window.unit(bits=x.bits, lanes=lanes, channels=channels, groups=groups, pad=code),)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, window = attrs_as(node, ConvAttrs), window_of(node)
    weight = attrs.weight.reshape(attrs.groups, -1, window.taps, attrs.weight.shape[3])
    before = window_units(node, window, parallelism.inputs, groups=attrs.groups, pad=attrs.pad)
    product = product_unit(weight, codes_format(node.inputs[0]), codes_format(node.output), parallelism, window.count)
    return (*before, product)


def _work(node: Node) -> Work:
    attrs, window = attrs_as(node, ConvAttrs), window_of(node)
    return Work(window.count * attrs.groups, window.taps, attrs.weight.shape[3], attrs.weight.shape[0] // attrs.groups)


def _fit(node: Node, wanted: Parallelism) -> Parallelism:
    """Any lanes up to the channels; with groups they divide those of a group, so that no beat holds two."""
    attrs, work = attrs_as(node, ConvAttrs), _work(node)

    def nearest(lanes: int, channels: int) -> int:
        lanes = min(lanes, channels)
        return lanes if attrs.groups == 1 else next(n for n in range(lanes, 0, -1) if channels % n == 0)

    return Parallelism(nearest(wanted.inputs, work.inputs), nearest(wanted.outputs, work.outputs))


# --- samples ----------------------------------------------------------------------------------------------------------


def conv_takes(value: Value) -> bool:
    """Images of few enough bits."""
    return window_takes(value) and codes_format(value).bits <= MAX_ACTIVATION_BITS


def _sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random, most_bits=MAX_ACTIVATION_BITS)
    channels = value.type.shape[-1]
    drawn = random_window_attrs(random, value)
    groups = random.choice([g for g in range(1, channels + 1) if channels % g == 0][:4]) if random.random() < 0.4 else 1
    outputs = groups * random.randint(1, max(1, 6 // groups))
    weight = random_weight(random, (outputs, *drawn.kernel, channels // groups))
    node = make(CONV_CODES, ConvAttrs(weight, drawn.strides, drawn.dilations, drawn.pads, drawn.pad, groups), [value], "y", "conv")
    in_lanes = random_lanes(random, channels // groups, MOST_SAMPLE_PRODUCTS)
    out_lanes = random_lanes(random, outputs // groups, MOST_SAMPLE_PRODUCTS // in_lanes)
    return Case(node, _fit(node, Parallelism(in_lanes, out_lanes)))


def _refit(node: Node, value: Value) -> Attrs:
    attrs, channels = attrs_as(node, ConvAttrs), value.type.shape[-1]
    outputs = len(attrs.weight)
    return ConvAttrs(np.resize(attrs.weight, (outputs, channels)).reshape(outputs, 1, 1, channels))


def plainer_convs(node: Node) -> Iterator[ConvAttrs]:
    """A kernel of one tap, one row or one column, no padding, weights of -1, 0 and 1, half the weights' bits."""
    attrs = attrs_as(node, ConvAttrs)
    weight = attrs.weight
    _, rows, cols, _ = weight.shape
    if rows > 1 or cols > 1:
        yield replace(attrs, weight=weight[:, :1, :1], dilations=(1, 1), pads=(0, 0, 0, 0))
    if rows > 1:
        yield replace(attrs, weight=weight[:, :1], dilations=(1, attrs.dilations[1]))
    if cols > 1:
        yield replace(attrs, weight=weight[:, :, :1], dilations=(attrs.dilations[0], 1))
    if any(attrs.pads):
        yield replace(attrs, pads=(0, 0, 0, 0))
    if np.abs(weight).max() > 1:
        yield replace(attrs, weight=np.sign(weight))
        yield replace(attrs, weight=np.sign(weight) * (np.abs(weight) // 2))


def smaller(op: IntegerOp, node: Node, candidates: Iterator[ConvAttrs]) -> Iterator[Attrs]:
    """Those that are legal and make no more of the input."""
    for attrs in candidates:
        try:
            plain = make(op, attrs, node.inputs, "y", node.path)
        except HwgenError:
            continue
        if plain.output.type.elements <= node.output.type.elements:
            yield attrs


def _plainer(node: Node) -> Iterator[Attrs]:
    attrs = attrs_as(node, ConvAttrs)
    half = len(attrs.weight) // 2
    fewer = [replace(attrs, weight=attrs.weight[:half]), replace(attrs, weight=attrs.weight[half:])] if half else []
    halves = iter(a for a in fewer if len(a.weight) % attrs.groups == 0)
    yield from smaller(CONV_CODES, node, halves)
    yield from smaller(CONV_CODES, node, plainer_convs(node))


CONV_CODES = IntegerOp(
    "conv_codes", ConvAttrs, infer_conv, _reference, conv_bounds, _units, _sample, _refit, _plainer, conv_takes,
    costs={"hg_window": window_cost, "hg_matvec": matvec_cost}, fit=_fit, work=_work,
)
