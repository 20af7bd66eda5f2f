"""What the tests of convolutions and pools share: a graph of one operator, and its integers on random codes."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from networks import graph_of, quantized

from hwgen.flow import run_passes
from hwgen.formats import Integer
from hwgen.ir.graph import Graph, Value
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.source import INPUT, InputAttrs

Floats = npt.NDArray[np.float64]
FORMATS: Final = (
    "int4[scale=1/4]", "uint4[scale=1/4]", "uint4[scale=1/2,zero=3]", "int3[scale=1,zero=-2]", "binary[scale=1/2]",
    "ternary[scale=1]", "fixed<6,3>",
)
"""Signed, unsigned, with a zero point, and without a code for zero."""


def image(random: Random, *, channels: int, size: tuple[int, ...], format_: str) -> Value:
    """An input (1, channels, positions…) on the grid of a format."""
    source = make(INPUT, InputAttrs((1, channels, *size)), [], "x", "x").output
    return quantized(source, format_, "x.q")


def compare(value: Value, wanted: Any, random: Random) -> Graph:
    """Runs what makes ``value`` in float64 and in integers, and holds both to ``wanted``, a function of the input's reals.

    Returns the lowered graph.
    """
    graph = graph_of(value)
    lowered, _ = run_passes(graph, "fold-constants, lower")
    (source,) = lowered.inputs
    format_, shape = source.type.format, (3, *source.type.shape[1:])
    assert isinstance(format_, Integer)
    dice = np.random.default_rng(random.getrandbits(32))
    codes = dice.choice([-1, 1], shape) if format_.bipolar else dice.integers(format_.low, format_.high, shape, endpoint=True)
    reals = format_.decode(codes)
    expected = np.asarray(wanted(reals))
    floats = evaluate(graph, {"x": reals}, graph.outputs)[graph.outputs[0]]
    assert floats.shape == expected.shape
    assert np.array_equal(floats, expected) or np.allclose(floats, expected, rtol=1e-12, atol=1e-12)
    integers = evaluate(lowered, {source.name: codes}, lowered.outputs)[lowered.outputs[0]]
    assert integers.shape == expected.shape
    assert np.allclose(integers, expected, rtol=1e-12, atol=1e-12), value.producer.attrs
    return lowered


def operators(graph: Graph) -> list[str]:
    """Names of the operators of a graph, in order."""
    return [node.op for node in graph.nodes]
