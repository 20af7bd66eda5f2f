"""Every spelling of QONNX's quantizers that files use is read as the same function as QONNX's own execution.

The referee computes with QONNX's functions in float64, on the operands that the file holds in float32; so does the graph,
and the results must be equal, not close.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwgen.errors import HwgenError
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.ir.graph import Graph
from hwgen.ops.run import evaluate

pytest.importorskip("qonnx")
from qonnx.custom_op.general.bipolar_quant import binary_quant
from qonnx.custom_op.general.intquant import int_quant
from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

FEATURES = 6
DOMAINS = ["qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas", "finn", "qonnx"]
ROUNDINGS = ["ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]


def _model(
    path: Path, op: str, operands: Sequence[np.ndarray], *, domain: str = DOMAINS[0], declared: bool = True,
    version: int = 1, weight: np.ndarray | None = None, **attributes: object,
) -> Path:
    """A file with one quantizer: of the input, or of ``weight`` in a Gemm."""
    names = [f"p{i}" for i in range(len(operands))]
    stored = [numpy_helper.from_array(np.asarray(a, dtype=np.float32), n) for a, n in zip(operands, names, strict=True)]
    quantized = "weight" if weight is not None else "x"
    outputs = FEATURES
    nodes = [helper.make_node(op, [quantized, *names], ["q"], name="quantizer", domain=domain, **attributes)]
    result = "q"
    if weight is not None:
        stored.append(numpy_helper.from_array(weight, "weight"))
        nodes.append(helper.make_node("Gemm", ["x", "q"], ["y"], name="fc", transB=1))
        result, outputs = "y", weight.shape[0]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["batch", outputs])], stored,
    )
    opsets = [helper.make_opsetid("", 13), *([helper.make_opsetid(domain, version)] if declared else [])]
    onnx.save(helper.make_model(graph, opset_imports=opsets), path)
    return path


def _graph(path: Path) -> Graph:
    return read_onnx(path).require()


def _run(graph: Graph, x: np.ndarray) -> np.ndarray:
    return evaluate(graph, {graph.inputs[0].name: x})[graph.outputs[0]]


def _inputs(seed: int, scale: float) -> np.ndarray:
    """Values around the whole range of codes, exact ties and codes among them, and zero."""
    rng = np.random.default_rng(seed)
    steps = np.concatenate([rng.normal(0, 9, 120), rng.integers(-40, 40, 60) / 2, [0.0, -0.0, 1e6, -1e6, 0.5, -0.5]])
    return (steps.astype(np.float32) * np.float32(scale)).astype(np.float64).reshape(-1, FEATURES)


def _float64(*values: Any) -> list[np.ndarray]:
    return [np.asarray(v, dtype=np.float32).astype(np.float64) for v in values]


@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
@pytest.mark.parametrize("declared", [True, False], ids=["opset-declared", "opset-forgotten"])
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_quantizer_means_the_same_in_every_domain(domain: str, declared: bool, op: str, tmp_path: Path, seed: int) -> None:
    scale, zero, bits = 0.37, 0.0, 4.0
    path = _model(
        tmp_path / "m.onnx", op, [scale, zero, bits], domain=domain, declared=declared, signed=1, narrow=0, rounding_mode="ROUND"
    )
    x = _inputs(seed, scale)
    assert np.array_equal(_run(_graph(path), x), int_quant(x, *_float64(scale, zero, bits), 1, 0, "ROUND"))


@pytest.mark.parametrize("spelling", [str.upper, str.lower, str.title], ids=["upper", "lower", "title"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_rounding_modes_are_read_in_any_case(rounding: str, spelling: Callable[[str], str], tmp_path: Path, seed: int) -> None:
    scale, zero, bits = 0.25, 0.0, 5.0
    path = _model(tmp_path / "m.onnx", "Quant", [scale, zero, bits], signed=1, narrow=0, rounding_mode=spelling(rounding))
    x = _inputs(seed, scale)
    assert np.array_equal(_run(_graph(path), x), int_quant(x, *_float64(scale, zero, bits), 1, 0, rounding))


def test_round_to_zero_drops_the_fraction(tmp_path: Path, seed: int) -> None:
    path = _model(tmp_path / "m.onnx", "Quant", [0.5, 0.0, 6.0], signed=1, narrow=0, rounding_mode="ROUND_TO_ZERO")
    x = _inputs(seed, 0.5)
    assert np.array_equal(_run(_graph(path), x), np.trunc(np.clip(x / 0.5, -32, 31)) * 0.5)


@pytest.mark.parametrize("narrow", [0, 1])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("zero", [0, 3])
def test_ranges_follow_bits_sign_and_narrow(zero: int, bits: int, signed: int, narrow: int, tmp_path: Path, seed: int) -> None:
    scale = 0.0813
    path = _model(tmp_path / "m.onnx", "Quant", [scale, zero, bits], signed=signed, narrow=narrow, rounding_mode="ROUND")
    x = np.concatenate([_inputs(seed, scale), _inputs(seed + 1, scale * 2**bits)])
    assert np.array_equal(_run(_graph(path), x), int_quant(x, *_float64(scale, zero, bits), signed, narrow, "ROUND"))


def test_one_bit_unsigned_is_zero_and_one(tmp_path: Path, seed: int) -> None:
    path = _model(tmp_path / "m.onnx", "Quant", [0.5, 0.0, 1.0], signed=0, narrow=0, rounding_mode="ROUND")
    x = _inputs(seed, 0.5)
    result = _run(_graph(path), x)
    assert np.array_equal(result, int_quant(x, *_float64(0.5, 0.0, 1.0), 0, 0, "ROUND"))
    assert set(np.unique(result)) == {0.0, 0.5}


@pytest.mark.parametrize("op", ["Quant", "BipolarQuant"])
@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_one_bit_signed_is_the_sign_and_zero_is_positive(op: str, scale: float, tmp_path: Path, seed: int) -> None:
    if op == "Quant":
        path = _model(tmp_path / "m.onnx", op, [scale, 0.0, 1.0], signed=1, narrow=1, rounding_mode="ROUND")
    else:
        path = _model(tmp_path / "m.onnx", op, [scale])
    x = _inputs(seed, scale)
    x[0, :2] = 0.0, -0.0
    result = _run(_graph(path), x)
    assert np.array_equal(result, binary_quant(x, *_float64(scale)))
    assert np.array_equal(result[0, :2], _float64([scale, scale])[0])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (FEATURES,), (1, FEATURES)], ids=str)
def test_scales_of_an_activation_have_any_shape_that_broadcasts(shape: tuple[int, ...], tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.05, 0.5, shape).astype(np.float32)
    path = _model(tmp_path / "m.onnx", "Quant", [scale, 0.0, 4.0], signed=1, narrow=1, rounding_mode="ROUND")
    x = _inputs(seed, 0.2)
    assert np.array_equal(_run(_graph(path), x), int_quant(x, *_float64(scale, 0.0, 4.0), 1, 1, "ROUND"))


@pytest.mark.parametrize("op", ["Quant", "BipolarQuant"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (4, 1), (1, FEATURES)], ids=str)
def test_scales_of_a_weight_have_any_shape_that_broadcasts(
    shape: tuple[int, ...], op: str, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.05, 0.5, shape).astype(np.float32)
    weight = rng.normal(0, 1, (4, FEATURES)).astype(np.float32)
    if op == "Quant":
        operands, attributes = [scale, 0.0, 4.0], {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
        wanted = int_quant(weight.astype(np.float64), *_float64(scale, 0.0, 4.0), 1, 1, "ROUND")
    else:
        operands, attributes = [scale], {}
        wanted = binary_quant(weight.astype(np.float64), *_float64(scale))
    path = _model(tmp_path / "m.onnx", op, operands, weight=weight, **attributes)
    # the identity as input shows the weights themselves
    assert np.array_equal(_run(_graph(path), np.eye(FEATURES)), wanted.T)


@pytest.mark.parametrize("rounding", ["FLOOR", "ROUND", "CEIL", "DOWN", "HALF_UP"])
@pytest.mark.parametrize(("bits", "out_bits"), [(8, 8), (8, 4), (12, 3)])
def test_trunc_of_version_1_divides_by_bits_and_keeps_the_scale(
    bits: int, out_bits: int, rounding: str, tmp_path: Path, seed: int
) -> None:
    scale = 0.125
    path = _model(tmp_path / "m.onnx", "Trunc", [scale, 0.0, bits, out_bits], rounding_mode=rounding)
    codes = np.array([Random(seed).randint(-(1 << bits - 1), (1 << bits - 1) - 1) for _ in range(20 * FEATURES)])
    x = (codes * scale).reshape(-1, FEATURES)
    assert np.array_equal(_run(_graph(path), x), trunc_v1(x, *_float64(scale, 0.0, bits, out_bits), rounding))


@pytest.mark.parametrize("rounding", ["FLOOR", "ROUND"])
@pytest.mark.parametrize(("signed", "narrow"), [(1, 0), (1, 1), (0, 0), (0, 1)])
@pytest.mark.parametrize("ratio", [1, 4, 16])
def test_trunc_of_version_2_divides_by_scales_and_clips(
    ratio: int, signed: int, narrow: int, rounding: str, tmp_path: Path, seed: int
) -> None:
    scale, bits, out_bits = 0.11, 10, 4
    out_scale = np.float32(scale) * ratio
    path = _model(
        tmp_path / "m.onnx", "Trunc", [scale, 0.0, bits, out_scale, out_bits], version=2,
        signed=signed, narrow=narrow, rounding_mode=rounding,
    )
    # QONNX's second version has six inputs: x, scale, zero point, input bits, output scale, output bits
    codes = np.array([Random(seed).randint(-512, 511) for _ in range(20 * FEATURES)])
    x = (codes * float(np.float32(scale))).reshape(-1, FEATURES)
    wanted = trunc_v2(x, *_float64(scale, 0.0, bits), narrow, signed, *_float64(out_scale, out_bits), rounding)
    assert np.array_equal(_run(_graph(path), x), wanted)


QUANT = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}


@pytest.mark.parametrize(
    ("operands", "attributes", "reason"),
    [
        ([0.0, 0.0, 4.0], QUANT, "scale"),
        ([-0.5, 0.0, 4.0], QUANT, "scale"),
        ([0.5, 0.25, 4.0], QUANT, "zero point"),
        ([0.5, 0.0, 0.0], QUANT, "bit width"),
        ([0.5, 0.0, 4.5], QUANT, "bit width"),
        ([0.5, 0.0, 65.0], QUANT, "bit width"),
        ([0.5, 0.0, [4.0, 4.0, 4.0, 4.0, 4.0, 2.0]], QUANT, "bit width"),
        ([0.5, 1.0, 1.0], QUANT, "zero point"),
        ([[0.5, 0.25], 0.0, 4.0], QUANT, "scale"),
        ([0.5, 0.0, 4.0], {**QUANT, "rounding_mode": "NEAREST"}, "rounding_mode"),
        ([0.5, 0.0, 4.0], {**QUANT, "signed": 2}, "signed"),
        ([0.5, 0.0, 4.0], {"signed": 1, "rounding_mode": "ROUND"}, "narrow"),
        ([0.5, 0.0, 4.0], {**QUANT, "flavour": 1}, "flavour"),
    ],
    ids=lambda v: None if isinstance(v, dict) else str(v),
)
def test_a_quantizer_without_a_meaning_is_refused_by_name(
    operands: list[Any], attributes: dict[str, object], reason: str, tmp_path: Path
) -> None:
    path = _model(tmp_path / "m.onnx", "Quant", operands, **attributes)
    with pytest.raises(HwgenError, match=reason) as caught:
        _graph(path)
    assert "quantizer" in caught.value.where


def test_a_quantizer_of_an_unknown_domain_is_refused(tmp_path: Path) -> None:
    path = _model(tmp_path / "m.onnx", "Quant", [0.5, 0.0, 4.0], domain="com.example", **QUANT)
    with pytest.raises(HwgenError, match=r"com\.example"):
        _graph(path)
