"""The meeting place of real and integer operators: integer values with the real function still to be applied.

While a graph is lowered each real value is a `Pending`: codes that the hardware has, and, a channel, the exact function
from a code to the real.  Scalar arithmetic, batch norm and activations only change the function; a quantizer turns code
and function into new codes by a requantizer; a matrix product takes codes whose function is affine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hwgen.errors import HwgenError
from hwgen.formats import Integer, Quantized
from hwgen.ir.graph import Attrs, Node, Shape, Value
from hwgen.numerics.scalar_map import Chain, ClampedAffine


@dataclass(frozen=True, slots=True)
class Pending:
    """codes: an integer value.  chains: from its codes to the reals, one for all or one a channel.  shape: of the reals."""

    codes: Value
    chains: tuple[Chain, ...]
    shape: Shape

    @staticmethod
    def of(codes: Value) -> Pending:
        """The reals that the codes' own format says."""
        format_ = codes.type.format
        if not isinstance(format_, Integer):
            raise TypeError(f"{codes.name} has format {format_}, expected integers")
        count = max(len(format_.scale), len(format_.offset))
        pairs = [(format_.scale[i % len(format_.scale)], format_.offset[i % len(format_.offset)]) for i in range(count)]
        chains = tuple(Chain((ClampedAffine(scale, offset),)) for scale, offset in pairs)
        return Pending(codes, chains, codes.type.shape)

    def map(self, change: Callable[[Chain, int], Chain], channels: int = 1) -> Pending:
        """The reals after ``change(chain, channel)``, which differs in ``channels`` channels."""
        count = max(len(self.chains), channels)
        return replace(self, chains=tuple(change(self.chains[i % len(self.chains)], i) for i in range(count)))

    def reshaped(self, shape: Shape) -> Pending:
        """The same elements in another shape."""
        return replace(self, shape=shape)

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


def needs_quantizer(node: Node, what: str) -> HwgenError:
    """The refusal of an operator whose input is not on a quantizer's grid."""
    return HwgenError(
        "not-quantized", f"{node.op} {node.path!r}", what,
        "quantize this value in the model, or give --precision for what the model leaves in float",
    )
