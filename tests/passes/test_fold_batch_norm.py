"""Batch norms go into float weights of convolutions, plain, grouped and transposed, and leave quantized weights alone."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from networks import constant, graph_of, quantized

from hwgen.flow import run_passes
from hwgen.ir.graph import Attrs, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.conv_transpose import CONV_TRANSPOSE, TransposedAttrs
from hwgen.ops.record import RealOp, make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BATCH_NORM, BatchNormAttrs
from hwgen.ops.source import INPUT, InputAttrs

PLAIN = RealConvAttrs((2, 1), (1, 1), (1, 0, 0, 1))
GROUPED = RealConvAttrs((1, 1), (1, 1), (0, 0, 0, 0), 2)
TRANSPOSED = TransposedAttrs((2, 2), (1, 1), (0, 1, 0, 0), (0, 1))
TRANSPOSED_GROUPS = TransposedAttrs((2, 1), (1, 1), (0, 0, 0, 0), (0, 0), 2)
CASES = [
    (CONV, PLAIN, (6, 4, 3, 2)), (CONV, GROUPED, (6, 2, 3, 2)), (CONV_TRANSPOSE, TRANSPOSED, (4, 6, 3, 2)),
    (CONV_TRANSPOSE, TRANSPOSED_GROUPS, (4, 3, 3, 2)),
]


def normed(random: Random, op: RealOp, attrs: Attrs, weight: Value, *, bias: bool) -> Value:
    dice = np.random.default_rng(random.getrandbits(32))
    x = make(INPUT, InputAttrs((1, 4, 6, 5)), [], "x", "x").output
    operands = [x, weight, *([constant(dice.normal(size=6), "b")] if bias else [])]
    y = make(op, attrs, operands, "conv", "conv").output
    vectors = [tuple(Surd.of(float(v)) for v in dice.normal(size=6)) for _ in range(3)]
    variance = tuple(Surd.of(float(v)) for v in dice.uniform(0.5, 2, 6))
    return make(BATCH_NORM, BatchNormAttrs(*vectors, variance, Surd.of(1e-5), 1), [y], "bn", "bn").output


@pytest.mark.parametrize(("op", "attrs", "shape"), CASES)
@pytest.mark.parametrize("bias", [False, True])
def test_a_folded_batch_norm_computes_the_same(
    op: RealOp, attrs: Attrs, shape: tuple[int, ...], bias: bool, random: Random
) -> None:
    weight = constant(np.random.default_rng(random.getrandbits(32)).normal(size=shape), "w")
    graph = graph_of(normed(random, op, attrs, weight, bias=bias))
    folded, _ = run_passes(graph, "fold-batch-norm")
    assert [n.op for n in folded.nodes if n.op not in ("input", "constant")] == [op.name]
    x = {"x": np.random.default_rng(random.getrandbits(32)).normal(size=(3, 4, 6, 5))}
    before, after = (evaluate(g, x)[g.outputs[0]] for g in (graph, folded))
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)


def test_quantized_weights_keep_their_grid(random: Random) -> None:
    weight = quantized(constant(np.ones((6, 4, 3, 2)), "w"), "int4[scale=1/8]", "w.q")
    graph, _ = run_passes(graph_of(normed(random, CONV, PLAIN, weight, bias=True)), "fold-constants, fold-batch-norm")
    assert "batch_norm" in [n.op for n in graph.nodes]
