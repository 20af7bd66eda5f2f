"""The last step of a classifier: softmax (done by the host) or the index of the greatest logit (on chip).

The integer argmax compares keys.  ``key[c] = (codes[c] + whole[c]) << rank_bits | rank[c]`` orders the reals
``gain * (codes[c] + whole[c] + fraction[c])`` exactly when all channels have one positive gain: fractions of channels
never add up, so their order among the channels is all that matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from hwgen.cost.argmax import argmax_cost
from hwgen.dataflow.unit import Parallelism, Unit, tensor_beats
from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray, Integer, Quantized, bits_for
from hwgen.ir.graph import NO_ATTRS, Attrs, NoAttrs, Node, TensorType, Value, topological
from hwgen.numerics.interval import Interval
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Lowering, Pending, needs_quantizer
from hwgen.ops.real_sampling import moved_only
from hwgen.ops.record import Case, Float64, IntegerOp, RealOp, attrs_as, make
from hwgen.ops.requantize import ScaleAttrs
from hwgen.ops.sampling import fresh_input, random_lanes
from hwgen.ops.shape import ReshapeAttrs, TransposeAttrs
from hwgen.ops.weights import PRODUCTS


@dataclass(frozen=True, slots=True)
class SoftmaxAttrs(Attrs):
    """log: whether the logarithm follows.  Always along the last axis."""

    log: bool = False


def _infer_softmax(node: Node) -> tuple[TensorType, ...]:
    return (TensorType(node.inputs[0].type.shape, REAL),)


def _softmax(node: Node, inputs: Sequence[Float64]) -> Float64:
    shifted = inputs[0] - inputs[0].max(axis=-1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted - total if attrs_as(node, SoftmaxAttrs).log else np.exp(shifted - total)


def _emit_softmax(call: ImportCall, axis: int, *, log: bool) -> Value:
    value = call.value(0)
    rank = len(value.type.shape)
    if not -rank <= axis < rank or axis % rank == 0:
        raise call.refuse(f"axis={axis} of a tensor of {rank} axes", "apply it along an axis after the batch")
    axis %= rank
    if axis == rank - 1:
        return call.emit("softmax", SoftmaxAttrs(log), [value])
    swap = TransposeAttrs(tuple({axis: rank - 1, rank - 1: axis}.get(k, k) for k in range(rank)))
    turned = call.emit("transpose", swap, [value], suffix=".turned")
    return call.emit("transpose", swap, [call.emit("softmax", SoftmaxAttrs(log), [turned], suffix=".last")])


def _onnx_softmax(*, log: bool):  # noqa: ANN202 - an OnnxRule
    def rule(call: OnnxCall) -> Value:
        axis, rank = call.integer("axis", -1 if call.opset >= 13 else 1), len(call.value(0).type.shape)
        if call.opset < 13 and axis % max(rank, 1) != rank - 1:
            raise call.refuse(f"axis={axis} of {rank} axes means all from there on as one before opset 13", "use opset 13")
        return _emit_softmax(call, axis, log=log)

    return rule


def _torch_softmax(*, log: bool):  # noqa: ANN202 - a TorchRule
    def rule(call: TorchCall) -> Value:
        axis, other_type = call.argument(1, "dim"), call.argument(2, "dtype", None)
        if not isinstance(axis, int) or other_type not in (None, False):
            raise call.refuse(f"softmax with dim={axis}, dtype={other_type}", "give dim=-1 and no dtype")
        return _emit_softmax(call, axis, log=log)

    return rule


def _inside(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    raise HwgenError(
        "unsupported-node", f"softmax {node.path!r}", "divides by a sum that it computes, which has no exact integer form",
        "put it last, where the host computes it, or use sigmoid",
    )


def _softmax_sample(random: Random, value: Value, name: str) -> Value:
    return make(SOFTMAX, SoftmaxAttrs(random.random() < 0.5), [value], name, name).output


SOFTMAX = RealOp(
    "softmax", SoftmaxAttrs, _infer_softmax, _softmax, _inside, sample=_softmax_sample,
    onnx={"Softmax": _onnx_softmax(log=False), "LogSoftmax": _onnx_softmax(log=True)},
    torch={
        "aten.softmax.int": _torch_softmax(log=False), "aten.log_softmax.int": _torch_softmax(log=True),
        "aten._softmax.default": _torch_softmax(log=False), "aten._log_softmax.default": _torch_softmax(log=True),
    },
)


# --- argmax -----------------------------------------------------------------------------------------------------------


def _infer_argmax(node: Node) -> tuple[TensorType, ...]:
    return (TensorType((*node.inputs[0].type.shape[:-1], 1), REAL),)


def _emit_argmax(call: ImportCall, axis: int, *, keep: bool) -> Value:
    value = call.value(0)
    rank = len(value.type.shape)
    if rank < 2 or axis % rank != rank - 1:
        raise call.refuse(f"argmax along axis {axis} of a tensor of {rank} axes", "apply it along the last axis")
    if keep:
        return call.emit("argmax", NO_ATTRS, [value])
    index = call.emit("argmax", NO_ATTRS, [value], suffix=".index")
    return call.emit("reshape", ReshapeAttrs(value.type.shape[:-1]), [index])


def _onnx_argmax(call: OnnxCall) -> Value:
    if call.integer("select_last_index", 0):
        raise call.refuse("select_last_index=1", "let the first of equal values win")
    return _emit_argmax(call, call.integer("axis", 0), keep=bool(call.integer("keepdims", 1)))


def _torch_argmax(call: TorchCall) -> Value:
    axis = call.argument(1, "dim", None)
    if not isinstance(axis, int):
        raise call.refuse("argmax over the whole batch", "give dim=-1")
    return _emit_argmax(call, axis, keep=bool(call.argument(2, "keepdim", False)))


def _lower_argmax(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    pending = lowering.arrange(inputs[0], tuple(range(len(inputs[0].shape))), name=f"{node.output.name}.view", path=node.path)
    maps = pending.affine
    classes = pending.shape[-1]
    if maps is None or int(np.prod(pending.shape)) != classes:
        raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
    gains = {m.gain for m in maps}
    if len(gains) != 1 or maps[0].gain.sign() <= 0:
        raise HwgenError(
            "unsupported-node", f"argmax {node.path!r}", "the classes have different scales",
            "use one weight scale for the last layer, or leave the decision to the host",
        )
    steps = [m.bias * maps[0].gain.inverse() for m in maps]
    whole = [s.floor() for s in steps]
    fractions = [s - Surd.of(w) for s, w in zip(steps, whole, strict=True)]
    ordered = sorted({*fractions}, key=_SurdOrder)
    position = {fraction: rank for rank, fraction in enumerate(ordered)}
    ranks = [position[f] for f in fractions]
    codes = pending.codes
    if any(whole) or any(ranks):
        scale = 1 << (len(ordered) - 1).bit_length()
        offsets = tuple((w * scale + r,) for w, r in zip(whole, ranks, strict=True))
        low, high = _key_range(codes, scale, offsets)
        attrs = ScaleAttrs((scale,) * len(offsets), offsets, 0, low, high, False, Integer(low, high))
        codes = lowering.emit("requant_scale", attrs, [codes], name=f"{node.output.name}.key", path=node.path)
    index = lowering.emit("argmax_index", NO_ATTRS, [codes], name=node.output.name, path=node.path)
    return Pending.of(index)


def _key_range(codes: Value, scale: int, offsets: tuple[tuple[int, ...], ...]) -> tuple[int, int]:
    format_ = codes.type.format
    if not isinstance(format_, Integer):
        raise TypeError("argmax of integers")
    low = format_.low * scale + min(o for (o,) in offsets)
    high = format_.high * scale + max(o for (o,) in offsets)
    if max(abs(low), abs(high)) >= 1 << 31:
        raise HwgenError(
            "overflow", codes.name, "the keys of argmax need more than 32 bits", "use narrower weights in the last layer"
        )
    return low, high


class _SurdOrder:
    """Sort key of an exact number."""

    def __init__(self, value: Surd) -> None:
        self.value = value

    def __lt__(self, other: _SurdOrder) -> bool:
        return self.value < other.value


def _argmax_takes(value: Value) -> bool:
    """One scale for all classes: codes of a quantizer without channels, or a product of such with such a weight."""
    source = moved_only(value)
    if source is None or source.op == "input" or value.type.elements != value.type.shape[-1]:
        return False
    if source.op in PRODUCTS and moved_only(source.inputs[0]) is None:
        return False
    made = (n.output.type.format for n in topological(source.inputs[1:2] if source.op in PRODUCTS else [source.output]))
    formats = [f for f in made if isinstance(f, Quantized)]
    return bool(formats) and all(f.axis is None for f in formats)


def _argmax_sample(random: Random, value: Value, name: str) -> Value:
    return make(ARGMAX_REAL, NO_ATTRS, [value], name, name).output


ARGMAX_REAL = RealOp(
    "argmax", NoAttrs, _infer_argmax, sample=_argmax_sample, takes=_argmax_takes,
    evaluate=lambda node, x: x[0].argmax(axis=-1, keepdims=True).astype(np.float64), lower=_lower_argmax,
    onnx={"ArgMax": _onnx_argmax}, torch={"aten.argmax.default": _torch_argmax},
)


def _classes(node: Node) -> int:
    return node.inputs[0].type.shape[-1]


def _infer_index(node: Node) -> tuple[TensorType, ...]:
    return (TensorType((*node.inputs[0].type.shape[:-1], 1), Integer(0, max(1, _classes(node) - 1), (UNIT,), (ZERO,))),)


def _reference(node: Node, inputs: Sequence[IntArray]) -> IntArray:
    return inputs[0].argmax(axis=-1, keepdims=True)


def _units(node: Node, parallelism: Parallelism) -> tuple[Unit, ...]:
    x, lanes, classes = node.inputs[0].type.format, parallelism.inputs, _classes(node)
    if not isinstance(x, Integer):
        raise TypeError("argmax of integers")
    unit = Unit(
        "hg_argmax",
        (
            ("Lanes", lanes), ("Elements", classes), ("Width", x.bits), ("Signed", int(x.signed)),
            ("IndexWidth", bits_for(0, max(1, classes - 1))),
        ),
        (), in_lanes=lanes, out_lanes=1, in_beats=tensor_beats(node.inputs[0].type.shape, lanes),
        out_beats=node.output.type.elements, latency_cycles=(lanes - 1).bit_length() + 1,
    )
    return (unit,)


def _takes(value: Value) -> bool:
    return isinstance(value.type.format, Integer)


def _sample(random: Random, value: Value | None = None) -> Case:
    value = value or fresh_input(random, most_axes=1)
    lanes = random_lanes(random, value.type.elements)
    return Case(make(ARGMAX, NO_ATTRS, [value], "y", "argmax"), Parallelism(lanes, lanes))


ARGMAX = IntegerOp(
    "argmax_index", NoAttrs, _infer_index, _reference,
    lambda node: (Interval(0, max(1, _classes(node) - 1)),), _units, _sample, refit=lambda node, value: node.attrs, takes=_takes,
    costs={"hg_argmax": argmax_cost},
)
