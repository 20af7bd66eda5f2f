"""A graph as a torch module: it computes what the graph says, its gradients train it, and it gives a graph back."""

from __future__ import annotations

from copy import deepcopy
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Affine, Binary, Block, Fixed, Format, Integer, Quantized, Ternary, parse, parse_quantized
from hwgen.ir.graph import NO_ATTRS, Graph, Value, topological
from hwgen.ir.text import print_graph
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.random_real_graph import random_real_graph
from hwgen.ops.real_sampling import constant, random_quantizer
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BATCH_NORM, BatchNormAttrs
from hwgen.ops.source import INPUT, InputAttrs

torch = pytest.importorskip("torch")
pytest.importorskip("brevitas")

from hwgen.training.module import GraphModule  # noqa: E402 - after the packages it needs
from hwgen.training.parameters import free_scales, trained_constants  # noqa: E402
from hwgen.training.quantizers import Quantizer  # noqa: E402


def quantized(value: Value, format_: Quantized | Block, name: str) -> Value:
    return make(QUANTIZE, QuantizeAttrs(format_), [value], name, name).output


def grid(text: str) -> Quantized | Block:
    found = parse(text)
    assert isinstance(found, Quantized | Block)
    return found


def two_layers(*, weight: str = "int4[scale=1/8]", act: str = "uint4[scale=1/4]", norm: bool = False) -> Graph:
    """x → fc1 → [bn1] → relu → fc2, quantized throughout."""
    data = np.random.default_rng(3)
    x = make(INPUT, InputAttrs((1, 6)), [], "x", "x").output
    value = quantized(x, parse_quantized("fixed<8,4>"), "x.q")
    for layer, (inputs, outputs) in enumerate(((6, 5), (5, 3)), 1):
        w = constant(data.normal(0, 0.4, (outputs, inputs)).astype(np.float32), f"fc{layer}.weight")
        b = constant(data.normal(0, 0.4, outputs).astype(np.float32), f"fc{layer}.bias")
        wq = quantized(w, grid(weight), f"fc{layer}.weight.q")
        value = make(LINEAR, NO_ATTRS, [value, wq, b], f"fc{layer}", f"fc{layer}").output
        if layer == 1:
            if norm:
                ones = tuple(Surd.of(1) for _ in range(outputs))
                attrs = BatchNormAttrs(ones, ones, ones, ones, Surd.of(1e-5), 1)
                value = make(BATCH_NORM, attrs, [value], "bn1", "bn1").output
            value = make(RELU, NO_ATTRS, [value], "relu", "relu").output
            value = quantized(value, grid(act), "act")
    return Graph("two", topological([value], [x.producer]), (value,))


@pytest.mark.parametrize("kind", ["affine", "channels", "fixed", "binary", "ternary", "any"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_quantizer_gives_the_numbers_of_its_format(kind: str, dtype: type, random: Random) -> None:
    """All formats, ties and values beyond the range among the inputs, bit for bit."""
    for _ in range(40):
        scale = Fraction(float(np.float32(random.uniform(0.01, 1))))
        bits, signed = random.randint(2, 8), random.random() < 0.5
        made: Quantized = {
            "affine": Affine(bits, signed, random.random() < 0.5, (scale,), (random.randint(-3, 3),)),
            "channels": Affine(bits, signed, False, (scale, Fraction(1, 4), Fraction(3, 8)), (0,), random.choice((1, -2))),
            "fixed": Fixed(bits, random.randint(-2, bits), signed, random.choice(list(Rounding)), random.random() < 0.2),
            "binary": Binary((scale,)), "ternary": Ternary((scale,)), "any": random_quantizer(random, 4.0),
        }[kind]
        step = float(made.scales[0])
        codes = np.random.default_rng(random.getrandbits(32)).integers(2 * made.low - 5, 2 * made.high + 6, (7, 3, 2))
        x = (codes / 2 * step).astype(dtype)
        x += (np.random.default_rng(1).normal(0, step, x.shape) * (random.random() < 0.5)).astype(dtype)
        module = Quantizer(made, 3, dtype=torch.from_numpy(x).dtype)
        got = module(torch.from_numpy(x)).detach().numpy()
        assert got.dtype == dtype
        assert np.array_equal(np.rint(np.asarray(_steps(made, got))), made.quantize(x)), str(made)


def _steps(format_: Quantized, reals: np.ndarray) -> np.ndarray:
    """Codes of members, which are almost whole."""
    shape = [-1 if k == (format_.axis or 0) % 3 and len(format_.scales) > 1 else 1 for k in range(3)]
    scale, zero = np.array([float(s) for s in format_.scales]), np.array(format_.zeros)
    return reals.astype(np.float64) / scale.reshape(shape) + zero.reshape(shape if len(zero) > 1 else 1)


def test_a_module_computes_what_the_graph_says(random: Random) -> None:
    """Random networks in float64: all values between quantizers up to rounding, and no quantizer more than one step away."""
    for _ in range(25):
        graph = random_real_graph(random, 2)
        data = {
            v.name: np.random.default_rng(random.getrandbits(32)).normal(0, 2, (4, *v.type.shape[1:])) for v in graph.inputs
        }
        wanted = evaluate(graph, data, graph.outputs)
        module = GraphModule(graph, dtype=torch.float64).eval()
        with torch.no_grad():
            got = module(*(torch.from_numpy(data[v.name]) for v in graph.inputs))
        outputs = got if isinstance(got, tuple) else (got,)
        different = [
            not np.allclose(g.numpy(), wanted[v], rtol=1e-9, atol=1e-9) for v, g in zip(graph.outputs, outputs, strict=True)
        ]
        assert not any(different) or _on_a_tie(graph, data), graph.name


def _on_a_tie(graph: Graph, data: dict[str, np.ndarray]) -> bool:
    """Whether a value before a quantizer lies within rounding noise of a boundary between two codes."""
    values = evaluate(graph, data)
    for node in graph.nodes:
        format_ = node.output.type.format
        if node.op == "quantize" and isinstance(format_, Quantized):
            x = values[node.inputs[0]]
            noise = 1e-12 * (np.abs(x) + 1)
            if not np.array_equal(format_.quantize(x - noise), format_.quantize(x + noise)):
                return True
    return False


def test_parameters_have_the_names_of_the_model_and_a_state_dict_restores_them() -> None:
    graph = two_layers(norm=True)
    module = GraphModule(graph, learned=free_scales(graph))
    names = set(dict(module.named_parameters()))
    assert {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "bn1.weight", "bn1.bias", "quantizers.act.scale.log2"} <= names
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.125)
    other = GraphModule(graph, learned=free_scales(graph))
    other.load_state_dict(module.state_dict())
    x = torch.randn(8, 6)
    assert torch.equal(module.eval()(x), other.eval()(x)) and torch.equal(deepcopy(module)(x), module(x))


def test_an_untrained_module_gives_the_same_graph_back(random: Random) -> None:
    for _ in range(10):
        graph = random_real_graph(random, 2)
        assert print_graph(GraphModule(graph).to_graph()) == print_graph(graph)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize(("weight", "act"), [
    ("int4[scale=1/8]", "uint4[scale=1/4]"), ("binary[scale=1/2]", "binary[scale=1]"), ("ternary[scale=1/2]", "ternary[scale=1]"),
    ("fixed<4,1>", "ufixed<5,2,trn>"), ("minifloat<3,2>", "uint4[scale=1/4,rounding=up]"), ("log<4>", "fixed<6,3,rnd,wrap>"),
    ("mxint<4,8,3>", "minifloat<5,6>"),
])
def test_steps_of_an_optimizer_change_what_the_graph_computes(weight: str, act: str, norm: bool) -> None:
    graph = two_layers(weight=weight, act=act, norm=norm)
    module = GraphModule(graph, learned=free_scales(graph))
    x, y = torch.randn(64, 6, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 3
    optimizer, losses = torch.optim.Adam(module.parameters(), 0.02), []
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), y)
        loss.backward()
        assert all(p.grad is not None for p in module.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < np.mean(losses[:3])
    trained = module.eval().to_graph()
    assert [n.op for n in trained.nodes] == [n.op for n in graph.nodes]
    computed = evaluate(trained, {"x": x.numpy().astype(np.float64)}, trained.outputs)[trained.outputs[0]]
    assert np.abs(module(x).detach().numpy() - computed).max() < 0.3, "codes at ties alone may differ"
    assert np.median(np.abs(module(x).detach().numpy() - computed)) < 1e-5


def test_learned_scales_become_the_formats_of_the_graph() -> None:
    graph = two_layers()
    module = GraphModule(graph, learned=free_scales(graph))
    act = graph.value("act")
    assert act is not None
    quantizer = module.quantizer_of(act)
    assert quantizer is not None and quantizer.scale.log2 is not None
    with torch.no_grad():
        quantizer.scale.log2.fill_(1.5)
    value = module.to_graph().value("act")
    assert value is not None and isinstance(value.type.format, Affine)
    assert abs(float(value.type.format.scale[0]) - 0.25 * 2**1.5) < 1e-6


def test_power_of_two_scales_stay_powers_of_two() -> None:
    graph = two_layers(act="uint4[scale=0.3]")
    module = GraphModule(graph, learned=free_scales(graph), power_of_two_scales=True)
    act = graph.value("act")
    assert act is not None
    quantizer = module.quantizer_of(act)
    assert quantizer is not None and quantizer.scale.log2 is not None
    for shift, wanted in ((0.0, Fraction(1, 4)), (0.6, Fraction(1, 2)), (-2.2, Fraction(1, 16))):
        with torch.no_grad():
            quantizer.scale.log2.fill_(shift)
        format_ = quantizer.format
        assert isinstance(format_, Affine) and format_.scale == (wanted,)


def test_weights_that_are_codes_are_trained_and_come_back_as_codes() -> None:
    x = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    format_ = parse_quantized("int4[scale=1/4]")
    w = constant(np.array([[1, -3]]), "w", format_)
    y = make(LINEAR, NO_ATTRS, [quantized(x, format_, "q"), w], "y", "y").output
    module = GraphModule(Graph("codes", topological([y], [x.producer]), (y,)))
    with torch.no_grad():
        module.get_parameter("w").add_(0.3)
    (node,) = (n for n in module.to_graph().nodes if n.op == "constant")
    assert node.output.type.format == format_ and getattr(node.attrs, "data").tolist() == [[2, -2]]  # noqa: B009


def test_scales_that_meet_others_are_not_learned() -> None:
    x = make(INPUT, InputAttrs((1, 4)), [], "x", "x").output
    format_ = parse_quantized("int8[scale=1/16]")
    a, b = quantized(x, format_, "a"), quantized(x, format_, "b")
    both = make(next(op for op in _ops() if op.name == "add"), NO_ATTRS, [a, b], "both", "both").output
    c = quantized(both, format_, "c")
    graph = Graph("meet", topological([c], [x.producer]), (c,))
    assert {n.path for n in free_scales(graph)} == {"c"}


def _ops():  # noqa: ANN202
    from hwgen.ops.table import REAL_OPS

    return REAL_OPS


def test_constants_of_other_operators_are_not_trained(random: Random) -> None:
    graph = two_layers()
    assert {n.path for n in trained_constants(graph)} == {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}


def test_lowered_graphs_and_wrong_shapes_are_refused() -> None:
    def lowered(format_: Format) -> Graph:
        x = make(INPUT, InputAttrs((1, 4), format_), [], "x", "x").output
        return Graph("codes", (x.producer,), (x,))

    with pytest.raises(HwgenError, match="comes in as codes"):
        GraphModule(lowered(Integer(0, 3)))
    assert GraphModule(lowered(REAL)) is not None
    with pytest.raises(HwgenError, match=r"input 'x': was given \(3, 5\)"):
        GraphModule(two_layers())(torch.zeros(3, 5))
    with pytest.raises(HwgenError, match="2 inputs"):
        GraphModule(two_layers())(torch.zeros(3, 6), torch.zeros(3, 6))
