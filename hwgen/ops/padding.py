"""A constant around a tensor: ``pad`` of reals; in hardware a window generator of single positions (`hwgen.ops.rearrange`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, TensorType, Value
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Layout, Lowering, Pending, channels_last
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.rearrange import RearrangeAttrs
from hwgen.ops.record import Float64, RealOp, attrs_as, make
from hwgen.ops.resize import ResizeAttrs
from hwgen.ops.slicing import emit_slice
from hwgen.ops.widen import padded_codes
from hwgen.ops.window import Axis


@dataclass(frozen=True, slots=True)
class PadAttrs(Attrs):
    """before, after: elements on both ends of each axis, not negative, the batch's 0.  value: of them."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: Surd = ZERO


def _infer(node: Node) -> tuple[TensorType, ...]:
    attrs, shape = attrs_as(node, PadAttrs), node.inputs[0].type.shape
    fits = len(attrs.before) == len(attrs.after) == len(shape)
    if not fits or min(*attrs.before, *attrs.after) < 0 or attrs.before[0] + attrs.after[0]:
        raise HwgenError("shape", f"pad {node.path!r}", f"{attrs.before} and {attrs.after} around {shape}", "pad after the batch")
    return (TensorType(tuple(b + d + a for b, d, a in zip(attrs.before, shape, attrs.after, strict=True)), REAL),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    attrs = attrs_as(node, PadAttrs)
    return np.pad(inputs[0], tuple(zip(attrs.before, attrs.after, strict=True)), constant_values=float(attrs.value))


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    attrs, (x,), shape = attrs_as(node, PadAttrs), inputs, node.inputs[0].type.shape
    rank = len(shape)
    order = channels_last(shape) if rank > 2 else tuple(range(rank))
    if rank in (3, 4) and attrs.before[1] + attrs.after[1]:  # of channels: turn the image
        order = tuple(range(rank))
    before, after = (tuple(v[o] for o in order) for v in (attrs.before, attrs.after))
    if before[-1] + after[-1] or not 3 <= rank <= 4:
        raise HwgenError(
            "unsupported-node", f"pad {node.path!r}", f"pads {attrs.before} and {attrs.after} around {shape}",
            "pad the axes of positions of an image, or its channels, not all at once",
        )
    x = lowering.arrange(x, order, name=f"{node.output.name}.input", path=node.path)
    x = with_clamps_computed(lowering, x, name=f"{node.output.name}.clamped", path=node.path)
    codes, pad = padded_codes(lowering, node, x, attrs.value)
    sizes, fronts, backs = ((*v[1:-1], plain)[:2] for v, plain in ((codes.type.shape, 1), (before, 0), (after, 0)))
    rows, cols = (
        Axis(size, start=-front, steps=(1,) * (front + size + back - 1))
        for size, front, back in zip(sizes, fronts, backs, strict=True)
    )
    padded = RearrangeAttrs.of(rows, cols, pad)
    result = lowering.emit("rearrange", padded, [codes], name=f"{node.output.name}.codes", path=node.path)
    out = node.output.type.shape
    return Pending(result, x.chains, out, Layout(out, order))


# --- import -----------------------------------------------------------------------------------------------------------


def emit_pad(call: ImportCall, before: Sequence[int], after: Sequence[int], value: float) -> Value:
    """Negative pads cut."""
    x = call.value(0)
    if before[0] or after[0]:
        raise call.refuse("pads the batch", "keep the batch as it is")
    if not np.isfinite(value):
        raise call.refuse(f"pads with {value}", "pad with a finite number")
    for axis, (front, back) in enumerate(zip(before, after, strict=True)):
        if front < 0 or back < 0:
            size = x.type.shape[axis]
            x = emit_slice(call, x, axis, max(0, -front), size - max(0, -back), suffix=f".crop{axis}")
    front, back = (tuple(max(0, v) for v in pads) for pads in (before, after))
    if not any(front) and not any(back):
        return call.emit("identity", NO_ATTRS, [x])
    return call.emit("pad", PadAttrs(front, back, Surd.of(float(value))), [x])


def _edges(call: ImportCall, before: Sequence[int], after: Sequence[int]) -> Value:
    """The image's own edges around it."""
    x = call.value(0)
    shape = x.type.shape
    if not 3 <= len(shape) <= 4 or min(*before, *after) < 0 or any((*before[:2], *after[:2])):
        raise call.refuse(f"repeats the edges of {shape}", "give an image, pad its positions, and crop before")
    maps = [
        tuple(min(max(k - front, 0), size - 1) for k in range(front + size + back))
        for size, front, back in zip(shape[2:], before[2:], after[2:], strict=True)
    ]
    return call.emit("resize", ResizeAttrs(*maps), [x])


def _onnx(call: OnnxCall) -> Value:
    mode, rank = call.text("mode", "constant"), len(call.value(0).type.shape)
    if mode not in ("constant", "edge"):
        raise call.refuse(f"mode {mode!r}", "pad with a constant, or mode edge")
    if call.opset < 11:
        pads, value = call.integers("pads") or (), call.real("value", 0.0)
    else:
        pads = tuple(int(v) for v in call.constant(1).ravel())
        value = float(call.constant(2).ravel()[0]) if call.has(2) else 0.0
    axes = [int(v) % rank for v in call.constant(3).ravel()] if call.opset >= 18 and call.has(3) else list(range(rank))
    if len(pads) != 2 * len(axes):
        raise call.refuse(f"{len(pads)} pads for {len(axes)} axes", "give two an axis")
    before, after = [0] * rank, [0] * rank
    for axis, front, back in zip(axes, pads, pads[len(axes) :], strict=False):
        before[axis], after[axis] = front, back
    if mode == "edge":
        return _edges(call, before, after)
    return emit_pad(call, before, after, value)


def _torch(call: TorchCall) -> Value:
    given, mode = call.argument(1, "pad"), call.argument(2, "mode", "constant")
    if mode not in ("constant", "replicate") and not isinstance(mode, int | float):
        raise call.refuse(f"mode {mode!r}", "pad with a constant, or mode replicate")
    value = call.argument(3, "value", 0.0) if isinstance(mode, str) else mode
    before, after = _torch_pads(call, given)
    return _edges(call, before, after) if mode == "replicate" else emit_pad(call, before, after, float(str(value)))


def _torch_pads(call: TorchCall, given: object) -> tuple[list[int], list[int]]:
    """In pairs from the last axis on."""
    pads = [int(str(p)) for p in given] if isinstance(given, list | tuple) else []
    rank = len(call.value(0).type.shape)
    before, after = [0] * rank, [0] * rank
    for number in range(len(pads) // 2):
        before[rank - 1 - number], after[rank - 1 - number] = pads[2 * number], pads[2 * number + 1]
    return before, after


def _torch_edges(call: TorchCall) -> Value:
    return _edges(call, *_torch_pads(call, call.argument(1, "padding")))


def _refused(kind: str):  # noqa: ANN202 - a TorchRule
    def rule(call: TorchCall) -> Value:
        raise call.refuse(f"{kind} padding", "pad with a constant, or repeat the edges")

    return rule


def _sample(random: Random, value: Value, name: str) -> Value:
    shape = value.type.shape
    axes = (1,) if random.random() < 0.2 else range(2, len(shape))
    before, after = ([random.randint(0, 2) if k in axes else 0 for k in range(len(shape))] for _ in range(2))
    return make(PAD, PadAttrs(tuple(before), tuple(after)), [value], name, name).output


PAD = RealOp(
    "pad", PadAttrs, _infer, _evaluate, _lower, onnx={"Pad": _onnx},
    torch={
        "aten.pad.default": _torch, "aten.constant_pad_nd.default": _torch,
        **{f"aten.{kind}_pad{n}d.default": _refused(kind) for kind in ("reflection", "circular") for n in (1, 2)},
        **{f"aten.replication_pad{n}d.default": _torch_edges for n in (1, 2)},
    },
    sample=_sample, takes=lambda value: on_grid(value) and 3 <= len(value.type.shape) <= 4,
)
