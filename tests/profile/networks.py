"""Small float networks with data of their own, from a seed."""

from __future__ import annotations

from random import Random

import numpy as np

from hwgen.data import Dataset
from hwgen.ir.graph import NO_ATTRS, Graph, Value
from hwgen.ops.activation import RELU
from hwgen.ops.arithmetic import ADD
from hwgen.ops.linear import LINEAR
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.source import INPUT, InputAttrs
from tests.networks import constant, graph_of

FEATURES, HIDDEN, CLASSES, SAMPLES = 6, 8, 3, 60


def _layer(value: Value, outputs: int, name: str, rng: np.random.Generator, scale: float) -> Value:
    weight = constant(rng.normal(0, scale, (outputs, value.type.shape[-1])), f"{name}.w")
    bias = constant(rng.normal(0, 0.3 * scale, outputs), f"{name}.b")
    return make(LINEAR, NO_ATTRS, [value, weight, bias], f"y{name[2:]}", name).output


def _relu(value: Value, name: str) -> Value:
    return make(RELU, NO_ATTRS, [value], name, name).output


def _with_data(output: Value, rng: np.random.Generator, samples: int = SAMPLES) -> tuple[Graph, Dataset]:
    """The network with normal inputs; the targets are its own decisions, one in ten another."""
    graph = graph_of(output)
    inputs = {v.name: rng.normal(0, 1, (samples, *v.type.shape[1:])).astype(np.float32) for v in graph.inputs}
    scores = evaluate(graph, {n: a.astype(np.float64) for n, a in inputs.items()}, graph.outputs)[output]
    targets = np.where(rng.random(samples) < 0.1, rng.integers(0, CLASSES, samples), scores.argmax(axis=1))
    return graph, Dataset(inputs, targets)


def _input(name: str) -> Value:
    return make(INPUT, InputAttrs((1, FEATURES)), [], name, name).output


def small(random: Random, *, scale: float = 0.7, samples: int = SAMPLES) -> tuple[Graph, Dataset]:
    """Layers fc1 (values y1, then a1) and fc2 (y2) behind the input x."""
    rng = np.random.default_rng(random.getrandbits(32))
    hidden = _relu(_layer(_input("x"), HIDDEN, "fc1", rng, scale), "a1")
    return _with_data(_layer(hidden, CLASSES, "fc2", rng, scale), rng, samples)


def residual(random: Random) -> tuple[Graph, Dataset]:
    """fc1, then fc2 with a way around it, then fc3."""
    rng = np.random.default_rng(random.getrandbits(32))
    hidden = _relu(_layer(_input("x"), HIDDEN, "fc1", rng, 0.7), "a1")
    joined = make(ADD, NO_ATTRS, [_layer(hidden, HIDDEN, "fc2", rng, 0.7), hidden], "sum", "add").output
    return _with_data(_layer(_relu(joined, "a2"), CLASSES, "fc3", rng, 0.7), rng)


def two_inputs(random: Random) -> tuple[Graph, Dataset]:
    """fc1 of the input near, fc2 of the input far; fc3 of their sum."""
    rng = np.random.default_rng(random.getrandbits(32))
    near, far = (_layer(_input(name), HIDDEN, layer, rng, 0.7) for name, layer in (("near", "fc1"), ("far", "fc2")))
    joined = make(ADD, NO_ATTRS, [near, far], "sum", "add").output
    return _with_data(_layer(_relu(joined, "a2"), CLASSES, "fc3", rng, 0.7), rng)
