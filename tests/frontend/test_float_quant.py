"""QONNX FloatQuant comes in as what QONNX and Brevitas execute, from files and from Brevitas modules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.formats import Block, parse_quantizer
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.ir.graph import Graph
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.run import evaluate

FEATURES, OUTPUTS = 24, 6


def _file(
    path: Path, weight: np.ndarray, scale: object, exponent: int, mantissa: int, bias: int, greatest: float | None,
    **attributes: object,
) -> Path:
    """A linear layer whose weight is quantized by FloatQuant; attributes: other than the usual ones."""
    given = {"p0": scale, "p1": exponent, "p2": mantissa, "p3": bias} | ({} if greatest is None else {"p4": greatest})
    stored = [numpy_helper.from_array(np.asarray(v, dtype=np.float32), n) for n, v in given.items()]
    flags = {"has_inf": 0, "has_nan": 0, "has_subnormal": 1, "saturation": 1, "rounding_mode": "ROUND"} | attributes
    nodes = [
        helper.make_node("FloatQuant", ["weight", *given], ["q"], name="quantizer", domain="qonnx.custom_op.general", **flags),
        helper.make_node("Gemm", ["x", "q"], ["y"], name="fc", transB=1),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", OUTPUTS])],
        [*stored, numpy_helper.from_array(weight, "weight")],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 2)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), path)
    return path


def _weight(seed: int) -> np.ndarray:
    """Of all magnitudes, ties and members among them."""
    random = np.random.default_rng(seed)
    data = random.normal(size=(OUTPUTS, FEATURES)) * np.exp2(random.integers(-12, 6, (OUTPUTS, FEATURES)))
    data[0] = random.integers(-40, 40, FEATURES) / 16
    return data.astype(np.float32)


def _text(graph: Graph) -> str:
    (format_,) = (n.attrs.format for n in graph.nodes if isinstance(n.attrs, QuantizeAttrs))
    return str(format_)


@pytest.mark.parametrize(
    ("exponent", "mantissa", "bias", "greatest", "flags", "text"),
    [
        (4, 3, 7, 448.0, {"has_nan": 1}, "minifloat<4,3,fn>"),
        (5, 2, 15, 57344.0, {"has_inf": 1, "has_nan": 1}, "minifloat<5,2,ieee>"),
        (3, 2, 3, 28.0, {}, "minifloat<3,2>"), (2, 1, 1, None, {}, "minifloat<2,1>"),
        (4, 3, 9, 60.0, {}, "minifloat<4,3,bias=9,max=60>"),
        (4, 3, 7, 240.0, {}, "minifloat<4,3,max=240>"), (3, 2, 3, 1e9, {"has_subnormal": 0}, "minifloat<3,2>"),
        (3, 2, 3, 30.0, {}, "minifloat<3,2>"), (4, 2, 7, None, {"rounding_mode": "floor"}, "minifloat<4,2,trn>"),
        (4, 2, 7, None, {"rounding_mode": "CEIL"}, "minifloat<4,2,ceil>"),
    ],
)
def test_a_file_is_what_qonnx_executes(
    tmp_path: Path, exponent: int, mantissa: int, bias: int, greatest: float | None, flags: dict[str, object], text: str, seed: int
) -> None:
    quantizer = pytest.importorskip("qonnx.custom_op.general.floatquant").float_quant
    weight = _weight(seed)
    for scale in (np.ones((), np.float32), np.float32(0.25) * np.exp2(np.arange(OUTPUTS, dtype=np.float32))[:, None]):
        graph = read_onnx(_file(tmp_path / "m.onnx", weight, scale, exponent, mantissa, bias, greatest, **flags)).require()
        assert _text(graph).startswith(text)
        mode = str(flags.get("rounding_mode", "ROUND"))
        theirs = quantizer(weight.copy(), scale, exponent, mantissa, bias, max_val=greatest, rounding_mode=mode)
        node = next(n for n in graph.nodes if n.op == "quantize")
        assert isinstance(node.attrs, QuantizeAttrs) and not isinstance(node.attrs.format, Block)
        assert np.array_equal(node.attrs.format.quantize_real(weight), theirs)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exponent": 0}, "exponent"), ({"greatest": 441.0}, "no normal member"), ({"bias": 7.5}, "not a whole number"),
        ({"scale": [0.0]}, "not a positive number"),
        ({"rounding_mode": "SIDEWAYS"}, "rounding_mode"), ({"saturation": 2}, "0 or 1"),
        ({"has_inf": 1, "greatest": 448.0}, "no normal member"), ({"saturation": 0}, "no infinity and no NaN"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_node(tmp_path: Path, changes: dict[str, object], why: str) -> None:
    given: dict[str, object] = {"scale": 1.0, "exponent": 4, "mantissa": 3, "bias": 7, "greatest": 480.0} | changes
    with pytest.raises(HwgenError, match=why) as caught:
        read_onnx(_file(tmp_path / "m.onnx", _weight(1), **given)).require()  # pyright: ignore[reportArgumentType]
    assert "quantizer" in str(caught.value)


def _brevitas() -> tuple[object, ...]:
    pytest.importorskip("brevitas")
    from brevitas.quant import float_quant_ocp as ocp

    return (
        ocp.Fp8e4m3OCPWeight, ocp.Fp8e5m2OCPWeight, ocp.Fp8e4m3OCPWeightPerTensorFloat, ocp.Fp8e5m2OCPWeightPerTensorFloat,
        ocp.Fp8e4m3OCPWeightPerChannelFloat,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("index", range(5))
def test_brevitas_modules_import_and_lower_with_the_weights_that_brevitas_has(index: int, seed: int) -> None:
    torch = pytest.importorskip("torch")
    quantizer = _brevitas()[index]
    import brevitas.nn as qnn

    from hwgen.frontend.brevitas_modules import read_module

    torch.manual_seed(seed)
    layer = qnn.QuantLinear(FEATURES, OUTPUTS, bias=False, weight_quant=quantizer)
    module = torch.nn.Sequential(qnn.QuantIdentity(bit_width=8), layer).eval()
    graph = read_module(module, torch.randn(1, FEATURES))
    node = next(n for n in graph.nodes if n.path.endswith("weight_quant") and n.op == "quantize")
    assert isinstance(node.attrs, QuantizeAttrs) and not isinstance(node.attrs.format, Block)
    weight = layer.weight.detach().numpy()
    assert np.array_equal(node.attrs.format.quantize_real(weight), layer.quant_weight().value.detach().numpy())
    x = np.random.default_rng(seed).normal(size=(40, FEATURES))
    lowered = lower(graph)
    real = evaluate(graph, {graph.inputs[0].name: x})[graph.outputs[0]]
    assert lowered.quantizers and np.isfinite(real).all()


@pytest.mark.filterwarnings("ignore")
def test_microscaling_weights_are_those_of_brevitas(seed: int) -> None:
    torch = pytest.importorskip("torch")
    qnn = pytest.importorskip("brevitas.nn")
    from brevitas.quant.mx_quant_ocp import MXFloat8e4m3Weight

    torch.manual_seed(seed)
    layer = qnn.QuantLinear(70, 9, bias=False, weight_quant=MXFloat8e4m3Weight)
    with torch.no_grad():
        layer.weight.mul_(torch.exp2(torch.randint(-8, 8, layer.weight.shape)))
    theirs = layer.quant_weight().value.detach().numpy()
    assert np.array_equal(parse_quantizer("mxfp8<e4m3>").quantize_real(layer.weight.detach().numpy()), theirs)
