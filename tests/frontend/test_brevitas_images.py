"""Brevitas' convolutions and pools on images, with scales that are powers of two, so that its float32 is exact: equal integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwgen.flow import import_model, lower
from hwgen.formats import Integer
from hwgen.ops.run import evaluate

torch = pytest.importorskip("torch")
pytest.importorskip("brevitas")
import brevitas.nn as qnn  # noqa: E402
from brevitas import quant  # noqa: E402
from torch import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

WEIGHT: dict[str, Any] = {
    "weight_quant": quant.Int8WeightPerTensorFixedPoint, "weight_bit_width": 4,
    "bias_quant": quant.Int8BiasPerTensorFixedPointInternalScaling,
}


def given() -> nn.Module:
    return qnn.QuantIdentity(act_quant=quant.Int8ActPerTensorFixedPoint, return_quant_tensor=True)


def relu() -> nn.Module:
    return qnn.QuantReLU(act_quant=quant.Uint8ActPerTensorFixedPoint, bit_width=4, return_quant_tensor=True)


NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "a classifier of series": (
        nn.Sequential(
            given(), qnn.QuantConv1d(2, 4, 3, padding=2, dilation=2, bias=True, **WEIGHT), relu(), nn.MaxPool1d(3, 2, 1),
            qnn.QuantConv1d(4, 4, 4, stride=2, groups=2, bias=False, **WEIGHT), relu(), nn.Flatten(),
            qnn.QuantLinear(16, 3, bias=True, **WEIGHT),
        ),
        (2, 19),
    ),
    "an hourglass": (
        nn.Sequential(
            given(), qnn.QuantConv2d(2, 4, 3, stride=2, padding=1, bias=True, **WEIGHT), relu(),
            qnn.QuantConv2d(4, 4, 3, padding=1, groups=4, bias=False, **WEIGHT), relu(), nn.MaxPool2d(2),
            qnn.QuantConvTranspose2d(4, 3, 4, stride=2, padding=1, bias=True, **WEIGHT), relu(), nn.AvgPool2d(2), given(),
            qnn.QuantConv2d(3, 2, 1, bias=True, **WEIGHT),
        ),
        (2, 8, 12),
    ),
    "a decoder of series": (
        nn.Sequential(
            given(), qnn.QuantConvTranspose1d(3, 4, 5, stride=3, padding=1, output_padding=2, bias=True, **WEIGHT), relu(),
            nn.AvgPool1d(4), given(), qnn.QuantConv1d(4, 2, 1, bias=True, **WEIGHT),
        ),
        (3, 6),
    ),
    "a truncated average": (
        nn.Sequential(
            given(), relu(), qnn.TruncAvgPool2d(2, bit_width=4, float_to_int_impl_type="floor"),
            qnn.QuantConv2d(2, 3, (2, 3), bias=False, **WEIGHT),
        ),
        (2, 6, 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_integers_equal_brevitas(name: str, seed: int) -> None:
    model, shape = NETWORKS[name]
    torch.manual_seed(seed)
    model.train()
    with torch.no_grad():
        for _ in range(12):
            model(torch.randn(16, *shape))
    model.eval()
    lowered = lower(import_model(model, torch.zeros(1, *shape)))
    (source,) = lowered.graph.inputs
    format_ = source.type.format
    assert isinstance(format_, Integer)
    codes = np.random.default_rng(seed).integers(format_.low, format_.high, (50, *shape), endpoint=True)
    with torch.no_grad():
        wanted = model(torch.tensor(format_.decode(codes), dtype=torch.float32))
    numbers = getattr(wanted, "value", wanted).numpy()
    (value,) = lowered.graph.outputs
    found = evaluate(lowered.graph, {source.name: codes}, [value])[value]
    assert found.shape == numbers.shape and np.array_equal(found, numbers.astype(np.float64))
