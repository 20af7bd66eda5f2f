"""What the operators' torch forms share: numbers and tables of attributes as tensors, made once for each kind of tensor they meet.

torch is imported inside: nothing but training and calibration needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hwgen.ir.graph import Array, Node
from hwgen.ops.record import TorchForm, TorchFunction
from hwgen.ops.window import Axis

if TYPE_CHECKING:
    import torch


def held(array: Array) -> Callable[[torch.Tensor], torch.Tensor]:
    """``held(array)(x)``: the array as a tensor of the type and on the device of ``x``; an index stays one of integers."""
    import torch

    kept: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}
    integers = array.dtype.kind in "iu"

    def like(x: torch.Tensor) -> torch.Tensor:
        key = (torch.int64 if integers else x.dtype, x.device)
        if key not in kept:
            kept[key] = torch.as_tensor(np.array(array), dtype=key[0], device=key[1])
        return kept[key]

    return like


def surrounded(axes: Sequence[Axis]) -> Callable[[torch.Tensor, float], torch.Tensor]:
    """Puts a value around the positions of an image (batch, channels, positions…) so that every tap of ``axes`` lies inside.

    Then tap k of window i of an axis stands at ``step * i + dilation * k``.
    """
    import torch

    room = [n for axis in reversed(axes) for n in axis.surrounded()[1:]]

    def around(x: torch.Tensor, value: float) -> torch.Tensor:
        return torch.nn.functional.pad(x, room, value=value) if any(room) else x

    return around


def biased_image(y: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """An image (batch, channels, positions…) with one number, or one a channel, added."""
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def of_one(function: Callable[[torch.Tensor], torch.Tensor]) -> TorchFunction:
    """A function of one tensor, as the form of an operator gives it."""
    return function


def by_name(name: str) -> TorchForm:
    """The form of an operator that is the torch function ``name`` of its inputs."""

    def forward(node: Node) -> TorchFunction:
        import torch

        function: TorchFunction = getattr(torch, name)
        return function

    return forward
