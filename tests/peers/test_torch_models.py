"""What MASE and hls4ml get wrong of torch models: built and equal, bit for bit, or refused with the reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from peers.support import SAMPLES, Calls, assert_integers_equal_torch, codes_for, integers_of, refusal_of, with_whole_weights
from torch import nn
from torch.nn import functional

from hwgen.frontend.torch_export import read_torch
from hwgen.ops.run import evaluate

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

IMAGE, SERIES = (2, 6, 4), (3, 8)


def conv(inputs: int, outputs: int, kernel: int = 3, **options: object) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, **{"padding": kernel // 2, **options})


BRANCHES: dict[str, tuple[nn.Module, Sequence[Sequence[int]]]] = {
    "a residual sum of negative numbers": (Calls(lambda m, x: m.c(x) + x, c=conv(2, 2)), [IMAGE]),
    "a sum of wide and narrow": (Calls(lambda m, x: x - m.b(m.a(x)), a=conv(2, 3), b=conv(3, 2)), [IMAGE]),
    "a fan-out of three": (Calls(lambda m, x: m.a(x) + m.b(x) + x, a=conv(2, 2), b=conv(2, 2, 1)), [IMAGE]),
    "a fan-out to two outputs": (Calls(lambda m, x: (m.a(x), torch.relu(m.a(x))), a=conv(2, 2)), [IMAGE]),
    "forks within forks": (
        Calls(lambda m, x: (lambda y: m.b(y) + torch.maximum(y, x))(m.a(x)), a=conv(2, 2), b=conv(2, 2)), [IMAGE],
    ),
    "a value joined with itself": (Calls(lambda m, x: (lambda y: y + y)(m.a(x)), a=conv(2, 2)), [IMAGE]),
    "no bias": (conv(2, 3, bias=False), [IMAGE]),
    "no bias in a chain": (nn.Sequential(conv(2, 3, bias=False), nn.ReLU(), conv(3, 1, bias=False)), [IMAGE]),
    "convolution, pool, concatenation": (
        Calls(lambda m, x: torch.cat([functional.max_pool2d(m.a(x), 2), functional.max_pool2d(x, 2)], 1), a=conv(2, 3)), [IMAGE],
    ),
    "a skip from the graph's input": (Calls(lambda m, x: m.b(torch.relu(m.a(x))) + x, a=conv(2, 4), b=conv(4, 2)), [IMAGE]),
    "a concatenation with the graph's input": (
        Calls(lambda m, x: m.b(torch.cat([x, m.a(x)], 1)), a=conv(2, 3), b=conv(5, 2)), [IMAGE],
    ),
    "an activation in one branch": (
        Calls(lambda m, x: m.b(torch.relu(m.a(x)) + x) - functional.relu6(m.a(x)), a=conv(2, 2), b=conv(2, 2)), [IMAGE],
    ),
    "an activation beside another of positions": (
        Calls(lambda m, x: torch.cat([torch.relu(m.a(x)), torch.clamp(x, max=2.5), x], 2), a=conv(2, 2)), [IMAGE],
    ),
    "an activation that is an output as well": (
        Calls(lambda m, x: (lambda y: (y, m.b(y)))(torch.relu(m.a(x))), a=conv(2, 2), b=conv(2, 1)), [IMAGE],
    ),
    "two inputs": (Calls(lambda m, x, y: torch.cat([m.a(x), y], 1), a=conv(2, 3)), [IMAGE, (1, 6, 4)]),
}  # fmt: skip

LAYERS: dict[str, tuple[nn.Module, Sequence[int]]] = {
    "a dilated convolution": (nn.Conv2d(2, 3, 3, dilation=2), (2, 7, 6)),
    "a dilated series": (nn.Conv1d(3, 2, 3, dilation=3), SERIES),
    "groups": (nn.Conv2d(4, 6, 3, groups=2), (4, 5, 5)),
    "depthwise": (nn.Conv2d(3, 3, 3, groups=3), (3, 5, 5)),
    "same padding of an even kernel": (nn.Conv2d(2, 3, (4, 3), padding="same"), (2, 5, 6)),
    "same padding of a series": (nn.Conv1d(3, 2, 4, padding="same", dilation=2), SERIES),
    "transposed": (nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 4, 3)),
    "transposed series": (nn.ConvTranspose1d(3, 2, 4, stride=2), SERIES),
    "ceil_mode of a maximum": (nn.MaxPool2d(3, 2, ceil_mode=True), IMAGE),
    "ceil_mode of an average": (nn.AvgPool2d(2, 2, ceil_mode=True), (2, 5, 5)),
    "a padded maximum": (nn.MaxPool2d(3, 2, padding=1), IMAGE),
    "a padded average": (nn.AvgPool2d(4, 2, padding=1), (2, 8, 6)),
    "a padded average of what is there": (nn.AvgPool2d(2, 2, padding=1, count_include_pad=False), IMAGE),
    "an adaptive average": (nn.AdaptiveAvgPool2d((2, 1)), (3, 4, 4)),
    "an adaptive maximum": (nn.AdaptiveMaxPool2d((3, 2)), IMAGE),
    "an adaptive average of a series": (nn.AdaptiveAvgPool1d(2), SERIES),
    "an average keeps its channels": (nn.AvgPool2d(2), (5, 4, 6)),
    "functional.linear": (Calls(lambda m, x: functional.linear(x, m.c.weight, m.c.bias), c=nn.Linear(5, 3)), (5,)),
    "sum": (Calls(lambda m, x: x.sum((2, 3))), IMAGE),
    "sum of channels": (Calls(lambda m, x: m.c(x.sum(1, keepdim=True)), c=conv(1, 2)), IMAGE),
    "mean": (Calls(lambda m, x: x.mean((2, 3))), (3, 4, 4)),
    "mean of a computed value": (Calls(lambda m, x: m.c(x).mean((2, 3), keepdim=True), c=conv(2, 3)), (2, 4, 8)),
    "1 - x": (Calls(lambda m, x: 1 - x), IMAGE),
    "1 - x of a computed value": (Calls(lambda m, x: m.b(1 - m.a(x)), a=conv(2, 3), b=conv(3, 1)), IMAGE),
    "cat with a positional dim": (Calls(lambda m, x: torch.cat([x, 2 * x], 1)), IMAGE),
    "cat along the last axis": (Calls(lambda m, x: torch.cat((x, x - 1), -1)), IMAGE),
    "cat of positions of a computed value": (Calls(lambda m, x: torch.cat([m.c(x), x], 2), c=conv(2, 2)), IMAGE),
    "Upsample to a size": (nn.Upsample(size=(9, 10)), IMAGE),
    "Upsample by a factor": (nn.Upsample(scale_factor=2), IMAGE),
    "bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "bilinear with aligned corners": (nn.Upsample(size=(11, 7), mode="bilinear", align_corners=True), IMAGE),
    "linear of an activation": (nn.Sequential(nn.Conv1d(3, 2, 3), nn.ReLU(), nn.Upsample(scale_factor=4, mode="linear")), SERIES),
    "replicated edges": (nn.Sequential(nn.ReplicationPad2d((1, 0, 2, 3)), conv(2, 2)), IMAGE),
    "Upsample of a series": (nn.Upsample(size=12), SERIES),
    "flattened for a linear layer": (nn.Sequential(conv(2, 3), nn.Flatten(), nn.Linear(72, 2)), IMAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", BRANCHES)
def test_branches_equal_torch(name: str, seed: int) -> None:
    module, shapes = BRANCHES[name]
    assert_integers_equal_torch(module, *shapes, seed=seed)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_torch(name: str, seed: int) -> None:
    module, shape = LAYERS[name]
    assert_integers_equal_torch(module, shape, seed=seed)


FINE = 64
"""Steps of one of ``fixed<16,10>``."""
FUNCTIONS = {"GELU": functional.gelu, "SiLU": functional.silu, "a mean of nine": lambda x: functional.avg_pool2d(x, 3)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_between_convolutions_equal_torch_rounded(name: str, seed: int) -> None:
    """What enters the second convolution lies on a grid: torch's function, rounded to it (no value lies in the middle of two)."""
    function = FUNCTIONS[name]
    module = with_whole_weights(Calls(lambda m, x: m.b(function(m.a(x))), a=conv(2, 3), b=conv(3, 2, 1)), seed)
    module.a.weight.data /= 8  # so that the functions bend where the values lie
    graph = read_torch(module, torch.zeros(1, *IMAGE, dtype=torch.float64), "m")
    lowered = integers_of(graph, precision="fixed<16,10>")
    codes = codes_for(lowered, seed)
    with torch.no_grad():
        middle = module.a(torch.tensor(codes[graph.inputs[0].name], dtype=torch.float64))
        wanted = module.b(torch.round(function(middle) * FINE) / FINE).numpy()
    found = evaluate(lowered, codes, lowered.outputs)[lowered.outputs[0]]
    assert len(found) == SAMPLES and np.array_equal(found, wanted)


REFUSED: dict[str, tuple[nn.Module, Sequence[int], str]] = {
    "LayerNorm": (nn.LayerNorm(6), (4, 6), "divides by a deviation that is computed from its own input"),
    "LayerNorm of an image": (nn.GroupNorm(1, 2), IMAGE, "train with a batch norm"),
    "MultiheadAttention": (
        Calls(lambda m, x: m.attention(x, x, x)[0], attention=nn.MultiheadAttention(4, 2, batch_first=True)), (3, 4),
        "MultiheadAttention 'attention': attention multiplies two computed matrices",
    ),
    "attention written out": (Calls(lambda m, x: x @ x.transpose(1, 2)), (3, 4), "multiplies two computed matrices"),
    "attention as a function": (
        Calls(lambda m, x: functional.scaled_dot_product_attention(x, x, x)), (2, 3, 4), "with a softmax between them",
    ),
    "a softmax inside": (
        Calls(lambda m, x: m.c(torch.softmax(x, 1)), c=conv(2, 2)), IMAGE, "divides by a sum that it computes",
    ),
    "a state": (Calls(lambda m, x: m.cells(x)[0], cells=nn.GRU(4, 3, batch_first=True)), (5, 4), "keeps a state from step to step"),
    "bicubic": (nn.Upsample(scale_factor=2, mode="bicubic"), IMAGE, "cubic interpolation"),
    "adaptive windows of several sizes": (nn.AdaptiveAvgPool2d(4), IMAGE, "4 adaptive windows of 6 positions"),
    "a constant for every element": (
        Calls(lambda m, x: x + m.c.weight, c=nn.Conv2d(6, 1, (4, 4))), (6, 4, 4), "one number a channel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_exact_integers_is_refused_with_the_reason_and_a_way_out(name: str) -> None:
    module, shape, says = REFUSED[name]
    said = refusal_of(module, shape)
    assert says in said and "; " in said, said


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_a_softmax_at_the_end_is_the_host_s_along_any_axis(axis: int, seed: int) -> None:
    module = with_whole_weights(Calls(lambda m, x: torch.softmax(m.c(x), axis), c=conv(2, 3)), seed)
    lowered = integers_of(read_torch(module, torch.zeros(1, *IMAGE, dtype=torch.float64), "m"))
    codes = codes_for(lowered, seed)
    with torch.no_grad():
        wanted = module(torch.tensor(codes[lowered.inputs[0].name], dtype=torch.float64)).numpy()
    assert np.allclose(evaluate(lowered, codes, lowered.outputs)[lowered.outputs[0]], wanted, rtol=1e-12, atol=1e-300)
