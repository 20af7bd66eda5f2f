"""What FINN and hls4ml get wrong of QONNX and ONNX files: equal to exact arithmetic on torch's whole sums, code for code."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from peers.support import OnnxFile, integers_of_file
from torch.nn import functional

from hwgen.errors import HwgenError
from hwgen.formats import IntArray
from hwgen.ir.graph import Array

IMAGE = (1, 3, 6, 8)
WHOLE = 1.0
Torch = Callable[[torch.Tensor], torch.Tensor]


def whole(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)


def torch_of(codes: IntArray, function: Torch) -> Array:
    return function(torch.tensor(codes, dtype=torch.float64)).numpy()


def rounded(values: Array, scale: Fraction, low: int, high: int) -> Array:
    """Half to even, in rational arithmetic.  values: whole numbers as floats times ``scale``."""
    table = {v: min(max(round(Fraction(v) * scale), low), high) for v in np.unique(values).tolist()}
    return np.vectorize(table.__getitem__)(values)


@pytest.mark.parametrize("shift", [1, 2, 4])
@pytest.mark.parametrize("signed", [False, True])
def test_ties_after_a_convolution_go_to_the_even_code(shift: int, signed: bool, tmp_path: Path, seed: int) -> None:
    """Scales that are powers of two: a good part of all sums lies in the middle of two codes."""
    weight = whole(seed, 4, 3, 3, 3)
    file = OnnxFile(tmp_path / "m.onnx", IMAGE)
    x = file.quant("x", WHOLE, 4)
    w = file.quant(file.constant(weight), WHOLE, 4)
    sums = file.add("Conv", [x, w], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    codes, found, _ = integers_of_file(file.save(file.quant(sums, 2.0**shift, 6, signed=signed)), seed)
    exact = torch_of(codes, lambda t: functional.conv2d(t, torch.tensor(weight).double(), padding=1))
    ties = np.mod(exact, 2**shift) == 2 ** (shift - 1)
    low, high = (-32, 31) if signed else (0, 63)
    wanted = rounded(exact, Fraction(1, 2**shift), low, high)
    assert ties.mean() > 2.0 ** -(shift + 2)
    assert np.array_equal(found, wanted * 2.0**shift)
    assert (wanted != np.clip(np.floor(exact / 2**shift + 0.5), low, high)).any(), "half up would have done as well"


def test_ties_of_a_negative_gain_go_to_the_even_code(tmp_path: Path, seed: int) -> None:
    weight = whole(seed, 4, 3, 1, 1)
    gain = np.array([-1, 1, -0.5, 0.5], np.float32).reshape(1, 4, 1, 1)
    file = OnnxFile(tmp_path / "m.onnx", IMAGE)
    sums = file.add("Conv", [file.quant("x", WHOLE, 4), file.quant(file.constant(weight), WHOLE, 4)], kernel_shape=[1, 1])
    codes, found, _ = integers_of_file(file.save(file.quant(file.add("Mul", [sums, file.constant(gain)]), 2.0, 4)), seed)
    exact = torch_of(codes, lambda t: functional.conv2d(t, torch.tensor(weight).double()) * torch.tensor(gain).double())
    assert np.array_equal(found, rounded(exact * 2, Fraction(1, 4), -8, 7) * 2.0)


def test_scales_that_are_no_powers_of_two_are_the_rationals_of_the_file(tmp_path: Path, seed: int) -> None:
    weight, scales = whole(seed, 4, 3, 3, 3), [np.float32(s) for s in (0.3, 0.07, 0.17)]
    file = OnnxFile(tmp_path / "m.onnx", IMAGE)
    x, w = file.quant("x", float(scales[0]), 4), file.quant(file.constant(weight * scales[1]), float(scales[1]), 4)
    sums = file.add("Conv", [x, w], kernel_shape=[3, 3], strides=[2, 2])
    codes, found, _ = integers_of_file(file.save(file.quant(sums, float(scales[2]), 8)), seed)
    exact = torch_of(codes, lambda t: functional.conv2d(t, torch.tensor(weight).double(), stride=2))
    wanted = rounded(exact, Fraction(float(scales[0])) * Fraction(float(scales[1])) / Fraction(float(scales[2])), -128, 127)
    assert np.array_equal(found, wanted * float(scales[2])) and len(np.unique(wanted)) > 5


AFTER: dict[str, tuple[Callable[[OnnxFile, str], str], Torch, float]] = {
    # what stands between two quantizers, in ONNX and in torch, and the scale of the second
    "GlobalAveragePool": (lambda f, x: f.add("GlobalAveragePool", [x]), lambda t: t.mean((2, 3), keepdim=True), 0.25),
    "AveragePool": (
        lambda f, x: f.add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2]), lambda t: functional.avg_pool2d(t, 2), 0.5,
    ),
    "AveragePool, padded": (
        lambda f, x: f.add("AveragePool", [x], kernel_shape=[4, 2], pads=[1, 0, 1, 0], count_include_pad=1),
        lambda t: functional.avg_pool2d(t, (4, 2), 1, (1, 0)), 0.5,
    ),
    "MaxPool, ceil_mode": (
        lambda f, x: f.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        lambda t: functional.max_pool2d(t, 3, 2, ceil_mode=True), 1.0,
    ),
    "Upsample": (
        lambda f, x: f.add("Upsample", [x, f.constant([1, 1, 2, 2])], mode="nearest"),
        lambda t: functional.interpolate(t, scale_factor=2.0), 2.0,
    ),
    "ReduceMean": (lambda f, x: f.add("ReduceMean", [x], axes=[1], keepdims=1), lambda t: t.mean(1, keepdim=True), 0.5),
    "ReduceSum": (lambda f, x: f.add("ReduceSum", [x, f.constant([3], np.int64)]), lambda t: t.sum(3, keepdim=True), 2.0),
    "1 - x": (lambda f, x: f.add("Sub", [f.constant(1.0), x]), lambda t: 1 - t, 2.0),
    "Concat with the input": (
        lambda f, x: f.add("Concat", [x, f.add("Relu", [x])], axis=1), lambda t: torch.cat([t, t.relu()], 1), 2.0,
    ),
    "Add with the input": (lambda f, x: f.add("Add", [x, f.add("Relu", [x])]), lambda t: t + t.relu(), 4.0),
}  # fmt: skip


@pytest.mark.parametrize("name", AFTER)
def test_operators_between_quantizers_equal_torch(name: str, tmp_path: Path, seed: int) -> None:
    onnx_of, function, scale = AFTER[name]
    file = OnnxFile(tmp_path / "m.onnx", IMAGE, opset=9 if name == "Upsample" else 13)
    between = onnx_of(file, file.quant("x", WHOLE, 4))
    codes, found, _ = integers_of_file(file.save(file.quant(between, scale, 8)), seed)
    sums = np.rint(torch_of(codes, function) * 48)  # 48 times a mean of 2, 3, 4, 8 or 48 is whole
    assert np.array_equal(found, rounded(sums, 1 / (48 * Fraction(scale)), -128, 127) * scale)


@pytest.mark.parametrize("op", ["LayerNormalization", "InstanceNormalization", "LSTM"])
def test_what_has_no_exact_integers_is_refused_with_the_reason(op: str, tmp_path: Path) -> None:
    file = OnnxFile(tmp_path / "m.onnx", IMAGE, opset=17)
    made = file.add(op, [file.quant("x", WHOLE, 4), file.constant(np.ones(3)), file.constant(np.zeros(3))])
    with pytest.raises(HwgenError, match=r"divides by a deviation|keeps a state"):
        integers_of_file(file.save(made), 0)
