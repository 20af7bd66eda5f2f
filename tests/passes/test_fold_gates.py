"""A value times a gate of itself becomes the activation that it is, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from networks import constant, graph_of

from hwgen.ir.graph import NO_ATTRS, Graph, Value
from hwgen.numerics.functions import Steps, certified_compare
from hwgen.numerics.scalar_map import Chain
from hwgen.numerics.surd import UNIT, ZERO, Surd
from hwgen.ops.arithmetic import MUL
from hwgen.ops.functions import ERF, FUNCTION, SIGMOID, SOFTPLUS, TANH, SoftplusAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import INPUT, InputAttrs
from passes import FoldGates, FoldScalarArithmetic

ERF_RATE = Surd.of(float(np.float32(0.7071067811865476)))
"""What exporters write for 1/sqrt(2)."""


def source(name: str = "x") -> Value:
    return make(INPUT, InputAttrs((1, 3)), [], name, name).output


def line(value: Value, gain: Surd | float, bias: float, name: str) -> Value:
    return make(SCALE_BIAS, ScaleBiasAttrs((Surd.of(gain),), (Surd.of(bias),)), [value], name, name).output


def function(op: str, value: Value) -> Value:
    return make(FUNCTION[op], NO_ATTRS, [value], f"{value.name}.{op}", op).output


def softplus(value: Value, attrs: SoftplusAttrs) -> Value:
    return make(SOFTPLUS, attrs, [value], "soft", "soft").output


def times(left: Value, right: Value) -> Graph:
    return graph_of(make(MUL, NO_ATTRS, [left, right], "y", "y").output)


def written(x: Value) -> dict[str, Graph]:
    """Activations as exporters write them."""
    half = line(x, 0.5, 0, "half")
    return {
        "silu": times(x, function("sigmoid", x)),
        "silu of a rate": times(function("sigmoid", line(x, 1.702, 0, "rate")), x),
        "silu of a scaled value": times(line(x, -3, 0, "a"), line(function("sigmoid", x), 2, 0, "b")),
        "silu of a shifted value": (lambda s: times(s, function("sigmoid", s)))(line(x, 2, 1, "s")),
        "mish": times(x, function("tanh", softplus(x, SoftplusAttrs(UNIT, None)))),
        "gelu": times(half, line(function("erf", line(x, ERF_RATE, 0, "rate")), 1, 1, "gate")),
        "gelu, halved last": times(line(function("erf", line(x, ERF_RATE, 0, "rate")), 0.5, 0.5, "gate"), x),
    }


@pytest.mark.parametrize("name", written(source()))
def test_what_exporters_write_is_one_function_and_the_same(name: str) -> None:
    graph = written(source())[name]
    after, info = FoldGates()(graph)
    assert [note.where for note in info.changed] == ["y"]
    assert [n.op for n in after.nodes if n.op not in ("input", "scale_bias")] == [name.split()[0].strip(",")]
    x = {"x": np.linspace(-7, 7, 57).reshape(19, 3)}
    (before,), (now,) = (evaluate(g, x, g.outputs).values() for g in (graph, after))
    np.testing.assert_allclose(now, before, rtol=1e-12, atol=1e-14)


def test_a_gelu_of_a_rounded_rate_is_that_and_not_the_gelu_of_the_true_one() -> None:
    """With the float's rate, certified: x * (1 + erf(c * x)) on one side of a number that only the true rate passes."""
    after, _ = FoldGates()(written(source())["gelu"])
    gains = [n.attrs.gain[0] for n in after.nodes if isinstance(n.attrs, ScaleBiasAttrs)]
    assert gains == [ERF_RATE * Surd.sqrt(Fraction(2)), (ERF_RATE * Surd.sqrt(Fraction(2))).inverse()]
    chain = Chain().scaled(gains[0], ZERO).applied("gelu").scaled(gains[1], ZERO)

    def wanted(exact: Callable[[Surd], Any]) -> Any:  # balls of python-flint
        c, x = exact(ERF_RATE), exact(Surd.of(3))
        return x / 2 * (1 + (c * x).erf())

    # both enclose one number: no rational of 40 digits lies between them
    low = certified_digits(wanted)
    assert chain.compare(3, low) > 0 > chain.compare(3, low + Fraction(1, 10**40))


def certified_digits(steps: Steps) -> Fraction:
    """The number that ``steps`` computes, cut to 40 decimals."""
    low, high = Fraction(0), Fraction(8)
    while high - low > Fraction(1, 10**40):
        middle = (low + high) / 2
        low, high = (middle, high) if certified_compare(steps, middle) > 0 else (low, middle)
    return low


def test_other_products_stay() -> None:
    x, other = source(), source("z")
    gates = {
        "of another value": times(x, function("sigmoid", other)),
        "with an offset": times(x, line(function("sigmoid", x), 1, 0.5, "b")),
        "of a shifted value": times(x, function("sigmoid", line(x, 1, 1, "s"))),
        "shifted itself": times(line(x, 1, 1, "s"), function("sigmoid", x)),
        "erf without its one": times(x, function("erf", x)),
        "erf with half of it": times(x, line(function("erf", x), 1, 0.5, "b")),
        "tanh": times(x, function("tanh", x)),
        "tanh of a softplus that ends": times(x, function("tanh", softplus(x, SoftplusAttrs(UNIT, Surd.of(20))))),
        "tanh of a softplus of a rate": times(x, function("tanh", softplus(x, SoftplusAttrs(Surd.of(2), None)))),
        "mish of another rate": times(x, function("tanh", softplus(line(x, 2, 0, "r"), SoftplusAttrs(UNIT, None)))),
        "nothing": times(line(x, 0, 0, "zero"), function("sigmoid", x)),
    }
    for name, graph in gates.items():
        after, info = FoldGates()(graph)
        assert not info.changed, name
        assert sorted(n.op for n in after.nodes) == sorted(n.op for n in graph.nodes), name


def test_constants_come_in_between_as_files_have_them() -> None:
    x = source()
    gate = make(ERF, NO_ATTRS, [make(MUL, NO_ATTRS, [x, constant(0.70710677, "c")], "r", "r").output], "e", "e").output
    halved = make(MUL, NO_ATTRS, [line(gate, 1, 1, "one"), constant(0.5, "half")], "h", "h").output
    after, _ = FoldGates()(FoldScalarArithmetic()(times(x, halved))[0])
    assert "gelu" in {n.op for n in after.nodes}
    assert {SIGMOID.name, TANH.name} <= set(FUNCTION)
