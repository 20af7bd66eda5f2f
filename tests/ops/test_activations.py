"""Activations from torch and from ONNX: the function that the framework computes, and, between quantizers, its exact codes.

torch in float64 and ONNX's own reference evaluator say what each is.  Codes are compared with what the framework's value rounds
to; where that lies within float64's noise of a tie, either neighbour passes here (`tests/numerics` decides ties exactly).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from hwgen.flow import lower
from hwgen.formats import Affine, Integer
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.ir.graph import Graph, Rewriter, topological
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from hwgen.frontend.torch_export import check_torch, read_torch  # noqa: E402

Floats = npt.NDArray[np.float64]
Function = Callable[["torch.Tensor"], "torch.Tensor"]
CHANNELS = 5
SLOPES = (-1.25, 0.0, 0.1015625, 1.0, 3.5)


def prelu(*slopes: float) -> nn.Module:
    module = nn.PReLU(len(slopes))
    with torch.no_grad():
        module.weight.copy_(torch.tensor(slopes))
    return module


class Written(nn.Module):
    """A function written by hand."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hardtanh": lambda: nn.Hardtanh(-0.75, 2.5),
    "hard-sigmoid": nn.Hardsigmoid,
    "hard-swish": nn.Hardswish,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "leaky-rising-faster": lambda: nn.LeakyReLU(1.5),
    "leaky-folding": lambda: nn.LeakyReLU(-0.5),
    "leaky-of-slope-one": lambda: nn.LeakyReLU(1.0),
    "leaky-of-slope-zero": lambda: nn.LeakyReLU(0.0),
    "prelu": lambda: prelu(0.3),
    "prelu-by-channel": lambda: prelu(*SLOPES),
    "rrelu": lambda: nn.RReLU(0.1, 0.3),
    "threshold": lambda: nn.Threshold(0.5, -1.25),
    "elu": lambda: nn.ELU(0.5),
    "selu": nn.SELU,
    "celu": lambda: nn.CELU(3.0),
    "softplus": nn.Softplus,
    "softplus-with-a-near-threshold": lambda: nn.Softplus(2, 5),
    "gelu": nn.GELU,
    "gelu-tanh": lambda: nn.GELU("tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "log-sigmoid": nn.LogSigmoid,
}
FUNCTIONS: dict[str, Function] = {
    "relu6-in-place": lambda x: nn.functional.relu6(x * 1, inplace=True),
    "leaky-in-place": lambda x: nn.functional.leaky_relu(x * 1, 0.1015625, inplace=True),
    "clamp-in-place": lambda x: (x * 1).clamp_(-1, 0.3),
    "clamp": lambda x: x.clamp(-1, 2),
    "clamp-below": lambda x: x.clamp(min=0.3),
    "clamp-above": lambda x: x.clamp(max=0.3),
    "clamp-by-tensors": lambda x: torch.clamp(x, torch.tensor(-1.0), torch.tensor(2.0)),
    "clamp-crossed": lambda x: x.clamp(2, -1),
    "clamp-min": lambda x: torch.clamp_min(x, 1),
    "clamp-max": lambda x: torch.clamp_max(x, 1),
    "clip": lambda x: torch.clip(x, -1, 1),
    "exp": lambda x: torch.exp(x.clamp(max=3)),
    "abs": torch.abs,
    "neg": torch.neg,
    "square": torch.square,
    "power-2": lambda x: x**2,
    "power-half": lambda x: x.clamp(min=0) ** 0.5,
    "sqrt": lambda x: torch.sqrt(x.abs()),
    "reciprocal": lambda x: torch.reciprocal(x.clamp(min=0.25)),
    "one-over": lambda x: 1 / (x.abs() + 0.5),
    "functions-of-functions": lambda x: nn.functional.silu(torch.tanh(x) * 3 - 1) ** 2,
    "bends-of-bends": lambda x: nn.functional.leaky_relu((x.abs() - 1.5) * 2, 0.125).clamp(max=2),
}


def module_of(name: str) -> nn.Module:
    return (MODULES[name]() if name in MODULES else Written(FUNCTIONS[name])).double().eval()


ALL = [*MODULES, *FUNCTIONS]


class Everything(nn.Module):
    """All of them, so that torch has to trace once only."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(module_of(name) for name in ALL)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(part(x) for part in self.parts)


@pytest.fixture(scope="module")
def traced() -> dict[str, tuple[nn.Module, Graph]]:
    """Each module, and its graph."""
    module = Everything().eval()
    graph = read_torch(module, torch.zeros(1, CHANNELS, dtype=torch.float64), "m")
    source = [v.producer for v in graph.inputs]
    return {
        name: (part, Graph(name, topological([output], source), (output,)))
        for name, part, output in zip(ALL, module.parts, graph.outputs, strict=True)
    }


def quantized(graph: Graph, taken: Affine, given: Affine) -> Graph:
    """The graph between two quantizers."""
    rewriter = Rewriter(graph)
    (source,) = graph.inputs
    for node in graph.nodes:
        rewriter.copy(node)
        if node.output is source:
            rewriter.replace(source, make(QUANTIZE, QuantizeAttrs(taken), [rewriter[source]], "taken", "taken").output)
    made = rewriter.finish()
    last = make(QUANTIZE, QuantizeAttrs(given), [made.outputs[0]], "given", "given").output
    return Graph(made.name, topological([last], [v.producer for v in made.inputs]), (last,))


def check_codes(
    graph: Graph, reference: Callable[[Floats], Floats], taken: Affine, given: Affine, relative_noise: float = 1e-9
) -> tuple[str, ...]:
    """Every code of the input, in every channel: the codes of the result; and which integer operators make them."""
    lowered = lower(quantized(graph, taken, given)).graph
    shape, integer = graph.inputs[0].type.shape, taken.integer()
    column = np.arange(integer.low, integer.high + 1, dtype=np.int64)
    codes = np.broadcast_to(column.reshape(-1, *(1,) * (len(shape) - 1)), (len(column), *shape[1:]))
    values = evaluate(lowered, {lowered.inputs[0].name: codes})
    (result,) = lowered.outputs
    scale = float(given.scales[0])
    found = np.rint(values[result] / scale).astype(np.int64)
    real = reference(taken.decode(codes)) / scale
    noise = relative_noise * (1 + np.abs(real))
    near = [np.clip(np.rint(real + side * noise), given.low, given.high).astype(np.int64) for side in (-1, 1)]
    assert ((found == near[0]) | (found == near[1])).all(), f"{np.argwhere((found != near[0]) & (found != near[1]))[:5]}"
    assert (near[0] == near[1]).mean() > 0.4, "most values are no ties"
    for node in lowered.nodes:
        format_ = node.output.type.format
        if isinstance(format_, Integer):
            assert format_.low <= values[node.output].min() and values[node.output].max() <= format_.high, f"bounds of {node.path}"
    return tuple(node.op for node in lowered.nodes if node.op not in ("input", "decode", "view"))


def affine(bits: int, scale: Fraction | float, *, signed: bool = True) -> Affine:
    return Affine(bits, signed, False, (Fraction(scale),), (0,))


@pytest.mark.parametrize("name", ALL)
def test_an_activation_of_torch_has_the_values_and_the_codes_of_torch(
    name: str, traced: dict[str, tuple[nn.Module, Graph]], random: Random
) -> None:
    module, graph = traced[name]

    def reference(x: Floats) -> Floats:
        with torch.no_grad():
            return module(torch.from_numpy(x.copy())).numpy()

    special = np.repeat([0.0, -0.0, 3.0, -3.0, 6.0, 0.5, -40.0, 40.0, 1e-9, -1.0], CHANNELS).reshape(-1, CHANNELS)
    x = np.concatenate([np.random.default_rng(random.getrandbits(32)).normal(0, 3, (40, CHANNELS)), special])
    found = evaluate(graph, {graph.inputs[0].name: x})[graph.outputs[0]]
    np.testing.assert_allclose(found, reference(x), rtol=1e-12, atol=1e-12)
    scale = random.choice((Fraction(float(np.float32(0.037))), Fraction(1, 32)))
    check_codes(graph, reference, affine(random.choice((7, 8)), 1 / 16), affine(8, scale))


def test_channels_of_images_keep_their_slopes() -> None:
    """Channels lie behind the batch in torch and ONNX, and last in the hardware."""
    module = prelu(*SLOPES).double()
    graph = read_torch(module, torch.zeros(1, CHANNELS, 2, 3, dtype=torch.float64), "m")

    def reference(x: Floats) -> Floats:
        return np.where(x >= 0, x, x * np.array(SLOPES).reshape(-1, 1, 1))

    check_codes(graph, reference, affine(8, 1 / 16), affine(12, 0.01))


def test_a_bend_of_wide_codes_has_lines_and_no_table() -> None:
    graph = read_torch(nn.LeakyReLU(0.1015625).double(), torch.zeros(1, 2, dtype=torch.float64), "m")
    made = check_codes(graph, lambda x: np.where(x >= 0, x, x * 0.1015625), affine(18, 2**-10), affine(12, 0.125))
    assert made == ("requant_pieces",)


def test_a_torch_function_of_an_unknown_kind_is_refused() -> None:
    for function, reason in (
        (lambda x: x**3, "exponents 1, 2"),
        (lambda x: torch.clamp(x, torch.tensor([0.0, 1.0]), None), "2 numbers"),
        (lambda x: nn.functional.rrelu(x, training=True), "random slope"),
        (lambda x: nn.functional.softplus(x, beta=0), "beta is 0"),
        (lambda x: x.clamp(float("nan"), 1), "finite"),
    ):
        problems = check_torch(Written(function), torch.zeros(1, 2)).problems
        assert problems and reason in str(problems[0]), f"{problems}"


# --- ONNX -------------------------------------------------------------------------------------------------------------


def onnx_model(
    tmp_path: Path, op: str, opset: int, *constants: npt.NDArray[np.float32] | None, shape: Sequence[int] = (1, 4),
    **attributes: object,
) -> Path:
    """One node between an input and an output; constants are its further inputs (None: left out)."""
    names = ["" if c is None else f"c{k}" for k, c in enumerate(constants)]
    node = helper.make_node(op, ["x", *names], ["y"], name="node", **attributes)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(c, n) for n, c in zip(names, constants, strict=True) if c is not None],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


def number(value: float) -> npt.NDArray[np.float32]:
    return np.array(value, dtype=np.float32)


SLOPES_OF_IMAGES = np.array(SLOPES[:4], dtype=np.float32)

NODES: dict[str, tuple[str, int, list[npt.NDArray[np.float32] | None], dict[str, object]]] = {
    "relu": ("Relu", 14, [], {}),
    "clip": ("Clip", 13, [number(-1.5), number(2.25)], {}),
    "clip-below": ("Clip", 13, [number(-1.5)], {}),
    "clip-above": ("Clip", 13, [None, number(2.25)], {}),
    "clip-of-nothing": ("Clip", 13, [], {}),
    "leaky": ("LeakyRelu", 16, [], {"alpha": 0.1015625}),
    "leaky-default": ("LeakyRelu", 16, [], {}),
    "prelu": ("PRelu", 16, [number(0.2).reshape(1)], {}),
    "prelu-by-channel": ("PRelu", 16, [SLOPES_OF_IMAGES], {}),
    "hard-sigmoid": ("HardSigmoid", 13, [], {"alpha": 0.3, "beta": 0.4}),
    "hard-sigmoid-default": ("HardSigmoid", 13, [], {}),
    "hard-swish": ("HardSwish", 14, [], {}),
    "elu": ("Elu", 13, [], {"alpha": 0.7}),
    "elu-default": ("Elu", 13, [], {}),
    "selu": ("Selu", 13, [], {"alpha": 1.5, "gamma": 1.25}),
    "selu-default": ("Selu", 13, [], {}),
    "celu": ("Celu", 13, [], {"alpha": 2.0}),
    "softplus": ("Softplus", 13, [], {}),
    "softsign": ("Softsign", 13, [], {}),
    "gelu": ("Gelu", 20, [], {}),
    "gelu-tanh": ("Gelu", 20, [], {"approximate": "tanh"}),
    "mish": ("Mish", 18, [], {}),
    "sigmoid": ("Sigmoid", 13, [], {}),
    "tanh": ("Tanh", 13, [], {}),
    "erf": ("Erf", 13, [], {}),
    "abs": ("Abs", 13, [], {}),
    "neg": ("Neg", 13, [], {}),
    "power-2": ("Pow", 13, [number(2)], {}),
    "thresholded": ("ThresholdedRelu", 13, [], {"alpha": 0.75}),
    "thresholded-default": ("ThresholdedRelu", 13, [], {}),
}


ROUNDED = ("hard-swish", "gelu", "gelu-tanh", "erf")
"""The reference rounds their constants (1/6, the root of 2, 0.044715) or values to float32; hwgen takes what the standard says."""


@pytest.mark.parametrize("name", NODES)
def test_an_activation_of_onnx_has_the_values_and_the_codes_of_its_reference(name: str, tmp_path: Path) -> None:
    op, opset, constants, attributes = NODES[name]
    path = onnx_model(tmp_path, op, opset, *constants, **attributes)
    graph = read_onnx(path).require()
    session = ReferenceEvaluator(onnx.load(path))

    def reference(x: Floats) -> Floats:
        return np.asarray(session.run(None, {"x": x})[0], dtype=np.float64)

    x = np.random.default_rng(7).normal(0, 3, (50, 4))
    found = evaluate(graph, {"x": x})[graph.outputs[0]]
    noise = 1e-6 if name in ROUNDED else 1e-12
    np.testing.assert_allclose(found, reference(x), rtol=noise, atol=noise)
    check_codes(graph, reference, affine(8, 1 / 16), affine(8, Fraction(float(np.float32(0.041)))), max(noise, 1e-9))


def test_older_and_newer_operator_sets_are_read_by_their_own_rules(tmp_path: Path) -> None:
    x = np.array([[-3.0, -0.5, 0.5, 9.0]])

    def value(*arguments: object, **attributes: object) -> list[float]:
        graph = read_onnx(onnx_model(tmp_path, *arguments, **attributes)).require()
        return evaluate(graph, {"x": x})[graph.outputs[0]][0].tolist()

    assert value("Clip", 10, min=-1.0, max=6.0) == [-1, -0.5, 0.5, 6]
    assert value("Clip", 9, max=0.0) == [-3, -0.5, 0, 0]
    assert value("Clip", 10) == x[0].tolist(), "the default limits are those of float32"
    assert value("Clip", 13, number(4), number(-4)) == [-4] * 4, "limits that cross: all becomes the upper one"
    assert value("Sqrt", 13, shape=(1, 4))[2:] == [0.5**0.5, 3]
    assert value("Reciprocal", 13) == (1 / x[0]).tolist()
    assert value("Pow", 13, number(0.5))[3] == 3 and value("Pow", 13, number(-1))[2] == 2
    images = np.array([-1.0, 2.0], dtype=np.float32)
    for slope in (images.reshape(2, 1, 1), images.reshape(1, 2, 1, 1)):
        graph = read_onnx(onnx_model(tmp_path, "PRelu", 16, slope, shape=(1, 2, 3, 3))).require()
        given = np.full((1, 2, 3, 3), -1.0)
        assert evaluate(graph, {"x": given})[graph.outputs[0]][0, :, 0, 0].tolist() == [1, -2]


def test_what_onnx_leaves_open_is_refused(tmp_path: Path) -> None:
    image = (1, 2, 3, 3)
    for arguments, attributes, reason in (
        (("Clip", 13, np.zeros(2, np.float32)), {}, "2 numbers"),
        (("PRelu", 16, np.ones((2, 3, 1), np.float32)), {"shape": image}, "one slope, or one a channel"),
        (("Pow", 13, number(3)), {}, "exponents 1, 2"),
        (("Gelu", 20), {"approximate": "erf"}, "approximate='erf'"),
        (("Celu", 13), {"alpha": 0.0}, "alpha is 0"),
    ):
        problems = read_onnx(onnx_model(tmp_path, *arguments, **attributes)).problems
        assert problems and reason in str(problems[0]), f"{arguments}: {problems}"
