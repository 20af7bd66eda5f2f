"""A quantizer of a graph as a torch module, with straight-through gradients.

Brevitas quantizes what it has: integers with a scale and a zero point (fixed, affine; rounded to nearest even, down, up or to
zero), binary and ternary.  All else goes through `hwgen.formats.tensors.fake_quantize`.  Both give the numbers of the format
itself, in the arithmetic of the tensor's own type.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Final

import torch
from brevitas.core.function_wrapper import CeilSte, FloorSte, RoundSte, RoundToZeroSte, TensorClamp, TensorClampSte
from brevitas.core.function_wrapper.shape import Identity
from brevitas.core.quant import BinaryQuant, ClampedBinaryQuant, IntQuant, TernaryQuant
from brevitas.function.ops_ste import round_ste
from torch import Tensor, nn

from hwgen.errors import HwgenError
from hwgen.formats import Affine, Binary, Fixed, Format, Quantized, Ternary
from hwgen.formats.tensors import fake_quantize
from hwgen.numerics.rounding import Rounding

ROUNDINGS: Final = {
    Rounding.HALF_EVEN: RoundSte, Rounding.FLOOR: FloorSte, Rounding.CEIL: CeilSte, Rounding.DOWN: RoundToZeroSte,
}
"""Those of Brevitas."""
_TERNARY_THRESHOLD: Final = 0.5
"""Of the scale: the nearest member; in the middle the even one, 0."""


def has_free_scale(format_: Format) -> bool:
    """Whether the format's scale may be any number; it can be learned where Brevitas quantizes."""
    return isinstance(format_, Affine | Binary | Ternary)


class Scale(nn.Module):
    """The scales of a format, to be broadcast with a tensor of ``rank`` axes; ``base * 2**log2``, log2 learned or absent.

    power_of_two: only powers of two, the nearest to begin with.  Raises HwgenError where the type cannot hold a scale.
    """

    base: Tensor
    log2: nn.Parameter | None

    def __init__(self, format_: Quantized, rank: int, *, dtype: torch.dtype, learned: bool, power_of_two: bool) -> None:
        super().__init__()
        self.power_of_two = power_of_two
        base = _along(format_, format_.scales, rank, dtype)
        if not torch.isfinite(base).all() or not (base > 0).all():
            what = f"has a scale that {dtype} cannot hold"
            raise HwgenError("format", f"format {str(format_)[:80]!r}", what, "use another scale, or train in float64")
        self.register_buffer("base", torch.exp2(torch.round(torch.log2(base))) if power_of_two else base, persistent=False)
        self.log2 = nn.Parameter(torch.zeros_like(base)) if learned else None

    def forward(self, x: Tensor) -> Tensor:  # noqa: ARG002 - its scales depend on nothing
        """The scales; ``x`` is there for Brevitas, whose scales may depend on it."""
        if self.log2 is None:
            return self.base
        return self.base * torch.exp2(round_ste(self.log2) if self.power_of_two else self.log2)


class Quantizer(nn.Module):
    """One quantizer.  rank: of its tensor.  weights: whether that is a parameter, else it is computed from the inputs.

    Weights beyond the range keep their gradient where the scale is fixed, so that they come back; computed values lose it.
    """

    def __init__(
        self, format_: Quantized, rank: int, *, dtype: torch.dtype, weights: bool = False, learned: bool = False,
        power_of_two: bool = False,
    ) -> None:
        super().__init__()
        self.given, free = format_, has_free_scale(format_)
        self.by_brevitas = _by_brevitas(format_)
        if not self.by_brevitas:
            return
        self.scale = Scale(format_, rank, dtype=dtype, learned=learned and free, power_of_two=power_of_two and free)
        self.zero: Tensor
        self.bits: Tensor
        self.register_buffer("zero", _along(format_, format_.zeros, rank, dtype), persistent=False)
        self.register_buffer("bits", torch.tensor(float(getattr(format_, "width", format_.bits)), dtype=dtype), persistent=False)
        held = weights and self.scale.log2 is None
        if isinstance(format_, Binary):
            self.inner = BinaryQuant(self.scale) if held else ClampedBinaryQuant(self.scale)
        elif isinstance(format_, Ternary):
            self.inner = TernaryQuant(self.scale, _TERNARY_THRESHOLD)
        else:
            narrow = isinstance(format_, Affine) and format_.narrow
            self.inner = IntQuant(
                narrow, format_.low < 0, Identity(), ROUNDINGS[format_.rounding](), TensorClampSte() if held else TensorClamp()
            )

    def forward(self, x: Tensor) -> Tensor:
        """The nearest members."""
        if not self.by_brevitas:
            return fake_quantize(x, self.given)
        if isinstance(self.given, Binary | Ternary):
            return self.inner(x)[0]
        return self.inner(self.scale(x), self.zero, self.bits, x)

    @property
    def format(self) -> Quantized:
        """The format with the scales as they are now, exactly."""
        if not self.by_brevitas or not isinstance(self.given, Affine | Binary | Ternary):
            return self.given
        if self.scale.log2 is None and not self.scale.power_of_two:
            return self.given
        with torch.no_grad():
            now = self.scale(self.zero).flatten().double().tolist()
        return replace(self.given, scale=tuple(Fraction(v) for v in now))


def _by_brevitas(format_: Quantized) -> bool:
    plain = isinstance(format_, Fixed | Affine) and format_.rounding in ROUNDINGS and not format_.wraps
    return plain or isinstance(format_, Binary | Ternary)


def _along(format_: Quantized, values: tuple[Fraction, ...] | tuple[int, ...], rank: int, dtype: torch.dtype) -> Tensor:
    tensor = torch.tensor([float(v) for v in values], dtype=dtype)
    if len(values) == 1 or format_.axis is None:
        return tensor.reshape(())
    return tensor.reshape([-1 if k == format_.axis % rank else 1 for k in range(rank)])
