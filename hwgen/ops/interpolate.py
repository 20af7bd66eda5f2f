"""Linear interpolation along the positions of an image, exactly: bilinear resizing of any rational factor.

Position k of the result lies at ``(first + step*k) / parts`` of the image, whose ends are repeated outside, and

    y[k] = 1/parts * sum_{j = 0 … parts - 1} x[floor((first + step*k + j) / parts)]

which is the straight line between two neighbours: ``parts - r`` of the terms are the left one, ``r`` the right one.  So in
hardware it is a window generator that repeats positions (`hwgen.ops.rearrange`) and sums over windows (`hwgen.ops.lane_pool`),
without a multiplication, first along one axis, then along the other; the divisor goes into the requantizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm, prod
from random import Random
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray
from hwgen.ir.graph import NO_ATTRS, Attrs, Node, TensorType, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.importing import ImportCall, TorchCall
from hwgen.ops.lowering import Lowering, Pending, channels_last, needs_quantizer
from hwgen.ops.pool import pooled
from hwgen.ops.real_sampling import on_grid
from hwgen.ops.rearrange import RearrangeAttrs, taking
from hwgen.ops.record import Float64, RealOp, attrs_as, make
from hwgen.ops.sampling import codes_format
from hwgen.ops.widen import widened
from hwgen.ops.window import Axis, Window
from hwgen.ops.window_importing import flag

MAX_PARTS: Final = 64
"""Terms of a sum: cycles that an element of the result takes."""
_ENTRIES: Final = 4


@dataclass(frozen=True, slots=True)
class InterpolateAttrs(Attrs):
    """rows (axis 2), cols (axis 3): count, first, step, parts, see the module; empty: the axis stays as it is."""

    rows: tuple[int, ...]
    cols: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One axis.  size: positions of the image; the others as in the module, ``count`` positions in the result."""

    size: int
    count: int
    first: int
    step: int
    parts: int

    @staticmethod
    def through(size: int, count: int, first: Fraction, step: Fraction) -> Line:
        """Positions ``first + step*k``."""
        parts = lcm(first.denominator, step.denominator)
        return Line(size, count, int(first * parts), int(step * parts), parts)

    @property
    def terms(self) -> IntArray:
        """(count, parts): the position that each term of a sum takes."""
        begins = self.first + self.step * np.arange(self.count, dtype=np.int64)
        return np.clip((begins[:, None] + np.arange(self.parts)) // self.parts, 0, self.size - 1)

    @property
    def unchanged(self) -> bool:
        """Whether the result is the image."""
        return self.count == self.size and np.array_equal(self.terms, np.repeat(np.arange(self.size)[:, None], self.parts, axis=1))

    def sums(self) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
        """The positions that are repeated, in order, and taps and stride of each sum over these that follows."""
        if self.step % self.parts == 0:  # windows that do not overlap
            return tuple(self.terms.ravel().tolist()), ((self.parts, self.parts),)
        count = self.step * (self.count - 1) + self.parts
        fine = np.clip((self.first + np.arange(count, dtype=np.int64)) // self.parts, 0, self.size - 1)
        shared = gcd(self.step, self.parts)  # what all windows take as a whole is summed once
        return tuple(fine.tolist()), ((shared, shared), (self.parts // shared, self.step // shared))


def lines_of(node: Node) -> tuple[Line | None, ...]:
    """Along each axis of positions; None where it stays as it is."""
    attrs, shape = attrs_as(node, InterpolateAttrs), node.inputs[0].type.shape
    where, given = f"interpolate {node.path!r}", (attrs.rows, attrs.cols)
    if not 3 <= len(shape) <= 4 or any(given[len(shape) - 2 :]):
        raise HwgenError("shape", where, f"input {shape}", "give an image (batch, channels, rows[, columns])")
    if any(g and not _legal(g) for g in given):
        raise HwgenError("shape", where, f"lines {given}", f"use a count, and steps in at most {MAX_PARTS} parts that never fall")
    return tuple(Line(d, *g) if g else None for d, g in zip(shape[2:], given, strict=False))


def _legal(entries: tuple[int, ...]) -> bool:
    if len(entries) != _ENTRIES:
        return False
    count, _, step, parts = entries
    return count >= 1 and 1 <= parts <= MAX_PARTS and step >= (count > 1 and parts > 1)


def _infer(node: Node) -> tuple[TensorType, ...]:
    shape = node.inputs[0].type.shape
    sizes = (line.count if line else d for line, d in zip(lines_of(node), shape[2:], strict=True))
    return (TensorType((*shape[:2], *sizes), REAL),)


def _evaluate(node: Node, inputs: Sequence[Float64]) -> Float64:
    (x,) = inputs
    for axis, line in enumerate(lines_of(node), start=2):
        if line:
            terms = line.terms
            left, right = terms[:, 0], terms[:, -1]
            shape = (-1, *(1,) * (x.ndim - 1 - axis))
            share = ((terms != left[:, None]).sum(axis=1) / line.parts).reshape(shape)
            x = x.take(left, axis=axis) * (1 - share) + x.take(right, axis=axis) * share
    return x


def _lower(lowering: Lowering, node: Node, inputs: Sequence[Pending]) -> Pending:
    name, lines = node.output.name, lines_of(node)
    x = lowering.arrange(inputs[0], channels_last(inputs[0].shape), name=f"{name}.input", path=node.path)
    x = with_clamps_computed(lowering, x, name=f"{name}.clamped", path=node.path)
    maps = x.affine
    if maps is None:
        raise needs_quantizer(node, "a non-linear function of an unquantized value comes before it")
    codes = x.codes
    if codes_format(codes).bipolar:
        codes = widened(lowering, codes, -1, 1, name=f"{name}.wide", path=node.path)
    for axis, line in enumerate(lines):
        if line:
            codes = _along(lowering, node, codes, axis, line)
    share = Surd.of(Fraction(1, prod(line.parts for line in lines if line)))
    summed = Pending.of(codes).map(lambda chain, c: chain.scaled(maps[c].gain * share, maps[c].bias), len(maps))
    return summed.channels_first()


def _along(lowering: Lowering, node: Node, codes: Value, axis: int, line: Line) -> Value:
    """Along one axis of positions of the codes."""
    taken, sums = line.sums()

    def window(along: Axis) -> Window:
        sizes = (*codes.type.shape[1:-1], 1)[:2]
        both = tuple(along if k == axis else Axis.whole(size) for k, size in enumerate(sizes))
        return Window(both[0], both[1])

    repeated = window(taking(line.size, taken))
    if not repeated.trivial:
        attrs = RearrangeAttrs.of(repeated.rows, repeated.cols)
        codes = lowering.emit("rearrange", attrs, [codes], name=f"{node.output.name}.repeated", path=node.path)
    for taps, stride in sums:
        size = codes.type.shape[1 + axis]
        along = Axis(size, taps, steps=(stride,) * ((size - taps) // stride if stride else 0))
        if not along.trivial:
            codes = pooled(lowering, node, "sum", codes, window(along))
    return codes


# --- import -----------------------------------------------------------------------------------------------------------


def emit_lines(call: ImportCall, value: Value, lines: Sequence[Line], *, suffix: str = "") -> Value:
    """Interpolation along the axes of positions of an image."""
    for line in lines:
        if line.parts > MAX_PARTS:
            raise call.refuse(
                f"interpolates {line.size} positions to {line.count} with weights in {line.parts}ths",
                f"resize by a whole factor with align_corners=False, or so that {MAX_PARTS} parts are enough",
            )
    given = [() if line.unchanged else (line.count, line.first, line.step, line.parts) for line in lines]
    if not any(given):
        return call.emit("identity", NO_ATTRS, [value], suffix=suffix)
    return call.emit("interpolate", InterpolateAttrs(*given), [value], suffix=suffix)


def _torch_line(size: int, count: int, factor: float | None, *, align_corners: bool) -> Line:
    """As torch defines it: by the factor that was given, else by the sizes."""
    if align_corners:
        return Line.through(size, count, Fraction(0), Fraction(size - 1, count - 1) if count > 1 else Fraction(0))
    step = 1 / Fraction(factor) if factor is not None and factor > 0 else Fraction(size, count)
    return Line.through(size, count, (step - 1) / 2, step)


def _torch(call: TorchCall) -> Value:
    """``aten.upsample_linear1d`` and ``bilinear2d``: (x, sizes, align_corners, factors)."""
    value = call.value(0)
    if not 3 <= len(value.type.shape) <= 4:
        raise call.refuse(f"a tensor of shape {value.type.shape}", "give an image (batch, channels, rows[, columns])")
    sizes, factors = sizes_and_factors(call, 3)
    lines = [
        _torch_line(size, count, factors[k] if factors else None, align_corners=flag(call, 2, "align_corners", default=False))
        for k, (size, count) in enumerate(zip(value.type.shape[2:], sizes, strict=True))
    ]
    return emit_lines(call, value, lines)


def sizes_and_factors(call: TorchCall, index: int) -> tuple[list[int], list[float] | None]:
    """What the two forms of torch's upsampling say (sizes at 1; factors at ``index``, one a list or one an argument)."""
    shape, given = call.value(0).type.shape, call.argument(1, "output_size", None)
    sizes = [int(str(v)) for v in given] if isinstance(given, list | tuple) else None
    factors, last = None, call.argument(index, "scale_factors", None)
    if isinstance(last, list | tuple):  # the form with a list of factors
        factors = [float(str(f)) for f in last]
    elif last is not None or len(shape) == 4:
        single = [last, call.argument(index + 1, "scales_w", None)][: len(shape) - 2]
        factors = [float(str(f)) for f in single if f is not None] or None
    if sizes is None and factors is not None:
        sizes = [int(np.floor(d * f)) for d, f in zip(shape[2:], factors, strict=True)]
    if sizes is None or len(sizes) != len(shape) - 2 or min(sizes) < 1:
        raise call.refuse(f"sizes {sizes} for {shape}", "give a size or a factor an axis of positions")
    return sizes, factors


def _sample(random: Random, value: Value, name: str) -> Value:
    lines: list[tuple[int, ...]] = []
    for size in value.type.shape[2:]:
        count, parts = random.randint(1, 2 * size), random.choice((1, 2, 3, 4, 6))
        most = size * parts // count
        lines.append((count, random.randint(-parts, parts), random.randint(1, max(1, most)), parts))
    return make(INTERPOLATE, InterpolateAttrs(*lines), [value], name, name).output


INTERPOLATE = RealOp(
    "interpolate", InterpolateAttrs, _infer, _evaluate, _lower, sample=_sample,
    torch={f"aten.upsample_{k}.{kind}": _torch for k in ("linear1d", "bilinear2d") for kind in ("default", "vec")},
    takes=lambda value: on_grid(value) and 3 <= len(value.type.shape) <= 4,
)
