"""The meeting place of real and integer operators: integer values with the real function still to be applied.

While a graph is lowered each real value is a `Pending`: codes that the hardware has, how the real tensor's elements lie in
them, and, a channel, the exact function from a code to the real.  Scalar arithmetic, batch norm and activations only change
the function; a quantizer turns code and function into new codes by a requantizer; a matrix product takes codes whose function
is affine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Protocol

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import IntArray, Integer, Quantized
from hwgen.ir.graph import Attrs, Node, Shape, Value
from hwgen.numerics.scalar_map import Chain, ClampedAffine


@dataclass(frozen=True, slots=True)
class Layout:
    """How the elements of a real tensor lie in its codes: in the order of an array of shape ``dims`` with axes moved by ``order``.

    ``codes.ravel() == reals.reshape(dims).transpose(order).ravel()``; the batch of 1 is the first of both.
    """

    dims: Shape
    order: tuple[int, ...]

    @staticmethod
    def plain(shape: Shape) -> Layout:
        """The real tensor's own order."""
        return Layout(shape, tuple(range(len(shape))))

    @property
    def in_order(self) -> bool:
        """Whether the codes lie as the reals do; where an axis of size 1 stands makes no difference."""
        moved = [o for o in self.order if self.dims[o] != 1]
        return moved == sorted(moved)

    def refined(self, shape: Shape) -> Layout:
        """The same order with the axes of ``shape``, where these split the own ones; otherwise as it is."""
        parts: list[list[int]] = []
        axis = 0
        for size in self.dims:
            part, product = [], 1
            while axis < len(shape) and (product < size or (shape[axis] == 1 and product == size)):
                product *= shape[axis]
                part.append(axis)
                axis += 1
            if product != size:
                return self
            parts.append(part)
        return Layout(shape, tuple(k for o in self.order for k in parts[o])) if axis == len(shape) else self

    @property
    def places(self) -> IntArray:
        """(elements,): for each code in order the index of its real in the flattened tensor."""
        return np.arange(prod(self.dims)).reshape(self.dims).transpose(self.order).ravel()


@dataclass(frozen=True, slots=True)
class Pending:
    """codes: an integer value, channels last.  chains: from its codes to the reals, one for all or one a channel of the codes.

    shape: of the reals.  layout: how they lie in the codes.
    """

    codes: Value
    chains: tuple[Chain, ...]
    shape: Shape
    layout: Layout

    @staticmethod
    def of(codes: Value) -> Pending:
        """The reals that the codes' own format says, in the codes' own shape."""
        format_ = codes.type.format
        if not isinstance(format_, Integer):
            raise TypeError(f"{codes.name} has format {format_}, expected integers")
        count = max(len(format_.scale), len(format_.offset))
        pairs = [(format_.scale[i % len(format_.scale)], format_.offset[i % len(format_.offset)]) for i in range(count)]
        chains = tuple(Chain((ClampedAffine(scale, offset),)) for scale, offset in pairs)
        return Pending(codes, chains, codes.type.shape, Layout.plain(codes.type.shape))

    @property
    def channels(self) -> int:
        """Of the codes: their last axis."""
        return self.codes.type.shape[-1]

    def map(self, change: Callable[[Chain, int], Chain], channels: int = 1) -> Pending:
        """The reals after ``change(chain, channel of the codes)``, which differs in ``channels`` channels."""
        count = max(len(self.chains), channels)
        return replace(self, chains=tuple(change(self.chains[i % len(self.chains)], i) for i in range(count)))

    def reshaped(self, shape: Shape) -> Pending:
        """The same elements in another shape."""
        return replace(self, shape=shape, layout=Layout.plain(shape) if self.layout.in_order else self.layout.refined(shape))

    def channels_first(self) -> Pending:
        """Codes (1, positions…, channels), known to be in order, as the reals (1, channels, positions…)."""
        shape, rank = self.codes.type.shape, len(self.codes.type.shape)
        dims = (shape[0], shape[-1], *shape[1:-1])
        return replace(self, shape=dims, layout=Layout(dims, (0, *range(2, rank), 1)))

    @property
    def affine(self) -> tuple[ClampedAffine, ...] | None:
        """The chains as affine maps without clamps, or None if one is more than that."""
        maps = [chain.affine for chain in self.chains]
        plain = tuple(m for m in maps if m is not None and m.low is None and m.high is None)
        return plain if len(plain) == len(maps) else None


class Lowering(Protocol):
    """What a lowering rule may do."""

    def emit(self, op: str, attrs: Attrs, inputs: Sequence[Value], *, name: str, path: str) -> Value:
        """Adds an integer node."""
        ...

    def quantize(self, pending: Pending, format_: Quantized, *, name: str, path: str) -> Pending:
        """New codes on the grid of ``format_``, by an exact requantizer."""
        ...

    def arrange(self, pending: Pending, order: tuple[int, ...], *, name: str, path: str) -> Pending:
        """Codes of the shape of the reals with axes moved by ``order``: a view, or a permutation where elements must move.

        Raises HwgenError where chains of channels do not stay chains of channels.
        """
        ...

    def along(self, pending: Pending, axis: int, *, name: str, path: str) -> tuple[Pending, tuple[int, ...]]:
        """Codes whose last axis runs along ``axis`` of the reals, and the index on that axis of each channel of the codes."""
        ...


def channels_last(shape: Shape) -> tuple[int, ...]:
    """The order of axes of the codes of an image (1, channels, positions…)."""
    return (0, *range(2, len(shape)), 1)


def needs_quantizer(node: Node, what: str) -> HwgenError:
    """The refusal of an operator whose input is not on a quantizer's grid."""
    return HwgenError(
        "not-quantized", f"{node.op} {node.path!r}", what,
        "quantize this value in the model, or give --precision for what the model leaves in float",
    )
