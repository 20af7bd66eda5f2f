"""Plain torch modules become graphs of the same function; what cannot be read is refused by the user's names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph
from hwgen.ops.run import evaluate
from hwgen.ops.source import ConstantAttrs
from hwgen.pipeline import check

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from hwgen.frontend.torch_export import check_torch, read_torch  # noqa: E402

FEATURES = 6
Function = Callable[["torch.Tensor"], "torch.Tensor"]


def _double(module: nn.Module, seed: int) -> nn.Module:
    """The module with random parameters and statistics, in float64, so that torch's rounding is negligible."""
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d):
            if part.running_mean is not None and part.running_var is not None:
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2)
            if part.affine:
                nn.init.normal_(part.weight)
                nn.init.normal_(part.bias)
    return module.double().eval()


def _graph(module: nn.Module, *shape: int) -> Graph:
    graph = read_torch(module, torch.zeros(3, *(shape or (FEATURES,)), dtype=next(_dtypes(module))), "m")
    check(graph)
    assert all(v.type.shape[0] == 1 for v in graph.inputs)
    return graph


def _dtypes(module: nn.Module):  # noqa: ANN202 - a generator of dtypes
    yield from (p.dtype for p in module.parameters())
    yield torch.float64


def _assert_same(module: nn.Module, seed: int, *shape: int) -> Graph:
    """The graph computes what torch computes, up to float64's rounding."""
    graph = _graph(module, *shape)
    x = torch.randn(17, *(shape or (FEATURES,)), dtype=torch.float64)
    with torch.no_grad():
        wanted = module(x)
    found = evaluate(graph, {graph.inputs[0].name: x.numpy()})
    for value, tensor in zip(graph.outputs, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        assert found[value].shape == tensor.shape
        np.testing.assert_allclose(found[value], tensor.numpy(), rtol=1e-12, atol=1e-12)
    return graph


class Functional(nn.Module):
    """One weight, one vector, and a function written by hand."""

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(FEATURES, 4))
        self.b = nn.Parameter(torch.randn(4))
        self.v = nn.Parameter(torch.rand(FEATURES) + 0.5)
        self.function = function

    def forward(self, x: torch.Tensor) -> object:
        return self.function(self, x)


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(FEATURES, 4),
    "linear-without-bias": lambda: nn.Linear(FEATURES, 4, bias=False),
    "batch-norm": lambda: nn.BatchNorm1d(FEATURES, eps=0.01),
    "batch-norm-without-parameters": lambda: nn.BatchNorm1d(FEATURES, affine=False),
    "relu-in-place": lambda: nn.Sequential(nn.Linear(FEATURES, 4), nn.ReLU(inplace=True)),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(FEATURES, 4), nn.Dropout(0.5)),
    "softmax": lambda: nn.Softmax(dim=1),
    "log-softmax": lambda: nn.LogSoftmax(dim=-1),
    "identity": nn.Identity,
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_torch_computes(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    _assert_same(_double(LAYERS[name](), seed), seed)


def _in_place(module: Functional, x: torch.Tensor) -> torch.Tensor:
    y = x @ module.w
    nn.functional.relu_(y)  # the result is dropped: y itself has changed
    return y + y


FUNCTIONS: dict[str, Callable[..., object]] = {
    "matmul": lambda m, x: x @ m.w + m.b,
    "mm": lambda m, x: torch.mm(x, m.w),
    "addmm": lambda m, x: torch.addmm(m.b, x, m.w),
    "functional-linear": lambda m, x: nn.functional.linear(x, m.w.t(), m.b),
    "sliced-weight": lambda m, x: x @ m.w[:, 1:3],
    "scalars": lambda m, x: ((x + 3) * 2.5 - 1) / 7,
    "scalar-first": lambda m, x: 1 - x,
    "vectors": lambda m, x: (x * m.v - m.v) / m.v,
    "vector-first": lambda m, x: m.v - x,
    "tensor-made-in-forward": lambda m, x: x + torch.ones(6, dtype=torch.float64),
    "negative": lambda m, x: -(x * m.v),
    "in-place-arithmetic": lambda m, x: (x * 1.0).add_(1).mul_(2),
    "in-place-on-a-name": _in_place,
    "double-use": lambda m, x: (torch.relu(x), torch.tanh(x)),
    "argmax": lambda m, x: torch.argmax(x @ m.w, dim=1),
    "argmax-kept": lambda m, x: (x @ m.w).argmax(-1, keepdim=True),
    "unsqueeze-squeeze": lambda m, x: x.unsqueeze(1).squeeze(1) @ m.w,
    "view-of-batch": lambda m, x: x.view(x.size(0), 2, 3).flatten(1) @ m.w,
    "reshape": lambda m, x: x.reshape(-1, 2, 3).reshape(x.shape[0], -1),
    "copies": lambda m, x: x.clone().contiguous().detach(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_computes_what_torch_computes(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    _assert_same(_double(Functional(FUNCTIONS[name]), seed), seed)


def test_images_are_flattened_in_row_order(seed: int) -> None:
    torch.manual_seed(seed)
    _assert_same(_double(nn.Sequential(nn.Flatten(), nn.Linear(24, 5)), seed), seed, 2, 3, 4)


class Block(nn.Module):
    """A module of the user's own, with operations beside its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(FEATURES, FEATURES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.fc(x)) * 2


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, FEATURES)
        self.block = Block()
        self.tail = nn.Sequential(nn.BatchNorm1d(FEATURES), nn.Sigmoid())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 1 - self.tail(self.block(self.first(image)))


def test_paths_and_values_have_the_names_of_modules(seed: int) -> None:
    graph = _assert_same(_double(Nested(), seed), seed)
    named = {n.op: (n.path, n.output.name) for n in graph.nodes if n.op not in ("constant", "linear")}
    assert [n.path for n in graph.nodes if n.op == "linear"] == ["first", "block.fc"]
    assert graph.inputs[0].name == "image"
    assert named["relu"] == ("block.relu", "block.relu")
    assert named["batch_norm"] == ("tail.0", "tail.0")
    assert named["sigmoid"] == ("tail.1", "tail.1")
    assert {v.name for v in graph.values()} >= {"first.weight", "first.bias", "block.fc.weight"}


def test_parameters_are_exactly_the_floats_of_the_module() -> None:
    module = nn.Linear(FEATURES, 4)
    graph = _graph(module)
    weight = graph.value("weight")
    assert weight is not None and isinstance(weight.producer.attrs, ConstantAttrs)
    assert weight.producer.attrs.data.dtype == np.float32
    assert np.array_equal(weight.producer.attrs.data, module.weight.detach().numpy())


def test_a_number_has_the_precision_of_the_tensor_that_it_meets() -> None:
    single = _graph(Functional(lambda m, x: x * 0.1))
    double = _graph(Functional(lambda m, x: x * 0.1).double())
    ones = np.ones((1, FEATURES))
    assert evaluate(single, {"x": ones})[single.outputs[0]][0, 0] == float(np.float32(0.1))
    assert evaluate(double, {"x": ones})[double.outputs[0]][0, 0] == 0.1


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Linear(FEATURES, 4), nn.Dropout(0.5), nn.BatchNorm1d(4)).train()
    module[1].eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    read_torch(module, torch.randn(8, FEATURES))
    assert [m.training for m in module] == [True, False, True]
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


REFUSED: dict[str, tuple[Callable[..., object], str]] = {
    "unknown operator": (lambda m, x: torch.lgamma(x) * 2, "aten.lgamma"),
    "scaled addition": (lambda m, x: torch.add(x, m.v, alpha=2), "alpha"),
    "scaled addmm": (lambda m, x: torch.addmm(m.b, x, m.w, beta=0.5), "alpha or beta"),
    "rounding division": (lambda m, x: torch.div(x, 2, rounding_mode="floor"), "aten.div.Tensor_mode"),
    "softmax over the batch": (lambda m, x: torch.softmax(x, 0), "after the batch"),
    "argmax over everything": (lambda m, x: torch.argmax(x), "dim=-1"),
    "argmax over the batch": (lambda m, x: torch.argmax(x, 0), "last axis"),
    "transposed batch": (lambda m, x: x.t() @ torch.ones(1, 2), "batch axis"),
    "flattened batch": (lambda m, x: x.view(-1), "batch"),
    "broadcast batch": (lambda m, x: x + torch.ones(4, FEATURES), "batch axis"),
    "grown rank": (lambda m, x: x + torch.ones(1, 1, FEATURES), "batch axis"),
    "dropout that always drops": (lambda m, x: nn.functional.dropout(x, 0.5, training=True), "dropout"),
    "softmax in another type": (lambda m, x: torch.softmax(x, 1, dtype=torch.float64), "dtype"),
    "infinite number": (lambda m, x: x * float("inf"), "finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_computed_differently_is_refused(name: str) -> None:
    function, reason = REFUSED[name]
    result = check_torch(Functional(function), torch.zeros(1, FEATURES))
    assert result.graph is None
    assert any(reason in str(p) for p in result.problems), result.problems


def test_batch_norm_with_statistics_of_the_batch_is_refused() -> None:
    module = Functional(lambda m, x: nn.functional.batch_norm(x.unsqueeze(2) * m.v[:2], None, None, training=True))
    result = check_torch(module, torch.zeros(1, FEATURES))
    assert any("batch_norm" in p.where for p in result.problems), result.problems


def test_all_unsupported_operators_are_listed_with_their_modules() -> None:
    module = nn.Sequential(nn.Linear(FEATURES, 4), nn.GLU(), nn.Linear(2, 4), nn.GLU(), nn.Linear(2, 2))
    problems = check_torch(module, torch.zeros(1, FEATURES)).problems
    # what stands behind an unsupported operator is not judged
    assert [p.where for p in problems] == ["aten.glu.default '1'"]

    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.erfinv(x), torch.special.gammaln(x)

    assert len(check_torch(Two(), torch.zeros(1, FEATURES)).problems) == 2


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_parameters_that_are_not_finite_are_refused_by_name(bad: float) -> None:
    module = nn.Sequential(nn.Linear(FEATURES, 4))
    with torch.no_grad():
        module[0].weight[1, 2] = bad
    (problem,) = check_torch(module, torch.zeros(1, FEATURES)).problems
    assert "0.weight" in problem.where and problem.code == "not-finite"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_inputs_of_other_types_are_refused(dtype: torch.dtype) -> None:
    problems = check_torch(nn.Identity(), torch.zeros(1, FEATURES).to(dtype)).problems
    assert problems and str(dtype) in str(problems[0])


def test_a_module_that_keeps_state_is_refused() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.count.add_(1)
            return x + self.count

    with pytest.raises(HwgenError, match="count"):
        read_torch(Counter(), torch.zeros(1, FEATURES))


def test_control_flow_on_data_is_refused() -> None:
    class Branch(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(HwgenError, match="cannot trace it") as caught:
        read_torch(Branch(), torch.zeros(1, FEATURES))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("example", [np.zeros((1, 6)), torch.zeros(6), torch.zeros(0, 6)], ids=["array", "no-batch", "empty"])
def test_an_example_that_is_no_batch_is_refused(example: object) -> None:
    with pytest.raises(HwgenError, match="batch"):
        read_torch(nn.Identity(), example)  # pyright: ignore[reportArgumentType]
