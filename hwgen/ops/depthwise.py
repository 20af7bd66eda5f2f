"""Depthwise convolutions of integer codes, channels last: windows of the image (hg_window), each channel by itself (hg_reduce).

    depthwise   y[r, c, k] = sum_{ky, kx} w[k, ky, kx] * x[r*stride + ky*dilation - pad, ..., k]        x outside: the pad code
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import numpy as np

from hwgen.cost.lanes import reduce_cost
from hwgen.cost.streams import window_cost
from hwgen.dataflow.unit import Memory, MemoryField, Parallelism, Unit, beats, memory_style
from hwgen.errors import HwgenError
from hwgen.formats import IntArray
from hwgen.ir.graph import Attrs, Node, TensorType, Value
from hwgen.ops.matvec import input_kind, weight_code
from hwgen.ops.record import Case, IntegerOp, Work, attrs_as, fit_lanewise, make
from hwgen.ops.sampling import codes_format, fresh_input, random_lanes
from hwgen.ops.window import as_image
from hwgen.ops.window_conv import ConvAttrs, conv_bounds, conv_takes, infer_conv, plainer_convs, smaller, window_of, window_units
from hwgen.ops.window_sampling import MOST_SAMPLE_PRODUCTS, random_weight, random_window_attrs

WEIGHTED: Final = 2
"""The template's number for a sum of products."""


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, channels = attrs_as(node, ConvAttrs), node.inputs[0].type.shape[-1]
    if attrs.groups != channels or len(attrs.weight) != channels:
        raise HwgenError(
            "shape", f"depthwise {node.path!r}", f"weight {attrs.weight.shape} for {channels} channels", "use one filter a channel"
        )
    if codes_format(node.inputs[0]).bipolar:
        raise HwgenError("shape", f"depthwise {node.path!r}", "the input is bipolar", "make it two's complement before")
    return infer_conv(node)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    attrs, window = attrs_as(node, ConvAttrs), window_of(node)
    image = as_image(inputs[0])
    total = np.zeros((len(image), window.rows.windows, window.cols.windows, image.shape[3]), dtype=np.int64)
    one = np.empty_like(total)
    for ky, kx, taken in window.taps_of(image, attrs.pad):
        np.multiply(taken, attrs.weight[:, ky, kx, 0], out=one)
        total += one
    return total.reshape(len(image), *node.output.type.shape[1:])


def _weights(weight: IntArray, lanes: int, bits: int, *, bipolar: bool) -> Memory:
    """weight: (channels, rows, columns, 1).  Word ``block*taps + tap`` holds the weights of its lanes; padding is zero bits."""
    channels, taps = len(weight), weight[0].size
    blocks = beats(channels, lanes)
    padded = np.zeros((blocks * lanes, taps), dtype=np.int64)
    padded[:channels] = (weight.reshape(channels, taps) + 1) // 2 if bipolar else weight.reshape(channels, taps)
    fields = padded.reshape(blocks, lanes, taps).transpose(0, 2, 1).reshape(blocks * taps, lanes)
    return Memory("WeightFile", tuple(MemoryField(fields[:, k], bits) for k in range(lanes)))


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    attrs, window, lanes = attrs_as(node, ConvAttrs), window_of(node), parallelism.inputs
    x, y = codes_format(node.inputs[0]), codes_format(node.output)
    blocks = beats(len(attrs.weight), lanes)
    code = weight_code(attrs.weight.reshape(len(attrs.weight), -1))
    memory = _weights(attrs.weight, lanes, code.bits, bipolar=code.kind == 1)
    style = memory_style(memory.depth, memory.width_bits)
    out_beats = window.count * blocks
    product = Unit(
        "hg_reduce",
        (
            ("Lanes", lanes), ("Width", x.bits), ("Signed", int(x.signed)), ("Kind", WEIGHTED), ("Taps", window.taps),
            ("Blocks", blocks), ("OutWidth", y.bits), ("XKind", input_kind(x)), ("WWidth", code.bits), ("WKind", code.kind),
            ("RomStyle", int(style)),
        ),
        (memory,), lanes, lanes, out_beats * window.taps, out_beats, style.latency_cycles + 2,
        multipliers=lanes, macs=window.count * window.taps * len(attrs.weight),
    )
    return (*window_units(node, window, lanes, groups=blocks, pad=attrs.pad), product)


def _work(node: Node) -> Work:
    window, channels = window_of(node), node.inputs[0].type.shape[-1]
    return Work(window.count, window.taps, channels, channels, lanewise=True)


# --- samples ----------------------------------------------------------------------------------------------------------


def _takes(value: Value) -> bool:
    return conv_takes(value) and not codes_format(value).bipolar


def _sample(random: Random, value: Value | None = None) -> Case:
    while value is None or not _takes(value):
        value = fresh_input(random)
    channels, drawn = value.type.shape[-1], random_window_attrs(random, value)
    weight = random_weight(random, (channels, *drawn.kernel, 1))
    attrs = ConvAttrs(weight, drawn.strides, drawn.dilations, drawn.pads, drawn.pad, channels)
    node = make(DEPTHWISE, attrs, [value], "y", "depthwise")
    return Case(node, fit_lanewise(node, Parallelism(random_lanes(random, channels, MOST_SAMPLE_PRODUCTS), 1)))


def _refit(node: Node, value: Value) -> Attrs:
    channels = value.type.shape[-1]
    return ConvAttrs(np.resize(attrs_as(node, ConvAttrs).weight, (channels, 1, 1, 1)), groups=channels)


def _plainer(node: Node) -> Iterator[Attrs]:
    yield from smaller(DEPTHWISE, node, plainer_convs(node))


DEPTHWISE = IntegerOp(
    "depthwise", ConvAttrs, _infer, _reference, conv_bounds, _units, _sample, _refit, _plainer, _takes,
    costs={"hg_window": window_cost, "hg_reduce": reduce_cost}, fit=fit_lanewise, work=_work,
)
