"""Scales and offsets in a row become one where they run along one axis, and stay two where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from networks import constant, graph_of

from hwgen.ir.graph import NO_ATTRS, Graph
from hwgen.ops.arithmetic import ADD, DIV, MUL, SUB
from hwgen.ops.record import RealOp, make
from hwgen.ops.run import evaluate
from hwgen.ops.source import INPUT, InputAttrs
from passes import FoldScalarArithmetic

Shape = tuple[int, ...]


def two_steps(first: RealOp, first_shape: Shape, second: RealOp, second_shape: Shape, *, constant_first: bool = False) -> Graph:
    x = make(INPUT, InputAttrs((1, 3, 3)), [], "x", "x").output
    numbers = [np.arange(1, 1 + int(np.prod(shape)), dtype=np.float32).reshape(shape) for shape in (first_shape, second_shape)]
    a, b = (constant(2.0**n, name) for n, name in zip(numbers, "ab", strict=True))
    operands = [a, x] if constant_first else [x, a]
    return graph_of(make(second, NO_ATTRS, [make(first, NO_ATTRS, operands, "u", "u").output, b], "y", "y").output)


@pytest.mark.parametrize(
    ("shapes", "steps"),
    [
        (((3, 1), (3,)), 2), (((3,), (3, 1)), 2), (((3,), (3,)), 1), (((3, 1), (3, 1)), 1), (((), (3, 1)), 1), (((3,), ()), 1),
        (((1, 1, 1), (1,)), 1),
    ],
)
@pytest.mark.parametrize("ops", [(ADD, MUL), (MUL, ADD), (SUB, DIV), (DIV, SUB)], ids=lambda ops: "-".join(op.name for op in ops))
def test_steps_along_one_axis_become_one(ops: tuple[RealOp, RealOp], shapes: tuple[Shape, Shape], steps: int) -> None:
    x = np.random.default_rng(1).integers(-9, 10, (4, 3, 3)).astype(np.float64)
    for constant_first in (False, True) if ops[0] is not DIV else (False,):
        graph = two_steps(ops[0], shapes[0], ops[1], shapes[1], constant_first=constant_first)
        after, _ = FoldScalarArithmetic()(graph)
        assert [n.op for n in after.nodes if n.op not in ("input", "constant")] == ["scale_bias"] * steps
        assert np.array_equal(evaluate(after, {"x": x})[after.outputs[0]], evaluate(graph, {"x": x})[graph.outputs[0]])
