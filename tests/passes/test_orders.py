"""Elements that move from one order to another while a graph is lowered."""

from __future__ import annotations

from random import Random

import numpy as np

from hwgen.flow import lower
from hwgen.formats import Affine
from hwgen.ir.graph import Graph, Value, topological
from hwgen.numerics.surd import ZERO, Surd
from hwgen.ops.padding import PAD, PadAttrs
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.shape import RESHAPE, TRANSPOSE, ReshapeAttrs, TransposeAttrs
from hwgen.ops.source import INPUT, InputAttrs


def transposed(value: Value, perm: tuple[int, ...], name: str) -> Value:
    return make(TRANSPOSE, TransposeAttrs(perm), [value], name, name).output


def reshaped(value: Value, shape: tuple[int, ...], name: str) -> Value:
    return make(RESHAPE, ReshapeAttrs(shape), [value], name, name).output


def test_an_order_that_no_one_move_of_axes_gives_is_reached_by_two(random: Random) -> None:
    """Transposed, cut into other axes, and transposed again, as a shuffle of channels does it."""
    x = make(INPUT, InputAttrs((1, 2, 3, 5)), [], "x", "x").output
    codes = make(QUANTIZE, QuantizeAttrs(Affine(8, is_signed=True)), [x], "codes", "codes").output
    moved = reshaped(transposed(codes, (0, 3, 1, 2), "first"), (1, 3, 5, 2), "cut")
    value = make(PAD, PadAttrs((0, 0, 1, 0), (0, 0, 0, 1)), [transposed(moved, (0, 2, 3, 1), "second")], "y", "y").output
    graph = Graph("shuffle", topological([value], [x.producer]), (value,))
    lowered = lower(graph).graph
    assert [n.op for n in lowered.nodes].count("permute") == 2
    data = np.random.default_rng(random.getrandbits(32)).integers(-128, 128, (4, 2, 3, 5))
    expected = evaluate(graph, {"x": data.astype(np.float64)})[value]
    assert np.array_equal(evaluate(lowered, {"x": data})[lowered.outputs[0]], expected)


def test_scales_of_an_axis_follow_it_through_another_shape(random: Random) -> None:
    """A last axis of four, cut out of codes whose last axis has three and whose first has four; each with its own scales."""
    x = make(INPUT, InputAttrs((1, 4, 3)), [], "x", "x").output
    codes = make(QUANTIZE, QuantizeAttrs(Affine(8, is_signed=True)), [x], "codes", "codes").output

    def scaled(value: Value, gains: tuple[int, ...], name: str) -> Value:
        return make(SCALE_BIAS, ScaleBiasAttrs(tuple(map(Surd.of, gains)), (ZERO,), 2), [value], name, name).output

    for first in ((1, 1, 1), (1, 2, 5)):
        cut = scaled(reshaped(scaled(codes, first, "first"), (1, 3, 4), "cut"), (1, 2, 3, -1), "second")
        y = make(QUANTIZE, QuantizeAttrs(Affine(14, is_signed=True)), [cut], "y", "y").output
        graph = Graph("scales", topological([y], [x.producer]), (y,))
        lowered = lower(graph).graph
        data = np.random.default_rng(random.getrandbits(32)).integers(-128, 128, (4, 4, 3))
        expected = evaluate(graph, {"x": data.astype(np.float64)})[y]
        assert np.array_equal(evaluate(lowered, {"x": data})[lowered.outputs[0]], expected)
