"""Brevitas models import exactly: from both QONNX exporters, from QCDQ, and as modules.

The referee is Brevitas itself.  It computes in float32, so a sample that comes closer to a boundary between two codes than
float32 can tell is left out (`_clear`); all others must agree to float32's precision, which is finer than any code.
With power-of-two scales float32 is exact, and then nothing is left out and the numbers are equal.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.formats import Integer, Quantized
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.ir.graph import Graph, Value
from hwgen.ops.run import evaluate
from hwgen.pipeline import check

torch = pytest.importorskip("torch")
pytest.importorskip("brevitas")
import brevitas.nn as qnn  # noqa: E402
from brevitas import quant  # noqa: E402
from brevitas.export import export_onnx_qcdq, export_qonnx  # noqa: E402
from torch import nn  # noqa: E402

from hwgen.frontend.brevitas_modules import has_brevitas_layers, read_brevitas, read_module  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

FEATURES, HIDDEN, CLASSES = 6, 7, 4


def _mlp(bits: int, **options: Any) -> nn.Module:
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantLinear(FEATURES, HIDDEN, bias=True, weight_bit_width=bits, **options),
        qnn.QuantReLU(bit_width=bits),
        qnn.QuantLinear(HIDDEN, CLASSES, bias=False, weight_bit_width=bits, **options),
    )


def _sign_mlp(weight: type, activation: type) -> nn.Module:
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantLinear(FEATURES, HIDDEN, bias=False, weight_quant=weight),
        nn.BatchNorm1d(HIDDEN),
        qnn.QuantIdentity(act_quant=activation),
        qnn.QuantLinear(HIDDEN, CLASSES, bias=False, weight_quant=weight),
    )


def _with_batch_norm() -> nn.Module:
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantLinear(FEATURES, HIDDEN, bias=True, weight_bit_width=4, weight_quant=quant.Int8WeightPerChannelFloat),
        nn.BatchNorm1d(HIDDEN),
        qnn.QuantReLU(bit_width=4),
        nn.Dropout(0.2),
        qnn.QuantLinear(HIDDEN, CLASSES, bias=True, weight_bit_width=3),
    )


def _integer_bias() -> nn.Module:
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8, return_quant_tensor=True),
        qnn.QuantLinear(
            FEATURES, HIDDEN, bias=True, weight_bit_width=4, bias_quant=quant.Int32Bias, return_quant_tensor=True
        ),
        qnn.QuantReLU(bit_width=4, return_quant_tensor=True),
        qnn.QuantLinear(HIDDEN, CLASSES, bias=True, weight_bit_width=4, bias_quant=quant.Int8BiasPerTensorFloatInternalScaling),
    )


def _power_of_two() -> nn.Module:
    weight: dict[str, Any] = {"weight_quant": quant.Int8WeightPerTensorFixedPoint}
    return nn.Sequential(
        qnn.QuantIdentity(act_quant=quant.Int8ActPerTensorFixedPoint),
        qnn.QuantLinear(FEATURES, HIDDEN, bias=True, **weight),
        qnn.QuantReLU(act_quant=quant.Uint8ActPerTensorFixedPoint, bit_width=4),
        qnn.QuantLinear(HIDDEN, CLASSES, bias=True, output_quant=quant.Int8ActPerTensorFixedPoint, **weight),
    )


def _quantizers_inside_the_layer() -> nn.Module:
    return nn.Sequential(
        qnn.QuantLinear(
            FEATURES, HIDDEN, bias=True, weight_bit_width=4, input_quant=quant.Int8ActPerTensorFloat,
            output_quant=quant.Int8ActPerTensorFloat,
        ),
        qnn.QuantReLU(bit_width=4),
    )


def _zero_points() -> nn.Module:
    return nn.Sequential(
        qnn.QuantIdentity(act_quant=quant.ShiftedUint8ActPerTensorFloat),
        qnn.QuantLinear(FEATURES, HIDDEN, bias=True, weight_quant=quant.ShiftedUint8WeightPerTensorFloat),
        qnn.QuantReLU(bit_width=4),
    )


def _functions() -> nn.Module:
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantLinear(FEATURES, HIDDEN, bias=True, weight_bit_width=4),
        qnn.QuantSigmoid(bit_width=6),
        qnn.QuantLinear(HIDDEN, CLASSES, bias=True, weight_bit_width=4),
        qnn.QuantTanh(bit_width=5),
    )


class _Nested(nn.Module):
    """A forward of the user's own with scalar arithmetic around the quantizers."""

    def __init__(self) -> None:
        super().__init__()
        self.inp = qnn.QuantIdentity(bit_width=8)
        self.fc1 = qnn.QuantLinear(FEATURES, HIDDEN, bias=True, weight_bit_width=4)
        self.body = nn.Sequential(nn.BatchNorm1d(HIDDEN), qnn.QuantReLU(bit_width=3))
        self.out = qnn.QuantLinear(HIDDEN, CLASSES, bias=False, weight_bit_width=4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.out(self.body(self.fc1(self.inp(2 * image - 1)))) * 0.5


MODELS: dict[str, Callable[[], nn.Module]] = {
    "2-bit": lambda: _mlp(2),
    "3-bit": lambda: _mlp(3),
    "4-bit": lambda: _mlp(4),
    "8-bit": lambda: _mlp(8),
    "per-channel": lambda: _mlp(4, weight_scaling_per_output_channel=True),
    "bipolar": lambda: _sign_mlp(quant.SignedBinaryWeightPerTensorConst, quant.SignedBinaryActPerTensorConst),
    "ternary": lambda: _sign_mlp(quant.SignedTernaryWeightPerTensorConst, quant.SignedTernaryActPerTensorConst),
    "batch-norm": _with_batch_norm,
    "integer-bias": _integer_bias,
    "power-of-two": _power_of_two,
    "quantizers-inside": _quantizers_inside_the_layer,
    "zero-points": _zero_points,
    "functions": _functions,
    "nested": _Nested,
}


def _trained(name: str, seed: int) -> nn.Module:
    """The model with observed activation ranges and random statistics, in evaluation mode."""
    torch.manual_seed(seed)
    model = MODELS[name]()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm1d):
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    model.train()
    for _ in range(4):
        model(torch.randn(64, FEATURES))
    return model.eval()


def _exported(model: nn.Module, path: Path, exporter: str) -> Graph:
    function = export_onnx_qcdq if exporter.startswith("qcdq") else export_qonnx
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(model, args=torch.randn(1, FEATURES), export_path=str(path), dynamo=exporter.endswith("dynamo"))
    return read_onnx(path).require()


def _brevitas(model: nn.Module, x: np.ndarray) -> np.ndarray:
    """Brevitas's own numbers."""
    with torch.no_grad():
        y = model(torch.from_numpy(x.astype(np.float32)))
    return getattr(y, "value", y).double().numpy()


def _clear(graph: Graph, values: Mapping[Value, np.ndarray], samples: int) -> np.ndarray:
    """Which samples stay away from the boundaries of all quantizers by a thousandth of a step."""
    clear = np.ones(samples, dtype=bool)
    for node in graph.nodes:
        if node.op != "quantize" or node.inputs[0].producer.op == "constant":
            continue
        format_ = node.output.type.format
        assert isinstance(format_, Quantized) and format_.axis is None
        steps = values[node.inputs[0]] / float(format_.scales[0])
        if format_.bipolar:
            distance = np.abs(steps)
        else:
            limited = np.clip(steps, format_.low - format_.zeros[0], format_.high - format_.zeros[0])
            distance = np.abs(np.abs(limited - np.rint(limited)) - 0.5)
        clear &= (distance > 1e-3).all(axis=tuple(range(1, distance.ndim)))
    return clear


def _samples(seed: int, count: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, FEATURES)).astype(np.float32).astype(np.float64)


def _assert_agree(found: np.ndarray, wanted: np.ndarray, clear: np.ndarray, *, exact: bool) -> None:
    if exact:
        assert np.array_equal(found, wanted)
        return
    assert clear.mean() > 0.5
    np.testing.assert_allclose(found[clear], wanted[clear], rtol=0, atol=2e-6 * np.abs(wanted).max())


def _assert_equal(graph: Graph, model: nn.Module, name: str, seed: int) -> None:
    check(graph)
    x = _samples(seed)
    values = evaluate(graph, {graph.inputs[0].name: x})
    clear = _clear(graph, values, len(x))
    _assert_agree(values[graph.outputs[0]], _brevitas(model, x), clear, exact=name == "power-of-two")


QUICK = ("4-bit", "nested", "power-of-two")
NAMES = [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODELS]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_both_qonnx_exports_compute_what_brevitas_computes(name: str, exporter: str, tmp_path: Path, seed: int) -> None:
    model = _trained(name, seed)
    _assert_equal(_exported(model, tmp_path / "m.onnx", exporter), model, name, seed)


@pytest.mark.parametrize("name", [n for n in NAMES if "bipolar" not in str(n)])  # Brevitas: "Binary quant not supported"
@pytest.mark.parametrize("exporter", ["qcdq", "qcdq-dynamo"])
def test_qcdq_exports_compute_what_brevitas_computes(name: str, exporter: str, tmp_path: Path, seed: int) -> None:
    if (name, exporter) == ("integer-bias", "qcdq-dynamo"):
        exporter = "qcdq"  # Brevitas has no quantized bias there
    model = _trained(name, seed)
    _assert_equal(_exported(model, tmp_path / "m.onnx", exporter), model, name, seed)


@pytest.mark.parametrize("name", MODELS)
def test_a_module_computes_what_brevitas_computes(name: str, seed: int) -> None:
    model = _trained(name, seed)
    _assert_equal(read_module(model, torch.zeros(5, FEATURES), name), model, name, seed)


@pytest.mark.parametrize("name", MODELS)
def test_lowered_integers_stand_for_the_numbers_of_brevitas(name: str, seed: int) -> None:
    """On the inputs that the input quantizer knows, the integer graph's outputs are Brevitas's, code by code."""
    model = _trained(name, seed)
    graph = read_module(model, torch.zeros(1, FEATURES), name)
    lowered = lower(graph)
    format_ = lowered.graph.inputs[0].type.format
    assert isinstance(format_, Integer)
    codes = np.random.default_rng(seed).integers(format_.low, format_.high + 1, (200, FEATURES))
    out = evaluate(lowered.graph, {lowered.graph.inputs[0].name: codes})[lowered.graph.outputs[0]]
    x = format_.decode(codes)
    clear = _clear(lowered.quantized, evaluate(lowered.quantized, {lowered.quantized.inputs[0].name: x}), len(x))
    _assert_agree(out, _brevitas(model, x), clear, exact=name == "power-of-two")


def test_names_are_those_of_the_modules() -> None:
    graph = read_module(_trained("nested", 1), torch.zeros(1, FEATURES), "net")
    assert graph.name == "net"
    assert [v.name for v in graph.inputs] == ["image"]
    assert {v.name for v in graph.values()} >= {"inp", "fc1", "fc1.weight", "fc1.weight_quant", "body.0", "body.1", "out"}
    assert [n.path for n in graph.nodes if n.op == "linear"] == ["fc1", "out"]
    check(graph)


def test_the_module_is_left_as_it_was() -> None:
    model = _trained("nested", 1).train()
    model.body.eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    x = torch.randn(9, FEATURES)
    modes = [m.training for m in model.modules()]
    read_module(model, x)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    y = model.eval()(x)
    read_module(model, x)
    assert torch.equal(model(x), y)


def test_nothing_is_written_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    read_module(_trained("4-bit", 1), torch.zeros(1, FEATURES))
    assert capfd.readouterr().out == ""


def test_plain_modules_do_not_go_through_brevitas() -> None:
    assert not has_brevitas_layers(nn.Sequential(nn.Linear(2, 2)))
    assert has_brevitas_layers(nn.Sequential(nn.Sequential(qnn.QuantReLU())))
    graph = read_module(nn.Sequential(nn.Linear(FEATURES, 2)), torch.zeros(1, FEATURES))
    assert [n.op for n in graph.nodes] == ["input", "constant", "constant", "linear"]


def test_a_scale_that_follows_the_input_is_refused() -> None:
    quantizers = pytest.importorskip("brevitas_examples.common.generative.quantizers")
    dynamic = qnn.QuantIdentity(act_quant=quantizers.Int8DynamicActPerTensorFloat)
    model = nn.Sequential(dynamic, qnn.QuantLinear(FEATURES, 2, bias=False))
    with pytest.raises(HwgenError, match="fixed scale"):
        read_brevitas(model.eval(), torch.randn(1, FEATURES))


def test_what_brevitas_cannot_export_is_refused_in_one_line() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q = qnn.QuantIdentity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError(f"first line of {x.ndim} axes\nsecond line")

    with pytest.raises(HwgenError, match="first line") as caught:
        read_brevitas(Odd(), torch.zeros(1, FEATURES))
    assert "second" not in str(caught.value)
