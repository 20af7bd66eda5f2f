"""Formats on torch tensors: the members nearest to values, with gradients that go straight through.

Bit for bit what ``format.quantize_real`` makes of NumPy arrays, in float32 and float64.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from hwgen.errors import HwgenError
from hwgen.formats.base import REAL, Format, Quantized
from hwgen.formats.block import Block
from hwgen.formats.float_format import FloatFormat
from hwgen.formats.float_grid import FloatGrid
from hwgen.numerics.rounding import Rounding


def _rounded(values: Tensor, mode: Rounding) -> Tensor:
    """`hwgen.numerics.rounding.round_float` on tensors."""
    match mode:
        case Rounding.HALF_EVEN:
            return torch.round(values)
        case Rounding.FLOOR:
            return torch.floor(values)
        case Rounding.CEIL:
            return torch.ceil(values)
        case Rounding.DOWN:
            return torch.trunc(values)
        case Rounding.UP:
            return torch.sign(values) * torch.ceil(values.abs())
        case Rounding.HALF_UP:
            return torch.sign(values) * torch.floor(values.abs() + 0.5)
        case Rounding.HALF_DOWN:
            return torch.sign(values) * torch.ceil(values.abs() - 0.5)
        case Rounding.HALF_CEIL:
            return torch.floor(values + 0.5)


def _exponent(values: Tensor) -> Tensor:
    """floor(log2(abs(value))) of normal float64 values, -1023 of zero and what is smaller."""
    return ((values.view(torch.int64) >> 52) & 0x7FF) - 1023


def _power(exponents: Tensor) -> Tensor:
    """``2**exponents`` in float64, -1022 to 1023."""
    return ((exponents + 1023) << 52).view(torch.float64)


def _on_grid(values: Tensor, grid: FloatGrid, overflow: float | None) -> tuple[Tensor, Tensor]:
    """`FloatGrid.round` of float64 values, and where nothing was cut."""
    exponents = _exponent(values).clamp(max=grid.last + 1)
    below = grid.unit if grid.subnormals else grid.first
    steps = torch.where(exponents < grid.first, below, exponents - (grid.precision - 1))
    scaled = values * _power(-steps)
    rounded = _rounded(scaled, grid.mode)
    if grid.precision == 1 and grid.mode is Rounding.HALF_EVEN:
        stays = (scaled.abs() == 1.5) & ((exponents - grid.even_field) % 2 == 0)
        rounded = torch.where(stays, torch.sign(scaled), rounded)
    members = rounded * _power(steps)
    top = float(Fraction(grid.greatest) * Fraction(2) ** grid.unit)
    if not grid.has_zero:
        least = 2.0**grid.first
        ends = torch.where(values < 0, -least, least).to(values.dtype)
        members = torch.where(members.abs() < least, ends, members)
    inside = members.abs() <= top
    limit = torch.full_like(members, top if overflow is None else overflow)
    return torch.where(inside, members, torch.copysign(limit, members)), inside


def _broadcast(numbers: tuple[Fraction, ...] | tuple[int, ...], format_: Quantized, like: Tensor, dtype: torch.dtype) -> Tensor:
    array = torch.tensor([float(n) for n in numbers], dtype=dtype, device=like.device)
    if not bool(array.isfinite().all()) or any(n and not a for n, a in zip(numbers, array.tolist(), strict=True)):
        what = f"has a number that {str(dtype).removeprefix('torch.')} cannot hold"
        raise HwgenError("format", f"format {str(format_)[:80]!r}", what, "use another scale")
    if len(numbers) == 1 or format_.axis is None:
        return array.reshape(())
    shape = [1] * like.ndim
    shape[format_.axis] = len(numbers)
    return array.reshape(shape)


def _uniform(values: Tensor, format_: Quantized) -> tuple[Tensor, Tensor]:
    dtype = values.dtype
    steps = values / _broadcast(format_.scales, format_, values, dtype) + _broadcast(format_.zeros, format_, values, dtype)
    if format_.bipolar:
        codes, inside = torch.where(steps >= 0, 1.0, -1.0), steps.abs() <= 1
    elif format_.wraps:
        span = format_.high - format_.low + 1
        codes = (_rounded(steps, format_.rounding).to(torch.int64) - format_.low) % span + format_.low
        inside = torch.ones_like(steps, dtype=torch.bool)
    else:
        low, high = float(format_.low), float(format_.high)
        rounded = _rounded(steps, format_.rounding)
        codes, inside = rounded.clamp(low, high), (rounded >= low) & (rounded <= high)
    codes = codes.to(torch.float64) + 0.0  # no negative zero
    if not format_.wraps:  # a float may not hold the greatest code and clip to the one above
        codes = codes.clamp(float(format_.low), float(format_.high))
    zeros, scales = (_broadcast(n, format_, values, torch.float64) for n in (format_.zeros, format_.scales))
    return ((codes - zeros) * scales).to(dtype), inside


def _floating(values: Tensor, format_: FloatFormat) -> tuple[Tensor, Tensor]:
    format_.check_holds(str(values.dtype).removeprefix("torch."))
    scale = _broadcast(format_.scale, format_, values, values.dtype)
    members, inside = _on_grid((values / scale).to(torch.float64), format_.grid, format_.overflow)
    return members.to(values.dtype) * scale, inside


def _blocks(values: Tensor, format_: Block, axis: int) -> tuple[Tensor, Tensor]:
    moved = values.to(torch.float64).movedim(axis, -1)
    length = moved.shape[-1]
    size = format_.size_on(length)
    padded = torch.nn.functional.pad(moved, (0, -length % size)).unflatten(-1, (-1, size))
    largest = padded.abs().amax(dim=-1, keepdim=True)
    exponents = (_exponent(largest) - format_.element_exponent).clamp(*format_.exponents)
    scaled = padded * _power(-exponents)
    element = format_.element
    members, inside = _floating(scaled, element) if isinstance(element, FloatFormat) else _uniform(scaled, element)

    def joined(blocks: Tensor) -> Tensor:
        return blocks.flatten(-2)[..., :length].movedim(-1, axis)

    return joined(members * _power(exponents)).to(values.dtype), joined(inside)


def members(values: Tensor, format_: Format, axis: int | None = None) -> tuple[Tensor, Tensor]:
    """The members nearest to ``values``, and where no value was cut to the greatest or least one.

    axis: along which the blocks of a block format lie, its own where None.  Raises HwgenError for what is no quantizer's format.
    """
    if not values.dtype.is_floating_point:
        raise HwgenError("format", f"format {format_}", f"quantizes floats, not {values.dtype}", "convert the tensor first")
    match format_:
        case Block():
            return _blocks(values, format_, format_.along if axis is None else axis)
        case FloatFormat():
            return _floating(values, format_)
        case Quantized():
            return _uniform(values, format_)
        case _:
            raise HwgenError("format", f"format {format_}", "is not what a quantizer makes", "see `hwgen formats`")


class _FakeQuantize(torch.autograd.Function):
    """Members forward; backward the gradient as it is, or 0 where a value was cut."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, format_: Format, axis: int | None, cut: bool) -> Tensor:
        result, inside = members(values, format_, axis)
        ctx.cut = cut
        if cut:
            ctx.save_for_backward(inside)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = gradients
        return (gradient * ctx.saved_tensors[0] if ctx.cut else gradient), None, None, None


def fake_quantize(values: Tensor, format_: Format, axis: int | None = None, *, cut_saturated: bool = False) -> Tensor:
    """``values`` rounded to the members of a format; the real format leaves them as they are.

    axis: along which the blocks of a block format lie, its own where None.
    The gradient goes straight through; with ``cut_saturated`` it is 0 where a value lies beyond the format's range.
    """
    if format_ is REAL:
        return values
    return _FakeQuantize.apply(values, format_, axis, cut_saturated)  # pyright: ignore[reportReturnType]
