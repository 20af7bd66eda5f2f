"""Sums, means and maxima of reals along axes (any but the batch's), which become of size 1, or go.

In hardware pools (`hwgen.ops.lane_pool`) along positions; sums along the channels of the codes are products with ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from random import Random

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, Shape, TensorType, Value
from hwgen.numerics.scalar_map import Apply, Chain, ClampedAffine
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.common_grid import common_unit
from hwgen.ops.importing import ImportCall, OnnxCall, OnnxRule, TorchCall, TorchRule
from hwgen.ops.lowering import Layout, Lowering, Pending, channels_last, needs_quantizer
from hwgen.ops.pool import pooled
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.record import Float64, RealOp, attrs_as, make
from hwgen.ops.rising import rising
from hwgen.ops.sampling import codes_format
from hwgen.ops.scalar import ScaleBiasAttrs
from hwgen.ops.shape import ViewAttrs
from hwgen.ops.two_streams import lower_two
from hwgen.ops.weights import MAX_WEIGHT_BITS
from hwgen.ops.widen import widened
from hwgen.ops.window import Axis, Window, image_size
from hwgen.ops.window_conv import ConvAttrs
from hwgen.ops.window_importing import flag

_KINDS = {"sum": np.sum, "mean": np.mean, "max": np.max}


@dataclass(frozen=True, slots=True)
class ReduceAttrs(Attrs):
    """kind: sum, mean or max.  axes: ascending, not the batch.  keep: whether these axes stay, with size 1."""

    kind: str
    axes: tuple[int, ...]
    keep: bool = True


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = attrs_as(node, ReduceAttrs), node.inputs[0].type.shape
    legal = attrs.kind in _KINDS and attrs.axes and list(attrs.axes) == sorted(set(attrs.axes))
    if not legal or attrs.axes[0] < 1 or attrs.axes[-1] >= len(shape):
        raise HwgenError("shape", f"reduce {node.path!r}", f"{attrs.kind} along axes {attrs.axes} of {shape}", "check the axes")
    return (TensorType(_reduced(shape, attrs), REAL),)


def _reduced(shape: Shape, attrs: ReduceAttrs) -> Shape:
    kept = tuple(1 if k in attrs.axes else d for k, d in enumerate(shape))
    return kept if attrs.keep else tuple(d for k, d in enumerate(kept) if k not in attrs.axes)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    attrs = attrs_as(node, ReduceAttrs)
    return np.asarray(_KINDS[attrs.kind](inputs[0], axis=attrs.axes, keepdims=attrs.keep))


# --- lowering ---------------------------------------------------------------------------------------------------------


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    attrs, (x,) = attrs_as(node, ReduceAttrs), inputs
    if len(x.shape) > 4:
        raise HwgenError(
            "unsupported-node", f"reduce {node.path!r}", f"a tensor of shape {x.shape}", "use at most two axes of positions"
        )
    x = lowering.arrange(x, _order(x, attrs), name=f"{node.output.name}.input", path=node.path)
    if attrs.kind == "max":
        return _placed(lowering, node, *_greatest(lowering, node, x))
    x = _affine(lowering, node, x)
    if codes_format(x.codes).bipolar:
        x = replace(x, codes=widened(lowering, x.codes, -1, 1, name=f"{node.output.name}.wide", path=node.path))
    return _placed(lowering, node, *_summed(lowering, node, x))


def _order(x: Pending, attrs: ReduceAttrs) -> tuple[int, ...]:
    """Of the codes' axes: as they lie, where that serves.  A maximum needs a last axis that stays."""
    lies = x.layout.dims == x.shape and x.codes.producer.op != "input"
    order = x.layout.order if lies else channels_last(x.shape)
    if attrs.kind == "max" and order[-1] in attrs.axes:
        staying = [k for k in range(1, len(order)) if k not in attrs.axes]
        lanes = staying[-1] if staying else order[-1]
        order = (0, *(k for k in order[1:] if k != lanes), lanes)
    return order


def _affine(lowering: Lowering, node: Node, x: Pending) -> Pending:
    """``x``, with its squares computed where it is codes squared.  Raises HwgenError where it is another function of codes."""
    if x.affine is None and all(_squared(chain) is not None for chain in x.chains):
        inner = replace(x, chains=tuple(Chain(chain.steps[:1]) for chain in x.chains))
        squares = lower_two("mul")(lowering, node, [inner, inner])
        after = [_squared(chain) or ClampedAffine() for chain in x.chains]
        x = squares.map(lambda chain, c: chain.scaled(after[c % len(after)].gain, after[c % len(after)].bias), len(after))
    x = with_clamps_computed(lowering, x, name=f"{node.output.name}.clamped", path=node.path)
    if x.affine is None:
        raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
    return x


def _squared(chain: Chain) -> ClampedAffine | None:
    """What follows the square of an affine map of codes; None where the chain is anything else."""
    match chain.steps:
        case (ClampedAffine(low=None, high=None), Apply("square")):
            return ClampedAffine()
        case (ClampedAffine(low=None, high=None), Apply("square"), ClampedAffine(low=None, high=None) as after):
            return after
        case _:
            return None


def _windows(x: Pending, attrs: ReduceAttrs) -> Window:
    """Whole along the positions that go, single ones along those that stay."""
    rows, cols, _ = image_size(x.codes.type.shape)
    gone = [k in attrs.axes for k in (*x.layout.order[1:-1], 0, 0)[:2]]
    axes = [Axis(size, size) if g else Axis.whole(size) for size, g in zip((rows, cols), gone, strict=True)]
    return Window(axes[0], axes[1])


def _greatest(lowering: Lowering, node: Node, x: Pending) -> tuple[Value, tuple[Chain, ...], tuple[int, ...]]:
    attrs = attrs_as(node, ReduceAttrs)
    x = rising(lowering, node, x)
    if x.layout.order[-1] in attrs.axes:  # nothing stays: the channels become positions
        if len(set(x.chains)) > 1:
            raise needs_quantizer(node, "channels with scales of their own come before it")
        line = (1, x.codes.type.elements, 1)
        codes = lowering.emit("view", _plain(line), [x.codes], name=f"{node.output.name}.line", path=node.path)
        whole = Window(Axis(line[1], line[1]), Axis.whole(1))
        return pooled(lowering, node, "max", codes, whole), x.chains[:1], x.layout.order
    return pooled(lowering, node, "max", x.codes, _windows(x, attrs)), x.chains, x.layout.order


def _summed(lowering: Lowering, node: Node, x: Pending) -> tuple[Value, tuple[Chain, ...], tuple[int, ...]]:
    attrs, maps = attrs_as(node, ReduceAttrs), x.affine or ()
    count = prod(x.shape[k] for k in attrs.axes)
    share = Surd.of(Fraction(1, count)) if attrs.kind == "mean" else Surd.of(1)
    window = _windows(x, attrs)
    if x.layout.order[-1] not in attrs.axes:
        codes = pooled(lowering, node, "sum", x.codes, window)
        chains = Pending.of(codes).map(
            lambda chain, c: chain.scaled(maps[c].gain * share, maps[c].bias * Surd.of(count) * share), len(maps)
        ).chains
        return codes, chains, x.layout.order
    weights, unit = _whole_weights(node, maps, x.channels)
    kernel = np.broadcast_to(np.array(weights, dtype=np.int64), (1, window.rows.taps, window.cols.taps, x.channels)).copy()
    codes = lowering.emit("conv_codes", ConvAttrs(kernel), [x.codes], name=f"{node.output.name}.sum", path=node.path)
    bias = ZERO
    for m in maps:
        bias = bias + m.bias * Surd.of(Fraction(count, len(maps)))
    return codes, Pending.of(codes).map(lambda chain, _: chain.scaled(unit * share, bias * share)).chains, x.layout.order


def _whole_weights(node: Node, maps: Sequence[ClampedAffine], channels: int) -> tuple[tuple[int, ...], Surd]:
    """Whole weights of the channels and their unit: ``weight * unit`` is the channel's gain."""
    unit, weights, _ = common_unit([m.gain for m in maps], [], f"reduce {node.path!r}")
    if max(map(abs, weights)) >> (MAX_WEIGHT_BITS - 1):
        raise needs_quantizer(node, f"channels with scales that have no common unit of {MAX_WEIGHT_BITS} bits come before it")
    return tuple(weights[c % len(weights)] for c in range(channels)), unit


def _plain(shape: Shape) -> ViewAttrs:
    return ViewAttrs(shape, (Surd.of(1),), (ZERO,))


def _placed(lowering: Lowering, node: Node, codes: Value, chains: tuple[Chain, ...], order: tuple[int, ...]) -> Pending:
    """The reals of ``codes``, whose axes are those of the input in ``order``, without those that go."""
    attrs, shape = attrs_as(node, ReduceAttrs), node.inputs[0].type.shape
    kept = _reduced(shape, replace(attrs, keep=True))
    if not attrs.keep:
        staying = [k for k in range(len(shape)) if k not in attrs.axes]
        order = tuple(staying.index(k) for k in order if k in staying)
    out = node.output.type.shape
    wanted = tuple(out[k] for k in order)
    if len(chains) > 1 and wanted[-1] != len(chains):
        raise HwgenError("per-channel", f"reduce {node.path!r}", f"{kept} with a scale a channel", "keep the dimensions")
    if codes.type.shape != wanted and len(wanted) > 1:
        codes = lowering.emit("view", _plain(wanted), [codes], name=f"{node.output.name}.kept", path=node.path)
    return Pending(codes, chains, out, Layout(out, order))


# --- import -----------------------------------------------------------------------------------------------------------


def _emit(call: ImportCall, kind: str, axes: Sequence[int], *, keep: bool) -> Value:
    value, rank = call.value(0), len(call.value(0).type.shape)
    if any(not -rank <= a < rank for a in axes):
        raise call.refuse(f"axes {list(axes)} of {value.type.shape}", "check the axes")
    positive = tuple(sorted({a % rank for a in axes}))
    if not positive or positive[0] == 0:
        raise call.refuse("reduces the batch axis as well", "name the axes after the batch")
    if kind == "min":
        turned = call.emit("scale_bias", _NEGATIVE, [value], suffix=".negative")
        least = call.emit("reduce", ReduceAttrs("max", positive, keep), [turned], suffix=".max")
        return call.emit("scale_bias", _NEGATIVE, [least])
    if kind == "squares":
        value, kind = call.emit("mul", NO_ATTRS, [value, value], suffix=".squares"), "sum"
    return call.emit("reduce", ReduceAttrs(kind, positive, keep), [value])


_NEGATIVE = ScaleBiasAttrs((Surd.of(-1),), (ZERO,))


def _onnx(kind: str) -> OnnxRule:
    def rule(call: OnnxCall) -> Value:
        axes, keep = call.integers("axes"), call.integer("keepdims", 1) != 0
        if call.has(1):
            axes = tuple(int(a) for a in call.constant(1).ravel())
        if not axes and call.integer("noop_with_empty_axes", 0):
            return call.emit("identity", NO_ATTRS, [call.value(0)])
        call.ignore("noop_with_empty_axes")
        return _emit(call, kind, axes or range(len(call.value(0).type.shape)), keep=keep)

    return rule


def _onnx_global(kind: str) -> OnnxRule:
    def rule(call: OnnxCall) -> Value:
        return _emit(call, kind, range(2, len(call.value(0).type.shape)), keep=True)

    return rule


def _onnx_root(call: OnnxCall) -> Value:
    raise call.refuse("an L2 norm has no exact integer form: it is a square root", "use ReduceSumSquare, the norm squared")


def _torch(kind: str) -> TorchRule:
    """``aten.mean.dim``, ``sum.dim_IntList``, ``amax`` and ``amin``: (x, axes, keepdim, dtype)."""

    def rule(call: TorchCall) -> Value:
        given = call.argument(1, "dim", None)
        several = given if isinstance(given, list | tuple) else [] if given is None else [given]
        axes = [a for a in several if isinstance(a, int)]
        if str(call.argument(3, "dtype", None)) not in ("None", "torch.float32", "torch.float64"):
            raise call.refuse(f"dtype {call.argument(3, 'dtype')}", "stay with float32")
        keep = flag(call, 2, "keepdim", default=False)
        return _emit(call, kind, axes or range(len(call.value(0).type.shape)), keep=keep)

    return rule


def _whole(call: TorchCall) -> Value:
    raise call.refuse("reduces the batch axis as well", "name the axes after the batch")


def _torch_root(call: TorchCall) -> Value:
    raise call.refuse("a norm has no exact integer form: it is a root", "use (x * x).sum(…), the L2 norm squared")


_ONNX: dict[str, OnnxRule] = {
    "ReduceSum": _onnx("sum"), "ReduceMean": _onnx("mean"), "ReduceMax": _onnx("max"), "ReduceMin": _onnx("min"),
    "ReduceSumSquare": _onnx("squares"), "ReduceL2": _onnx_root,
    "GlobalAveragePool": _onnx_global("mean"), "GlobalMaxPool": _onnx_global("max"),
}

def _takes(value: Value) -> bool:
    """At most two axes of positions, on a quantizer's grid."""
    return 2 <= len(value.type.shape) <= 4 and on_grid(value)


def _sample(random: Random, value: Value, name: str) -> Value:
    """The batch and one more axis stay, if there is one."""
    rank = len(value.type.shape)
    axes = tuple(sorted(random.sample(range(1, rank), random.randint(1, max(1, rank - 2)))))
    keep = rank - len(axes) < 2 or random.random() < 0.5
    return make(REDUCE, ReduceAttrs(random.choice(tuple(_KINDS)), axes, keep), [value], name, name).output


REDUCE = RealOp(
    "reduce", ReduceAttrs, _infer, _evaluate, _lower, onnx=_ONNX, torch={
        "aten.mean.dim": _torch("mean"), "aten.sum.dim_IntList": _torch("sum"), "aten.amax.default": _torch("max"),
        "aten.amin.default": _torch("min"), "aten.max.dim": _torch("max"), "aten.min.dim": _torch("min"),
        "aten.mean.default": _whole, "aten.sum.default": _whole, "aten.linalg_vector_norm.default": _torch_root,
    },
    sample=_sample, takes=_takes,
)
