"""What torch's two ONNX exporters write for a module is read as the module computes it, and lowers to hardware.

The exporters spell many operators out: shapes computed on the way, gates in place of activations, attributes with their defaults.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hwgen.flow import import_model, lower, plan_dataflow
from hwgen.ops.run import evaluate

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
nn = torch.nn
functional = nn.functional


class Module(nn.Module):
    """A function of its layers and an image."""

    def __init__(self, function: Callable[..., object], *layers: object) -> None:
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x: object) -> object:
        return self.function(self.layers, x)


@dataclass(frozen=True)
class Exported:
    """layers are made anew for each test; shape of the input."""

    function: Callable[..., object]
    layers: Callable[[], tuple[object, ...]] = tuple
    shape: tuple[int, ...] = (1, 4, 9, 8)


def conv(channels: int = 4, **options: object) -> object:
    return nn.Conv2d(4, channels, 3, **options)


def then(change: Callable[[object], object]) -> Exported:
    """A convolution of what ``change`` makes of a convolution, so that all of it is hardware."""
    return Exported(lambda m, x: m[1](change(m[0](x))), lambda: (conv(), nn.LazyConv2d(3, 1)))


CASES = {
    "nearest by a factor": then(lambda x: functional.interpolate(x, scale_factor=2)),
    "nearest by half a factor": then(lambda x: functional.interpolate(x, scale_factor=1.5)),
    "nearest to a size": then(lambda x: functional.interpolate(x, size=(13, 11))),
    "bilinear": then(lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear")),
    "padding with a number": then(lambda x: functional.pad(x, (1, 2, 0, 3), value=0.5)),
    "edges repeated": Exported(lambda m, x: m[0](x), lambda: (conv(padding=1, padding_mode="replicate"),)),
    "same padding": Exported(lambda m, x: m[0](x), lambda: (conv(padding="same", dilation=2),)),
    "stacked": then(lambda x: torch.stack([x, -x], 1).flatten(1, 2)),
    "split and swapped": then(lambda x: torch.cat(x[:, :, :6].chunk(2, 2)[::-1], 2)),
    "gated halves": then(lambda x: functional.glu(x, 1)),
    "silu": then(functional.silu),
    "gelu": then(functional.gelu),
    "mish": then(functional.mish),
    "hard swish": then(functional.hardswish),
    "pixel shuffle": then(lambda x: functional.pixel_shuffle(x, 2)),
    "batch norm": Exported(lambda m, x: m[1](m[0](x)), lambda: (nn.BatchNorm2d(4), conv())),
    "transposed": Exported(
        lambda m, x: m[0](x), lambda: (nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1),)
    ),
    "average with half windows": then(lambda x: functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)),
    "adaptive": then(lambda x: functional.adaptive_avg_pool2d(x, (7, 3))),
    "squared norm": Exported(lambda m, x: m[0](x).pow(2).sum((1, 2, 3)), lambda: (conv(),)),
    "dense blocks": Exported(
        lambda m, x: m[1](torch.cat([x, m[0](x)], 1)), lambda: (nn.Conv2d(4, 3, 1), nn.Conv2d(7, 2, 1))
    ),
}


@pytest.fixture(params=["dynamo", "torchscript"])
def exporter(request: pytest.FixtureRequest) -> str:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    return request.param


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_a_module_is_read_as_it_computes(name: str, exporter: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    case, path = CASES[name], tmp_path / "module.onnx"
    module, x = Module(case.function, *case.layers()), torch.randn(case.shape)
    with torch.no_grad():
        module.eval()(x)
        options = {"dynamo": True, "external_data": False} if exporter == "dynamo" else {"dynamo": False, "opset_version": 17}
        torch.onnx.export(module, (x,), path, verbose=False, **options)
        wanted = module(x).double().numpy()
    graph = import_model(path)
    (found,) = evaluate(graph, {graph.inputs[0].name: x.double().numpy()}, graph.outputs).values()
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-5)
    lowered = lower(graph).graph
    assert plan_dataflow(lowered).stages
