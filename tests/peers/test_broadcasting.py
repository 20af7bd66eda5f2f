"""Values of different shapes that meet, and axes that are repeated: the lowered integers equal torch, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from peers.support import Calls, OnnxFile, assert_integers_equal_torch, codes_for, integers_of, integers_of_file, refusal_of
from torch import nn
from torch.nn import functional

from hwgen.errors import HwgenError
from hwgen.frontend.torch_export import read_torch
from hwgen.ops.run import evaluate

IMAGE = (3, 4, 6)


def conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


MODELS: dict[str, tuple[nn.Module, Sequence[int]]] = {
    "channels are weighted": (Calls(lambda m, x: x * m.c(x.sum((2, 3), keepdim=True)), c=nn.Conv2d(3, 3, 1)), IMAGE),
    "channels are weighted by a linear layer": (
        Calls(lambda m, x: m.a(x) * m.c(functional.adaptive_max_pool2d(x, 1).flatten(1)).view(1, 4, 1, 1), a=conv(3, 4),
              c=nn.Linear(3, 4)), IMAGE,
    ),
    "channels are weighted and added": (
        Calls(lambda m, x: (lambda y: y * m.c(y.amax((2, 3), keepdim=True)) + x)(m.a(x)), a=conv(3, 3), c=nn.Conv2d(3, 3, 1)),
        IMAGE,
    ),
    "positions are weighted": (Calls(lambda m, x: m.c(x) * x, c=conv(3, 1)), IMAGE),
    "the greatest channel is taken off": (Calls(lambda m, x: x - x.amax(1, keepdim=True)), IMAGE),
    "rows and columns": (Calls(lambda m, x: x.amax(2, keepdim=True) + x.sum(3, keepdim=True)), IMAGE),
    "a number for all": (Calls(lambda m, x: torch.maximum(m.c(x), x.amax((1, 2, 3), keepdim=True)), c=conv(3, 2)), IMAGE),
    "channels meet positions": (
        Calls(lambda m, x: m.c(x) + x.amax((2, 3), keepdim=True) + x.amax((1, 3), keepdim=True), c=conv(3, 1)), IMAGE,
    ),
    "a constant a channel of one channel": (Calls(lambda m, x: m.c(x) * torch.tensor([[[[1.0]], [[-2.0]]]]), c=conv(3, 1)), IMAGE),
    "a series": (Calls(lambda m, x: x * x.amax(2, keepdim=True) - x.amax(1, keepdim=True)), (3, 7)),
    "a vector": (Calls(lambda m, x: m.a(x) + m.b(x), a=nn.Linear(5, 1), b=nn.Linear(5, 4)), (5,)),
    "expand": (Calls(lambda m, x: m.c(x.amax((2, 3), keepdim=True).expand(-1, 3, 4, 6)), c=conv(3, 2)), IMAGE),
    "expand of channels": (Calls(lambda m, x: m.c(m.a(x).expand(1, 5, -1, -1)), a=conv(3, 1), c=conv(5, 2)), IMAGE),
    "expand_as": (Calls(lambda m, x: x.amax((2, 3), keepdim=True).expand_as(x) - x), IMAGE),
    "repeat": (Calls(lambda m, x: x.amax(2, keepdim=True).repeat(1, 2, 3, 1)), IMAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_broadcast_values_equal_torch(name: str, seed: int) -> None:
    module, shape = MODELS[name]
    lowered = assert_integers_equal_torch(module, shape, seed=seed)
    assert all(n.op not in ("add", "mul", "sub") for n in lowered.nodes), "it is the chip that does it"


def test_squeeze_and_excite_is_torch_rounded(seed: int) -> None:
    """The sigmoid lies on the grid that was asked for, and the product has all its bits."""
    torch.manual_seed(seed)
    module = Calls(lambda m, x: m.last(x * torch.sigmoid(m.c(x.mean((2, 3), keepdim=True)))), c=nn.Conv2d(3, 3, 1), last=conv(3, 2))
    for parameter in module.parameters():
        parameter.data = torch.round(parameter.data * 8) / 8
    module.double().eval()
    graph = read_torch(module, torch.zeros(1, 3, 4, 4, dtype=torch.float64))
    lowered = integers_of(graph, precision="fixed<16,8>")
    codes = codes_for(lowered, seed)
    x = torch.tensor(codes[lowered.inputs[0].name], dtype=torch.float64)
    with torch.no_grad():
        gate = torch.round(torch.sigmoid(torch.round(module.c(x.mean((2, 3), keepdim=True)) * 256) / 256) * 256) / 256
        wanted = module.last(torch.round(x * gate * 256) / 256).numpy()
    assert np.array_equal(evaluate(lowered, codes, lowered.outputs)[lowered.outputs[0]], wanted)


FILES: dict[str, tuple[Callable[[OnnxFile, str], str], Callable[[torch.Tensor], torch.Tensor]]] = {
    "Expand": (
        lambda f, x: f.add("Expand", [f.add("ReduceMax", [x], axes=[2, 3]), f.constant([3, 4, 6], np.int64)]),
        lambda t: t.amax((2, 3), keepdim=True).expand(-1, 3, 4, 6),
    ),
    "Expand of less": (lambda f, x: f.add("Expand", [x, f.constant([1, 1], np.int64)]), lambda t: t),
    "Tile": (lambda f, x: f.add("Tile", [x, f.constant([1, 1, 2, 1], np.int64)]), lambda t: t.repeat(1, 1, 2, 1)),
    "Mul": (lambda f, x: f.add("Mul", [f.add("ReduceMax", [x], axes=[2, 3]), x]), lambda t: t.amax((2, 3), keepdim=True) * t),
    "Sum of three": (
        lambda f, x: f.add("Sum", [f.add("ReduceMax", [x], axes=[1]), f.add("ReduceMax", [x], axes=[3]), x]),
        lambda t: t.amax(1, keepdim=True) + t.amax(3, keepdim=True) + t,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_broadcast_values_of_files_equal_torch(name: str, tmp_path: Path, seed: int) -> None:
    written, function = FILES[name]
    file = OnnxFile(tmp_path / "m.onnx", (1, *IMAGE))
    codes, found, _ = integers_of_file(file.save(file.quant(written(file, file.quant("x", 1.0, 4)), 1.0, 8)), seed)
    assert np.array_equal(found, function(torch.tensor(codes, dtype=torch.float64)).numpy())


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda m, x: x.amax((1, 2)) + x, "broadcast along the batch axis"),
        (lambda m, x: x.expand(2, -1, -1, -1), "expands the batch"),
        (lambda m, x: x.expand(1, 1, 3, 4, 6), "gets more axes"),
        (lambda m, x: x.amax(1, keepdim=True) * m.c.weight, "use a scalar or one number a channel"),
    ],
)
def test_what_does_not_broadcast_is_refused_with_the_reason(function: Callable[..., torch.Tensor], says: str) -> None:
    said = refusal_of(Calls(function, c=nn.Conv2d(3, 1, (4, 6))), IMAGE)
    assert says in said and "; " in said, said


def test_a_file_that_expands_to_more_than_can_be_is_refused(tmp_path: Path) -> None:
    for times, says in (([1, 1, 1 << 20, 1 << 20], "makes a tensor of shape"), ([2, 1, 1, 1], "expands the batch")):
        file = OnnxFile(tmp_path / "m.onnx", (1, 1, 1, 1))
        made = file.add("Expand", [file.quant("x", 1.0, 4), file.constant(times, np.int64)])
        with pytest.raises(HwgenError, match=says):
            integers_of_file(file.save(made), 0)
