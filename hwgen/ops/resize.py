"""Images in another size: ``resize`` of reals by repeating positions (nearest); `hwgen.ops.rearrange` in hardware.

Which position is repeated follows the standard (ONNX's Resize and Upsample) or torch, in exact rational arithmetic; where torch's
own float32 arithmetic comes to another position it is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, TensorType, Value
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.lowering import Layout, Lowering, Pending, channels_last
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.rearrange import RearrangeAttrs
from hwgen.ops.record import Float64, RealOp, attrs_as, make
from hwgen.ops.shape import TransposeAttrs
from hwgen.ops.window import Axis


@dataclass(frozen=True, slots=True)
class ResizeAttrs(Attrs):
    """rows, cols: the position of the input that each one of the result repeats, never falling; empty: as it is.

    rows: of axis 2 of (1, channels, rows[, columns]), cols: of axis 3.
    """

    rows: tuple[int, ...]
    cols: tuple[int, ...] = ()


def _maps(node: Node) -> tuple[tuple[int, ...], ...]:
    """For each axis of positions, the positions of the input."""
    attrs, shape = attrs_as(node, ResizeAttrs), node.inputs[0].type.shape
    if not 3 <= len(shape) <= 4:
        raise HwgenError("shape", f"resize {node.path!r}", f"input {shape}", "give an image (batch, channels, rows[, columns])")
    maps = tuple(m or tuple(range(d)) for m, d in zip((attrs.rows, attrs.cols), shape[2:], strict=False))
    for m, d in zip(maps, shape[2:], strict=True):
        if list(m) != sorted(m) or not 0 <= m[0] <= m[-1] < d:
            raise HwgenError("shape", f"resize {node.path!r}", f"takes positions {m} of {d}", "stay inside the image, in order")
    return maps


def _infer(node: Node) -> tuple[TensorType, ...]:
    return (TensorType((*node.inputs[0].type.shape[:2], *map(len, _maps(node))), REAL),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    (x,) = inputs
    for axis, taken in enumerate(_maps(node), start=2):
        x = x.take(np.array(taken), axis=axis)
    return x


def _axis(size: int, taken: Sequence[int]) -> Axis:
    return Axis(size, start=taken[0], steps=tuple(b - a for a, b in pairwise(taken)))


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    shape, out = node.inputs[0].type.shape, node.output.type.shape
    x = lowering.arrange(inputs[0], channels_last(shape), name=f"{node.output.name}.input", path=node.path)
    axes = [_axis(size, taken) for size, taken in zip(shape[2:], _maps(node), strict=True)]
    attrs = RearrangeAttrs.of(axes[0], axes[1] if len(axes) > 1 else Axis.whole(1))
    codes = lowering.emit("rearrange", attrs, [x.codes], name=f"{node.output.name}.codes", path=node.path)
    return Pending(codes, x.chains, out, Layout(out, channels_last(out)))


# --- which position -----------------------------------------------------------------------------------------------------

Coordinate = Callable[[int, Fraction, int, int], Fraction]
"""``coordinate(index, scale, size, resized)``: where position ``index`` of the result lies in the input."""

_HALF: Final = Fraction(1, 2)


def _half_pixel(index: int, scale: Fraction, size: int, resized: int) -> Fraction:
    return (index + _HALF) / scale - _HALF


def _half_pixel_symmetric(index: int, scale: Fraction, size: int, resized: int) -> Fraction:
    adjustment = resized / (scale * size)
    return Fraction(size, 2) * (1 - adjustment) + (index + _HALF) / scale - _HALF


def _pytorch_half_pixel(index: int, scale: Fraction, size: int, resized: int) -> Fraction:
    return (index + _HALF) / scale - _HALF if resized > 1 else Fraction(0)


def _align_corners(index: int, scale: Fraction, size: int, resized: int) -> Fraction:
    return Fraction(index * (size - 1), resized - 1) if resized > 1 else Fraction(0)


def _asymmetric(index: int, scale: Fraction, size: int, resized: int) -> Fraction:
    return index / scale


_COORDINATES: Final[Mapping[str, Coordinate]] = {
    "half_pixel": _half_pixel, "half_pixel_symmetric": _half_pixel_symmetric, "pytorch_half_pixel": _pytorch_half_pixel,
    "align_corners": _align_corners, "asymmetric": _asymmetric,
}
_NEAREST: Final[Mapping[str, Callable[[Fraction], int]]] = {
    "round_prefer_floor": lambda v: ceil(v - _HALF), "round_prefer_ceil": lambda v: floor(v + _HALF), "floor": floor, "ceil": ceil,
}


def nearest(size: int, resized: int, scale: Fraction, coordinate: str, rounding: str) -> tuple[int, ...]:
    """The position of the input for each of the result, kept inside the input."""
    where, pick = _COORDINATES[coordinate], _NEAREST[rounding]
    return tuple(min(max(pick(where(k, scale, size, resized)), 0), size - 1) for k in range(resized))


# --- import -----------------------------------------------------------------------------------------------------------


def _emit(call: ImportCall, maps: Sequence[tuple[int, ...]]) -> Value:
    value = call.value(0)
    shape = value.type.shape
    if not 3 <= len(shape) <= 4:
        raise call.refuse(f"a tensor of shape {shape}", "give an image (batch, channels, rows[, columns])")
    for axis in (0, 1):
        if maps[axis] != tuple(range(shape[axis])):
            raise call.refuse("changes the batch or the channels", "resize the axes of positions only")
    if all(m == tuple(range(d)) for m, d in zip(maps, shape, strict=True)):
        return call.emit("identity", NO_ATTRS, [value])
    return call.emit("resize", ResizeAttrs(*maps[2:]), [value])


def _onnx_channels_last(call: OnnxCall, maps: Sequence[tuple[int, ...]]) -> bool:
    """Whether the axes that change are those of positions in (batch, rows, columns, channels)."""
    shape = call.value(0).type.shape
    changed = [k for k, (m, d) in enumerate(zip(maps, shape, strict=True)) if m != tuple(range(d))]
    return len(shape) == 4 and 1 in changed and 3 not in changed


def _finish(call: OnnxCall, maps: Sequence[tuple[int, ...]]) -> Value:
    if not _onnx_channels_last(call, maps):
        return _emit(call, maps)
    value = call.emit("transpose", TransposeAttrs((0, 3, 1, 2)), [call.value(0)], suffix=".first")
    resized = call.emit("resize", ResizeAttrs(maps[1], maps[2]), [value], suffix=".resized")
    return call.emit("transpose", TransposeAttrs((0, 2, 3, 1)), [resized])


def _onnx_upsample(call: OnnxCall) -> Value:
    if call.text("mode", "nearest") != "nearest":
        raise call.refuse(f"mode {call.text('mode')!r}", "use mode nearest")
    scales = call.constant(1).ravel() if call.opset >= 9 else np.array(call.reals("scales"))
    return _finish(call, _scaled(call, [float(s) for s in scales], "asymmetric", "floor"))


def _scaled(call: OnnxCall, scales: Sequence[float], coordinate: str, rounding: str) -> list[tuple[int, ...]]:
    shape = call.value(0).type.shape
    if len(scales) != len(shape) or min(scales) <= 0 or not all(map(np.isfinite, scales)):
        raise call.refuse(f"scales {list(scales)} for {shape}", "give one positive scale an axis")
    sizes = [floor(d * Fraction(s)) for d, s in zip(shape, scales, strict=True)]
    if min(sizes) < 1:
        raise call.refuse(f"nothing is left of {shape}", "use larger scales")
    return [nearest(d, n, Fraction(s), coordinate, rounding) for d, n, s in zip(shape, sizes, scales, strict=True)]


def _onnx_resize(call: OnnxCall) -> Value:
    coordinate, mode = call.text("coordinate_transformation_mode", "half_pixel"), call.text("mode", "nearest")
    rounding, shape = call.text("nearest_mode", "round_prefer_floor"), call.value(0).type.shape
    for name in ("cubic_coeff_a", "extrapolation_value", "exclude_outside"):
        call.ignore(name)  # of other modes
    if mode != "nearest":
        raise call.refuse(f"mode {mode!r}", "use mode nearest")
    if call.integer("antialias", 0):
        raise call.refuse("antialias=1", "use mode nearest without it")
    if call.opset == 10:
        return _finish(call, _scaled(call, [float(s) for s in call.constant(1).ravel()], "asymmetric", "floor"))
    if coordinate == "tf_half_pixel_for_nn":
        raise call.refuse(f"coordinate mode {coordinate!r}", "use half_pixel or asymmetric")
    if coordinate not in _COORDINATES or rounding not in _NEAREST:
        raise call.refuse(f"coordinate mode {coordinate!r}, nearest mode {rounding!r}", f"use one of {', '.join(_COORDINATES)}")
    call.has(1)  # the region of interest, of another mode
    axes = [a % len(shape) for a in call.integers("axes") or range(len(shape))]
    scales = call.constant(2).ravel() if call.has(2) else np.zeros(0)
    if scales.size:
        full = [1.0] * len(shape)
        for axis, scale in zip(axes, scales, strict=True):
            full[axis] = float(scale)
        return _finish(call, _scaled(call, full, coordinate, rounding))
    if call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise call.refuse("keeps the aspect ratio", "give all sizes with policy stretch")
    wanted = list(shape)
    for axis, size in zip(axes, call.constant(3).ravel(), strict=True):
        wanted[axis] = int(size)
    if min(wanted) < 1:
        raise call.refuse(f"sizes {wanted}", "give positive sizes")
    return _finish(call, [nearest(d, n, Fraction(n, d), coordinate, rounding) for d, n in zip(shape, wanted, strict=True)])


def _torch_index(size: int, resized: int, factor: float | None, *, exact: bool) -> tuple[int, ...]:
    """As torch computes it: in float32, by the factor that was given, else by the sizes."""
    step = np.float32(1.0 / factor) if factor is not None and factor > 0 else np.float32(size) / np.float32(resized)
    if exact:
        return tuple(min(int(np.floor((np.float32(k) + np.float32(0.5)) * step)), size - 1) for k in range(resized))
    if factor is None and size == resized:
        return tuple(range(size))
    return tuple(min(int(np.floor(np.float32(k) * step)), size - 1) for k in range(resized))


def _torch(*, exact: bool):  # noqa: ANN202 - a TorchRule
    def rule(call: TorchCall) -> Value:
        shape = call.value(0).type.shape
        sizes, factors = _numbers(call.argument(1, "output_size", None)), None
        last = call.argument(2, "scale_factors", None)
        if isinstance(last, list | tuple):  # the form with a list of factors
            factors = [float(str(f)) for f in last]
        elif last is not None or len(shape) == 4:
            given = [last, call.argument(3, "scales_w", None)][: len(shape) - 2]
            factors = [float(str(f)) for f in given if f is not None] or None
        if sizes is None and factors is not None:
            sizes = [int(np.floor(d * f)) for d, f in zip(shape[2:], factors, strict=True)]
        if sizes is None or len(sizes) != len(shape) - 2 or min(sizes) < 1:
            raise call.refuse(f"sizes {sizes} for {shape}", "give a size or a factor an axis of positions")
        taken = [
            _torch_index(d, n, factors[k] if factors is not None else None, exact=exact)
            for k, (d, n) in enumerate(zip(shape[2:], sizes, strict=True))
        ]
        return _emit(call, [tuple(range(shape[0])), tuple(range(shape[1])), *taken])

    return rule


def _numbers(given: object) -> list[int] | None:
    return [int(str(v)) for v in given] if isinstance(given, list | tuple) else None


def _torch_refused(kind: str):  # noqa: ANN202 - a TorchRule
    def rule(call: TorchCall) -> Value:
        raise call.refuse(f"{kind} interpolation", "use mode nearest")

    return rule


_REFUSED: Final = ("bilinear2d", "linear1d")


def _sample(random: Random, value: Value, name: str) -> Value:
    maps = [nearest(d, n, Fraction(n, d), "asymmetric", "floor") for d in value.type.shape[2:] for n in (random.randint(1, 2 * d),)]
    return make(RESIZE, ResizeAttrs(*maps), [value], name, name).output


RESIZE = RealOp(
    "resize", ResizeAttrs, _infer, _evaluate, _lower, onnx={"Resize": _onnx_resize, "Upsample": _onnx_upsample},
    torch={
        **{f"aten.upsample_nearest{n}d.{kind}": _torch(exact=False) for n in (1, 2) for kind in ("default", "vec")},
        **{f"aten._upsample_nearest_exact{n}d.{kind}": _torch(exact=True) for n in (1, 2) for kind in ("default", "vec")},
        **{f"aten.upsample_{k}.{kind}": _torch_refused(k) for k in _REFUSED for kind in ("default", "vec")},
    },
    sample=_sample, takes=lambda value: on_grid(value) and 3 <= len(value.type.shape) <= 4,
)
