"""Convolutions and pools as ONNX, QONNX, torch and Brevitas write them: the same numbers, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hwgen.errors import HwgenError
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.ops.run import evaluate

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
runtime = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from hwgen.frontend.torch_export import read_torch  # noqa: E402

Array = npt.NDArray[Any]
CASES = 60


def drawn(random: Random, count: int, low: int, high: int) -> list[int]:
    return [random.randint(low, high) for _ in range(count)]


def integers(random: Random, shape: list[int]) -> Array:
    return np.random.default_rng(random.getrandbits(32)).integers(-6, 7, shape).astype(np.float32)


def file(
    path: Path, op: str, x: Array, weights: dict[str, Array], attributes: dict[str, Any], *, opset: int = 19, domain: str = ""
) -> Path:
    """A model of one node."""
    node = helper.make_node(op, ["x", *weights], ["y"], name="layer", domain=domain, **attributes)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(w, name) for name, w in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def ours(path: Path, x: Array) -> Array:
    graph = read_onnx(path).require()
    return evaluate(graph, {graph.inputs[0].name: x.astype(np.float64)}, graph.outputs)[graph.outputs[0]]


def theirs(path: Path, x: Array) -> Array:
    """ONNX Runtime's result."""
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def padding(random: Random, most: list[int]) -> dict[str, Any]:
    """Pads, in words or numbers."""
    match random.choice(("none", "numbers", "words")):
        case "none":
            return {}
        case "numbers":
            return {"pads": [random.randint(0, m) for m in most * 2]}
        case _:
            return {"auto_pad": random.choice(("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"))}


def random_conv(random: Random) -> tuple[str, Array, dict[str, Array], dict[str, Any]]:
    rank, groups, inputs, outputs = random.choice((1, 2)), random.choice((1, 1, 2)), random.randint(1, 2), random.randint(1, 2)
    kernel = drawn(random, rank, 1, 4)
    transposed = random.random() < 0.5
    shape = [groups * inputs, outputs, *kernel] if transposed else [groups * outputs, inputs, *kernel]
    x, weights = integers(random, [1, groups * inputs, *drawn(random, rank, 1, 8)]), {"w": integers(random, shape)}
    if random.random() < 0.5:
        weights["b"] = integers(random, [groups * outputs])
    attributes: dict[str, Any] = {"group": groups}
    if random.random() < 0.6:
        attributes |= {"strides": drawn(random, rank, 1, 3)}
    if random.random() < 0.4:
        attributes |= {"dilations": drawn(random, rank, 1, 2)}
    if random.random() < 0.5:
        attributes |= {"kernel_shape": kernel}
    attributes |= padding(random, [2] * rank)
    if attributes.get("auto_pad", "")[:4] == "SAME":
        attributes.pop("dilations", None)  # ONNX Runtime has none there
    if transposed:
        strides = attributes.get("strides", [1] * rank)
        if random.random() < 0.5:
            attributes["output_padding"] = [random.randrange(s) for s in strides]
        if "pads" not in attributes and random.random() < 0.4:
            sizes = zip(x.shape[2:], strides, kernel, strict=True)
            attributes["output_shape"] = [(n - 1) * s + k - random.randint(0, 1) for n, s, k in sizes]
    return "ConvTranspose" if transposed else "Conv", x, weights, attributes


def test_convolutions_equal_onnx_runtime(tmp_path: Path, random: Random) -> None:
    compared, refused = {"Conv": 0, "ConvTranspose": 0}, []
    while min(compared.values()) < CASES:
        op, x, weights, attributes = random_conv(random)
        path = file(tmp_path / "m.onnx", op, x, weights, attributes)
        try:
            got = ours(path, x)
        except HwgenError as error:
            refused.append(str(error))
            continue
        wanted = theirs(path, x)
        assert got.shape == wanted.shape and np.array_equal(got, wanted), f"{op} {attributes} of {x.shape}"
        compared[op] += 1
    known = ("taps", "leave nothing", "where the kernel reaches", "output_shape", "export with an opset")
    assert all(any(k in one for k in known) for one in refused), refused


def test_pools_equal_onnx_runtime(tmp_path: Path, random: Random) -> None:
    compared, refused = 0, []
    while compared < 2 * CASES:
        rank, op = random.choice((1, 2)), random.choice(("MaxPool", "AveragePool"))
        kernel = drawn(random, rank, 1, 4)
        attributes: dict[str, Any] = {"kernel_shape": kernel, "ceil_mode": random.randint(0, 1)}
        attributes |= {"strides": drawn(random, rank, 1, 4)} if random.random() < 0.7 else {}
        attributes |= {"dilations": drawn(random, rank, 1, 2)} if random.random() < 0.3 else {}
        attributes |= {"count_include_pad": random.randint(0, 1)} if op == "AveragePool" else {"storage_order": 0}
        attributes |= padding(random, [k - 1 for k in kernel])
        if "auto_pad" in attributes:
            attributes["ceil_mode"] = 0
            attributes.pop("dilations", None)
        x = integers(random, [1, random.randint(1, 2), *drawn(random, rank, 1, 9)])
        path = file(tmp_path / "m.onnx", op, x, {}, attributes)
        try:
            got = ours(path, x)
        except HwgenError as error:
            refused.append(str(error))
            continue
        wanted = theirs(path, x)
        assert got.shape == wanted.shape and np.allclose(got, wanted, rtol=1e-6, atol=1e-6), f"{op} {attributes} of {x.shape}"
        compared += 1
    assert all("a window of" in one or "that skip positions" in one for one in refused), refused


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceSumSquare"])
@pytest.mark.parametrize("as_input", [False, True])
def test_reductions_equal_onnx_runtime(op: str, as_input: bool, tmp_path: Path, random: Random) -> None:
    for axes in ([1], [2, 3], [-1], [1, -1], [1, 2, 3]):
        for keep in (0, 1):
            x = integers(random, [1, 3, 4, 5])
            weights = {"axes": np.array(axes)} if as_input else {}
            attributes = {"keepdims": keep} | ({} if as_input else {"axes": axes})
            opset = 18 if as_input else 12
            path = file(tmp_path / "m.onnx", op, x, weights, attributes, opset=opset)
            assert np.allclose(ours(path, x), theirs(path, x), rtol=1e-6), f"{op} {axes}"


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools_equal_onnx_runtime(op: str, tmp_path: Path, random: Random) -> None:
    for size in ([7], [3, 5]):
        x = integers(random, [1, 3, *size])
        path = file(tmp_path / "m.onnx", op, x, {}, {})
        assert np.allclose(ours(path, x), theirs(path, x), rtol=1e-6)


LAST = "qonnx.custom_op.channels_last"


def test_wrappers_with_channels_last_equal_the_plain_operators(tmp_path: Path, random: Random) -> None:
    x, weight = integers(random, [1, 4, 5, 6]), integers(random, [3, 4, 2, 3])
    attributes = {"strides": [1, 2], "pads": [1, 0, 0, 1], "dilations": [1, 1], "group": 1, "kernel_shape": [2, 3]}
    plain = theirs(file(tmp_path / "p.onnx", "Conv", x, {"w": weight}, attributes), x)
    wrapped = file(tmp_path / "w.onnx", "Conv", np.moveaxis(x, 1, 3), {"w": np.moveaxis(weight, 1, 3)}, attributes, domain=LAST)
    assert np.array_equal(np.moveaxis(ours(wrapped, np.moveaxis(x, 1, 3)), 3, 1), plain)
    attributes = {"strides": [2, 2], "pads": [0, 0, 0, 0], "kernel_shape": [2, 2], "ceil_mode": 1}
    plain = theirs(file(tmp_path / "p.onnx", "MaxPool", x, {}, attributes), x)
    wrapped = file(tmp_path / "w.onnx", "MaxPool", np.moveaxis(x, 1, 3), {}, attributes, domain=LAST)
    assert np.array_equal(np.moveaxis(ours(wrapped, np.moveaxis(x, 1, 3)), 3, 1), plain)
    vectors = {n: np.random.default_rng(k).uniform(0.5, 2, 4).astype(np.float32) for k, n in enumerate(("g", "b", "m", "v"))}
    plain = theirs(file(tmp_path / "p.onnx", "BatchNormalization", x, vectors, {}), x)
    wrapped = file(tmp_path / "w.onnx", "BatchNormalization", np.moveaxis(x, 1, 3), vectors, {}, domain=LAST)
    assert np.allclose(np.moveaxis(ours(wrapped, np.moveaxis(x, 1, 3)), 3, 1), plain, rtol=1e-5)


SQUARE = {"w": np.ones((2, 2, 3, 3), np.float32)}


@pytest.mark.parametrize(
    ("op", "shape", "weights", "attributes", "says"),
    [
        ("Conv", [1, 2, 2, 2], SQUARE, {}, "a kernel of 3 taps"),
        ("Conv", [1, 3, 5, 5], SQUARE, {"group": 2}, "groups=2 with 3 input and 2 output channels"),
        ("Conv", [1, 2, 5, 5], SQUARE, {"auto_pad": "SAME"}, "auto_pad 'SAME'"),
        ("Conv", [1, 2, 5, 5], SQUARE, {"auto_pad": "SAME_UPPER", "pads": [1, 1, 1, 1]}, "give one of the two"),
        ("Conv", [1, 2, 5, 5], SQUARE, {"pads": [-1, 0, 0, 0]}, "at least 0"),
        ("Conv", [1, 2, 5, 5], SQUARE, {"pads": [1, 1]}, "pads [1, 1]"),
        ("Conv", [1, 2, 5, 5], SQUARE, {"strides": [0, 1]}, "strides [0, 1]"),
        ("Conv", [1, 2, 5, 5], SQUARE, {"kernel_shape": [2, 2]}, "kernel_shape [2, 2]"),
        ("Conv", [1, 2, 5, 5, 5], {"w": np.ones((2, 2, 3, 3, 3), np.float32)}, {}, "a tensor of shape (1, 2, 5, 5, 5)"),
        ("ConvTranspose", [1, 2, 5, 5], SQUARE, {"strides": [2, 2], "output_padding": [2, 0]}, "below the stride"),
        ("ConvTranspose", [1, 2, 5, 5], SQUARE, {"pads": [-1, 0, 0, 0]}, "at least 0"),
        ("ConvTranspose", [1, 2, 5, 5], SQUARE, {"output_shape": [9, 9]}, "where the kernel reaches [7, 7]"),
        ("ConvTranspose", [1, 3, 5, 5], SQUARE, {}, "3 input channels"),
        ("MaxPool", [1, 2, 5, 5], {}, {"kernel_shape": [6, 6]}, "a window of 6"),
        ("MaxPool", [1, 2, 5, 5], {}, {}, "kernel_shape is missing"),
        ("MaxPool", [1, 2, 5, 5], {}, {"kernel_shape": [2]}, "kernel_shape [2]"),
        ("AveragePool", [1, 2, 5, 5], {}, {"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}, "lies in the pads (2, 0)"),
        ("ReduceMean", [1, 2, 5, 5], {}, {}, "the batch axis as well"),
        ("ReduceL2", [1, 2, 5, 5], {}, {}, "use ReduceSumSquare"),
        ("ReduceMean", [1, 2, 5, 5], {"axes": np.array([7])}, {}, "axes [7]"),
    ],
)
def test_what_cannot_be_is_refused_by_the_layer_and_the_reason(
    op: str, shape: list[int], weights: dict[str, Array], attributes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    path = file(tmp_path / "m.onnx", op, np.zeros(shape, np.float32), weights, attributes)
    with pytest.raises(HwgenError) as caught:
        read_onnx(path).require()
    assert "'layer'" in str(caught.value) and says in str(caught.value) and "; " in str(caught.value)


class Calls(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


MODULES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "conv1d": (nn.Conv1d(3, 4, 3, stride=2, padding=2), (3, 9)),
    "conv1d same": (nn.Conv1d(3, 6, 4, padding="same", dilation=2, groups=3), (3, 9)),
    "conv2d same": (nn.Conv2d(2, 3, (3, 4), padding="same", bias=False), (2, 5, 6)),
    "conv2d valid": (nn.Conv2d(2, 3, 3, padding="valid"), (2, 5, 6)),
    "conv2d": (nn.Conv2d(4, 4, 3, stride=(2, 1), padding=(0, 2), groups=2), (4, 7, 6)),
    "transposed 1d": (nn.ConvTranspose1d(3, 2, 4, stride=2, padding=1), (3, 5)),
    "transposed 2d": (nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2), (4, 3, 5)),
    "max 1d": (nn.MaxPool1d(3, 2, 1, ceil_mode=True), (2, 8)),
    "max 2d": (nn.MaxPool2d(3, 2, 1, dilation=2), (2, 9, 8)),
    "average 1d": (nn.AvgPool1d(3, 2, 1, count_include_pad=False), (2, 8)),
    "average 2d": (nn.AvgPool2d((3, 2), 2, 1, ceil_mode=True, divisor_override=7), (2, 8, 7)),
    "adaptive average 1d": (nn.AdaptiveAvgPool1d(3), (2, 7)),
    "adaptive average 2d": (nn.AdaptiveAvgPool2d((4, None)), (2, 8, 3)),
    "adaptive max 2d": (nn.AdaptiveMaxPool2d((1, 1)), (2, 5, 4)),
    "global": (Calls(lambda x: x.mean((2, 3)) + x.amax((-1, -2)) - x.amin((2, 3))), (3, 4, 5)),
    "sums": (Calls(lambda x: (x * x).sum((1, 2), keepdim=True) + x.sum(1, keepdim=True)[:, :, :1]), (3, 4, 5)),
    "norm": (Calls(lambda x: x.square().sum(1)), (3, 4, 5)),
    "greatest": (Calls(lambda x: x.max(dim=2)[0]), (3, 4, 5)),
}


@pytest.mark.parametrize("name", MODULES)
def test_torch_modules_are_read_as_they_compute(name: str) -> None:
    module, shape = MODULES[name]
    module = module.double().eval()
    graph = read_torch(module, torch.zeros(1, *shape, dtype=torch.float64), "m")
    x = np.random.default_rng(3).normal(size=(4, *shape))
    with torch.no_grad():
        wanted = module(torch.tensor(x)).numpy()
    got = evaluate(graph, {graph.inputs[0].name: x}, graph.outputs)[graph.outputs[0]]
    assert got.shape == wanted.shape and np.allclose(got, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: functional.adaptive_avg_pool2d(x, (3, 4)), "3 adaptive windows of 8 positions have sizes [3, 4]"),
        (lambda x: functional.adaptive_avg_pool2d(x, (8, 4)), "have sizes [2] and steps [1, 2]"),
        (lambda x: x.norm(dim=1), "use (x * x).sum"),
        (lambda x: x.mean(), "the batch axis as well"),
        (lambda x: x.mean((0, 1)), "the batch axis as well"),
        (lambda x: functional.avg_pool2d(x, 2, padding=1, count_include_pad=False).sum(0), "the batch axis as well"),
    ],
)
def test_torch_calls_that_have_no_hardware_are_refused_with_the_reason(
    function: Callable[[torch.Tensor], torch.Tensor], says: str
) -> None:
    with pytest.raises(HwgenError) as caught:
        read_torch(Calls(function), torch.zeros(1, 2, 8, 6), "m")
    assert says in str(caught.value)
