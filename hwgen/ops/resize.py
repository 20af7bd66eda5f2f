"""Images in another size: ``resize`` of reals by repeating positions (nearest); `hwgen.ops.rearrange` in hardware.

What lies between positions is `hwgen.ops.interpolate`; ONNX writes both as one operator, which is read here.  Which position is
repeated follows the standard (ONNX's Resize and Upsample) or torch, in exact rational arithmetic; where torch's own float32
arithmetic comes to another position it is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, TensorType, Value
from hwgen.ops.importing import ImportCall, OnnxCall, TorchCall
from hwgen.ops.interpolate import Line, emit_lines, sizes_and_factors
from hwgen.ops.lowering import Layout, Lowering, Pending, channels_last
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.rearrange import RearrangeAttrs, taking
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


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    shape, out = node.inputs[0].type.shape, node.output.type.shape
    x = lowering.arrange(inputs[0], channels_last(shape), name=f"{node.output.name}.input", path=node.path)
    axes = [taking(size, taken) for size, taken in zip(shape[2:], _maps(node), strict=True)]
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


def line(size: int, resized: int, scale: Fraction, coordinate: str) -> Line:
    """Where the positions of the result lie between those of the input."""
    first, second = (_COORDINATES[coordinate](k, scale, size, resized) for k in (0, 1))
    return Line.through(size, resized, first, second - first if resized > 1 else Fraction(0))


# --- import -----------------------------------------------------------------------------------------------------------


def _emit(call: ImportCall, maps: Sequence[tuple[int, ...]], value: Value, suffix: str = "") -> Value:
    """maps: of the axes of positions."""
    if all(m == tuple(range(d)) for m, d in zip(maps, value.type.shape[2:], strict=True)):
        return call.emit("identity", NO_ATTRS, [value], suffix=suffix)
    return call.emit("resize", ResizeAttrs(*maps), [value], suffix=suffix)


@dataclass(frozen=True, slots=True)
class _Kind:
    """coordinate; rounding: of the nearest position, None: between positions."""

    coordinate: str
    rounding: str | None = None

    def emit(self, call: OnnxCall, value: Value, sizes: Sequence[tuple[int, int, Fraction]], suffix: str) -> Value:
        """sizes: of the axes of positions, before and after, and the scale."""
        if self.rounding is None:
            return emit_lines(call, value, [line(d, n, s, self.coordinate) for d, n, s in sizes], suffix=suffix)
        return _emit(call, [nearest(d, n, s, self.coordinate, self.rounding) for d, n, s in sizes], value, suffix)


def _resized(call: OnnxCall, sizes: Sequence[int], scales: Sequence[Fraction], kind: _Kind) -> Value:
    """Channels stand second, or last where the second axis changes and the last of four does not."""
    value = call.value(0)
    shape = value.type.shape
    if not 3 <= len(shape) <= 4:
        raise call.refuse(f"a tensor of shape {shape}", "give an image (batch, channels, rows[, columns])")
    axes = list(zip(shape, sizes, scales, strict=True))
    changed = [d != n or s != 1 for d, n, s in axes]
    last = len(shape) == 4 and changed[1] and not changed[3]
    if changed[0] or (changed[1] and not last):
        raise call.refuse("changes the batch or the channels", "resize the axes of positions only")
    if not last:
        return kind.emit(call, value, axes[2:], "")
    value = call.emit("transpose", TransposeAttrs((0, 3, 1, 2)), [value], suffix=".first")
    return call.emit("transpose", TransposeAttrs((0, 2, 3, 1)), [kind.emit(call, value, axes[1:3], ".resized")])


def _scaled(call: OnnxCall, scales: Sequence[float], kind: _Kind) -> Value:
    shape = call.value(0).type.shape
    if len(scales) != len(shape) or min(scales) <= 0 or not all(map(np.isfinite, scales)):
        raise call.refuse(f"scales {list(scales)} for {shape}", "give one positive scale an axis")
    exact = [Fraction(s) for s in scales]
    sizes = [floor(d * s) for d, s in zip(shape, exact, strict=True)]
    if min(sizes) < 1:
        raise call.refuse(f"nothing is left of {shape}", "use larger scales")
    return _resized(call, sizes, exact, kind)


def _mode(call: OnnxCall) -> str:
    mode = call.text("mode", "nearest")
    if mode not in ("nearest", "linear", "bilinear"):
        raise call.refuse(f"mode {mode!r}", "use mode nearest or linear")
    return mode


def _onnx_upsample(call: OnnxCall) -> Value:
    kind = _Kind("asymmetric", "floor" if _mode(call) == "nearest" else None)
    scales = call.constant(1).ravel() if call.opset >= 9 else np.array(call.reals("scales"))
    return _scaled(call, [float(s) for s in scales], kind)


def _onnx_resize(call: OnnxCall) -> Value:
    coordinate, mode = call.text("coordinate_transformation_mode", "half_pixel"), _mode(call)
    rounding, shape = call.text("nearest_mode", "round_prefer_floor"), call.value(0).type.shape
    for name in ("cubic_coeff_a", "extrapolation_value"):
        call.ignore(name)  # of other modes
    if call.integer("antialias", 0) or (call.integer("exclude_outside", 0) and mode != "nearest"):
        raise call.refuse("antialias=1 or exclude_outside=1", "resize without it")
    if call.opset == 10:
        kind = _Kind("asymmetric", "floor" if mode == "nearest" else None)
        return _scaled(call, [float(s) for s in call.constant(1).ravel()], kind)
    if coordinate == "tf_half_pixel_for_nn":
        raise call.refuse(f"coordinate mode {coordinate!r}", "use half_pixel or asymmetric")
    if coordinate not in _COORDINATES or rounding not in _NEAREST:
        raise call.refuse(f"coordinate mode {coordinate!r}, nearest mode {rounding!r}", f"use one of {', '.join(_COORDINATES)}")
    kind = _Kind(coordinate, rounding if mode == "nearest" else None)
    call.has(1)  # the region of interest, of another mode
    policy = call.text("keep_aspect_ratio_policy", "stretch")  # of sizes
    axes = [a % len(shape) for a in call.integers("axes") or range(len(shape))]
    scales = call.constant(2).ravel() if call.has(2) else np.zeros(0)
    if scales.size:
        full = [1.0] * len(shape)
        for axis, scale in zip(axes, scales, strict=True):
            full[axis] = float(scale)
        return _scaled(call, full, kind)
    if policy != "stretch":
        raise call.refuse("keeps the aspect ratio", "give all sizes with policy stretch")
    wanted = list(shape)
    for axis, size in zip(axes, call.constant(3).ravel(), strict=True):
        wanted[axis] = int(size)
    if min(wanted) < 1:
        raise call.refuse(f"sizes {wanted}", "give positive sizes")
    return _resized(call, wanted, [Fraction(n, d) for d, n in zip(shape, wanted, strict=True)], kind)


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
        value = call.value(0)
        shape = value.type.shape
        if not 3 <= len(shape) <= 4:
            raise call.refuse(f"a tensor of shape {shape}", "give an image (batch, channels, rows[, columns])")
        sizes, factors = sizes_and_factors(call, 2)
        taken = [
            _torch_index(d, n, factors[k] if factors is not None else None, exact=exact)
            for k, (d, n) in enumerate(zip(shape[2:], sizes, strict=True))
        ]
        return _emit(call, taken, value)

    return rule


def _sample(random: Random, value: Value, name: str) -> Value:
    maps = [nearest(d, n, Fraction(n, d), "asymmetric", "floor") for d in value.type.shape[2:] for n in (random.randint(1, 2 * d),)]
    return make(RESIZE, ResizeAttrs(*maps), [value], name, name).output


RESIZE = RealOp(
    "resize", ResizeAttrs, _infer, _evaluate, _lower, onnx={"Resize": _onnx_resize, "Upsample": _onnx_upsample},
    torch={
        **{f"aten.upsample_nearest{n}d.{kind}": _torch(exact=False) for n in (1, 2) for kind in ("default", "vec")},
        **{f"aten._upsample_nearest_exact{n}d.{kind}": _torch(exact=True) for n in (1, 2) for kind in ("default", "vec")},
    },
    sample=_sample, takes=lambda value: on_grid(value) and 3 <= len(value.type.shape) <= 4,
)
