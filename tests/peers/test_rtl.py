"""The peers' failures through everything: torch models whose streams fork, join and change shape agree in the simulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peers.support import WHOLE, Calls, with_whole_weights
from torch import nn
from torch.nn import functional

from hwgen.flow import build

pytestmark = pytest.mark.slow


def branching() -> nn.Module:
    """No bias anywhere; forks, joins, a skip from the input, a concatenation with it, pools, two ways to upsample."""

    def forward(m: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wide = torch.relu(m.first(x)) + x
        small = functional.max_pool2d(functional.avg_pool2d(wide, 3, 1, 1), 2, ceil_mode=True)
        up = torch.maximum(functional.interpolate(small, size=(6, 4)), m.back(small))
        return m.last(torch.cat([up, x, 1 - wide], 1)), m.pool(small).flatten(1)

    return Calls(
        forward, first=nn.Conv2d(2, 2, 3, padding=2, dilation=2, bias=False), back=nn.ConvTranspose2d(2, 2, 2, 2, bias=False),
        last=nn.Conv2d(6, 4, 3, padding="same", groups=2, bias=False), pool=nn.AdaptiveAvgPool2d(1),
    )


def series() -> nn.Module:
    """The same in one dimension."""

    def forward(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
        y = m.first(x)
        return m.last(torch.cat([functional.interpolate(functional.max_pool1d(y, 2), scale_factor=2.0), y - x], 1)).sum(2)

    return Calls(forward, first=nn.Conv1d(3, 3, 5, padding="same", groups=3), last=nn.Conv1d(6, 2, 4, padding="same"))


def weighted() -> nn.Module:
    """Channels weighted by what the whole image says, then positions by what all channels say, and a finer image of it."""

    def forward(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
        y = m.first(x) * m.channels(x.amax((2, 3), keepdim=True))
        return functional.interpolate(y * m.positions(y) + x[:, :1], size=(8, 9), mode="bilinear")

    return Calls(forward, first=nn.Conv2d(2, 3, 3, padding=1), channels=nn.Conv2d(2, 3, 1), positions=nn.Conv2d(3, 1, 1))


@pytest.mark.parametrize("parallelism", ["1x1", "2x3"])
@pytest.mark.parametrize(("module", "shape"), [(branching, (2, 6, 4)), (series, (3, 8)), (weighted, (2, 4, 5))])
def test_every_output_agrees_in_the_simulator(
    module: Callable[[], nn.Module], shape: tuple[int, ...], parallelism: str, tmp_path: Path
) -> None:
    report = build(
        with_whole_weights(module(), 5).float(), tmp_path / "b", example=torch.zeros(1, *shape), input_format="fixed<4,4>",
        precision=WHOLE, parallelism=parallelism, samples=8,
    )
    assert report.verification.samples == 8 and report.verification.mismatches == 0
    assert report.verification.performance == report.predicted
