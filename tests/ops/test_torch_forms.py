"""How torch computes each real operator, against NumPy's, on the operator's own samples."""

from __future__ import annotations

from random import Random
from typing import Final

import numpy as np
import pytest

from hwgen.formats import Integer, Quantized
from hwgen.ir.graph import NO_ATTRS, Node, Value, topological
from hwgen.numerics.surd import Surd
from hwgen.ops.quantize import DECODE, QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import random_quantizer
from hwgen.ops.record import Float64, RealOp, make
from hwgen.ops.run import run_node
from hwgen.ops.sampling import random_shape, random_size
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import REAL_OPS

torch = pytest.importorskip("torch")

SAMPLES: Final = 12
BATCH: Final = 5
SAMPLED: Final = [op for op in REAL_OPS if op.sample is not None]
MANY_STEPS: Final = 64
"""Roundings that a result of these small sums may differ by."""


def test_every_operator_that_numpy_computes_has_a_torch_form() -> None:
    assert [op.name for op in REAL_OPS if (op.evaluate is None) != (op.forward is None)] == []


def start(op: RealOp, random: Random) -> Value:
    """An input, or a quantized one, that the operator takes."""
    while True:
        image = (1, random.randint(1, 4), *(random.randint(1, 6) for _ in range(random.choice((1, 2)))))
        shape = random.choice((random_shape(random, random_size(random)), image, (1, random.randint(1, 12))))
        value = make(INPUT, InputAttrs(shape), [], "x", "x").output
        if random.random() < 0.5 or not op.takes(value):
            attrs = QuantizeAttrs(random_quantizer(random, 4.0, most_bits=8))
            value = make(QUANTIZE, attrs, [value], "codes", "codes").output
        if op.takes(value):
            return value


def sampled(op: RealOp, random: Random) -> list[Node]:
    """The nodes of one sample, in order, after its input."""
    assert op.sample is not None
    value = op.sample(random, start(op, random), "sample")
    return list(topological([value]))


def away_from_ties(node: Node, x: Float64) -> np.ndarray:
    """Where rounding noise of ``x`` cannot change the code."""
    format_ = node.output.type.format
    assert isinstance(format_, Quantized)
    noise = MANY_STEPS * np.finfo(np.float64).eps * (np.abs(x) + 1)
    return np.asarray(format_.quantize(x - noise) == format_.quantize(x + noise))


@pytest.mark.parametrize("op", SAMPLED, ids=lambda op: op.name)
def test_torch_computes_what_numpy_does(op: RealOp, random: Random) -> None:
    """Node by node from the same inputs, in float64: equal up to rounding, quantized values equal exactly away from ties."""
    for _ in range(SAMPLES):
        known: dict[Value, Float64] = {}
        for node in sampled(op, random):
            if node.op == "input":
                noise = np.random.default_rng(random.getrandbits(32))
                known[node.output] = noise.normal(0, 3, (BATCH, *node.output.type.shape[1:]))
                continue
            inputs = [known[v] for v in node.inputs]
            wanted = run_node(node, inputs)
            known[node.output] = wanted
            forward = definition(node).forward
            if forward is None:
                continue
            got = forward(node)(*(torch.from_numpy(np.array(a)) for a in inputs)).numpy()
            assert got.shape == wanted.shape and got.dtype == np.float64
            if node.op == "quantize":
                sure = away_from_ties(node, inputs[0])
                assert np.array_equal(got[sure], wanted[sure]), f"{node.attrs}"
                continue
            size = max(1.0, *(float(np.abs(a).max(initial=0)) for a in (*inputs, wanted)))
            terms = max((a.size for a in inputs), default=1)
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-15 * size * size * terms, err_msg=f"{node.attrs}")


def definition(node: Node) -> RealOp:
    return next(op for op in REAL_OPS if op.name == node.op)


@pytest.mark.parametrize("op", [op for op in SAMPLED if op.name != "argmax"], ids=lambda op: op.name)
def test_gradients_flow_to_every_operand(op: RealOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = sampled(op, random)[-1]
        inputs = [torch.rand((v.type.shape), dtype=torch.float64) + 0.25 for v in node.inputs]
        for tensor in inputs:
            tensor.requires_grad_()
        forward = definition(node).forward
        assert forward is not None
        result = forward(node)(*inputs)
        result.sum().backward()
        assert all(t.grad is not None and torch.isfinite(t.grad).all() for t in inputs), f"{node.op}: {node.attrs}"


def test_quantizers_pass_gradients_straight_through_inside_their_range() -> None:
    node = make(
        QUANTIZE, QuantizeAttrs(random_quantizer(Random(3), 4.0, most_bits=8)),
        [make(INPUT, InputAttrs((1, 3)), [], "x", "x").output], "q", "q",
    )
    format_ = node.output.type.format
    assert isinstance(format_, Quantized) and QUANTIZE.forward is not None
    x = torch.full((1, 3), float(format_.decode(np.array([format_.high // 2]))[0]), dtype=torch.float64, requires_grad=True)
    (QUANTIZE.forward(node)(x) * torch.tensor([[1.0, 2.0, 3.0]])).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[1.0, 2.0, 3.0]]


def test_decoded_codes_are_those_reals(random: Random) -> None:
    format_ = Integer(-8, 7, (Surd.of(0.5), Surd.of(0.25)), (Surd.of(1), Surd.of(-1)))
    node = make(DECODE, NO_ATTRS, [make(INPUT, InputAttrs((1, 2), format_), [], "x", "x").output], "y", "y")
    codes = np.array([[random.randint(-8, 7) for _ in range(2)] for _ in range(BATCH)], dtype=np.float64)
    assert DECODE.forward is not None
    assert np.array_equal(DECODE.forward(node)(torch.from_numpy(codes)).numpy(), run_node(node, [codes]))
