"""Batch norm that is trained: statistics of the batch while training, which are remembered; those that are remembered else."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor, nn

from hwgen.numerics.surd import Surd
from hwgen.ops.scalar import BatchNormAttrs

MOMENTUM: Final = 0.1
"""Share of the newest batch in the statistics that are remembered."""


class BatchNorm(nn.Module):
    """As ``torch.nn.BatchNorm1d``, with the parameters' names of it; channels along any axis."""

    def __init__(self, attrs: BatchNormAttrs, rank: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.attrs = attrs
        self.axis = attrs.axis % rank
        self.epsilon = float(attrs.epsilon)
        self.running_mean: Tensor
        self.running_var: Tensor
        self.weight = nn.Parameter(_tensor(attrs.gamma, dtype))
        self.bias = nn.Parameter(_tensor(attrs.beta, dtype))
        self.register_buffer("running_mean", _tensor(attrs.mean, dtype))
        self.register_buffer("running_var", _tensor(attrs.variance, dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Normalized along all axes but the channels'."""
        turned = x.movedim(self.axis, 1)
        made = nn.functional.batch_norm(
            turned, self.running_mean, self.running_var, self.weight, self.bias, self.training, MOMENTUM, self.epsilon
        )
        return made.movedim(1, self.axis)

    def trained(self) -> BatchNormAttrs:
        """The attributes as they are now; a vector that was not trained is the one that was given."""
        return replace(
            self.attrs, gamma=_exact(self.weight, self.attrs.gamma), beta=_exact(self.bias, self.attrs.beta),
            mean=_exact(self.running_mean, self.attrs.mean), variance=_exact(self.running_var, self.attrs.variance),
        )


def _tensor(values: tuple[Surd, ...], dtype: torch.dtype) -> Tensor:
    return torch.tensor([float(v) for v in values], dtype=dtype)


def _exact(tensor: Tensor, given: tuple[Surd, ...]) -> tuple[Surd, ...]:
    if torch.equal(tensor.detach(), _tensor(given, tensor.dtype).to(tensor.device)):
        return given
    return tuple(Surd.of(v) for v in tensor.detach().double().tolist())
