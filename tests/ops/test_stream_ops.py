"""Operators on several streams and on shapes: the lowered integers equal torch, element for element, in every order of axes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import torch
from torch import nn

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.formats import Integer
from hwgen.frontend.torch_export import read_torch
from hwgen.ops.run import evaluate

Step = Callable[[torch.Tensor], torch.Tensor]
SAMPLES = 3


def _sliced(random: Random, shape: torch.Size) -> Step:
    axis = random.randrange(1, len(shape))
    start = random.randrange(shape[axis])
    stop = random.randint(start + 1, shape[axis])
    step = random.choice((1, 1, 2, 3)) if axis > 1 else 1
    return lambda x: x[(slice(None),) * axis + (slice(start, stop, step),)]


def _padded(random: Random, shape: torch.Size) -> Step:
    pads = [random.randint(-1 if size > 2 else 0, 2) for size in reversed(shape[2:]) for _ in range(2)]
    return lambda x: nn.functional.pad(x, pads, value=2.0)


def _resized(random: Random, shape: torch.Size) -> Step:
    size = [random.randint(1, 2 * d + 1) for d in shape[2:]]
    mode = random.choice(("nearest", "nearest-exact"))
    if random.random() < 0.5:
        return lambda x: nn.functional.interpolate(x, scale_factor=2.0, mode=mode)
    return lambda x: nn.functional.interpolate(x, size=size, mode=mode)


def _joined(random: Random, shape: torch.Size) -> Step:
    axis = random.randrange(1, len(shape))
    return lambda x: torch.cat([x, 2 * x], dim=axis)


def _parts_swapped(random: Random, shape: torch.Size) -> Step:
    axis = random.randrange(1, len(shape))
    if shape[axis] < 2:
        return lambda x: x
    return lambda x: torch.cat(list(reversed(x.chunk(2, dim=axis))), dim=axis)


def _shuffled(random: Random, shape: torch.Size) -> Step:
    if shape[1] % 4 == 0:
        return lambda x: nn.functional.pixel_shuffle(x, 2)
    if shape[2] % 2 == 0 and shape[3] % 2 == 0:
        return lambda x: nn.functional.pixel_unshuffle(x, 2)
    return lambda x: x


def _turned(random: Random, shape: torch.Size) -> Step:
    order = [0, *random.sample((1, 2, 3), 3)]
    return lambda x: x.permute(order)


def _residual(random: Random, shape: torch.Size) -> Step:
    pick = random.choice((torch.add, torch.sub, torch.minimum, torch.maximum))
    return lambda x: pick(x - 5, 2 - x if pick is torch.minimum else 3 * x + 1)


def _square(random: Random, shape: torch.Size) -> Step:
    return lambda x: x * x if x.shape[1] < 3 else x * (x + 1)


def _scaled(random: Random, shape: torch.Size) -> Step:
    gain = torch.tensor([float(random.randint(-3, 3) or 1) for _ in range(shape[1])]).reshape(-1, 1, 1)
    return lambda x: x * gain.to(x.dtype) + 1


STEPS = (_sliced, _padded, _resized, _joined, _parts_swapped, _shuffled, _turned, _residual, _scaled)


class Steps(nn.Module):
    """Random steps, and at times a flattened end."""

    def __init__(self, random: Random, count: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.kinds: list[object] = []
        self.squares = random.random() < 0.3
        probe = torch.zeros(shape)
        while len(self.steps) < count:
            kind = random.choice((*STEPS, *((_square,) if self.squares and len(self.steps) == 0 else ())))
            step = kind(random, probe.shape)
            after = step(probe)
            if 0 < after.numel() < 400:
                self.steps.append(step)
                self.kinds.append(kind)
                probe = after
        self.flat = random.random() < 0.3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            x = step(x)
        return x.flatten(1) if self.flat else x


@pytest.mark.parametrize("number", range(12))
def test_lowered_integers_equal_torch(number: int, seed: int) -> None:
    random = Random(f"{seed} {number}")
    shape = (1, random.randint(1, 5), random.randint(2, 6), random.randint(2, 6))
    module = Steps(random, random.randint(1, 5), shape)
    graph = read_torch(module, torch.zeros(shape))
    codes = np.random.default_rng(seed + number).integers(-8, 8, (SAMPLES, *shape[1:]))
    expected = np.concatenate([module(torch.tensor(c[None], dtype=torch.float64)).detach().numpy() for c in codes])
    real = evaluate(graph, {graph.inputs[0].name: codes.astype(np.float64)})[graph.outputs[0]]
    assert np.array_equal(real, expected)
    try:
        lowered = lower(graph, BuildOptions(input_format="fixed<4,4>")).graph
    except HwgenError as error:  # a number around the image that is no code of it; steps along what became the channels
        assert {"not-quantized": _padded, "unsupported-node": _sliced}[error.code] in module.kinds
        return
    got = evaluate(lowered, {lowered.inputs[0].name: codes})[lowered.outputs[0]]
    assert np.array_equal(got, expected)
    for value in lowered.values():
        format_ = value.type.format
        counts = {len(format_.scale), len(format_.offset)} if isinstance(format_, Integer) else {1}
        assert counts <= {1, value.type.shape[-1]}, f"{value.name}: one scale and offset, or one a channel"
