"""Random networks: integer operators joined at random, and random real graphs that are lowered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Final

from fuzz.case import ERRORS, FuzzCase, is_real, is_refusal
from hwgen.dataflow.folding import layers
from hwgen.dataflow.plan import device_graph
from hwgen.dataflow.stage import Dataflow
from hwgen.dataflow.unit import Parallelism
from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.ir.graph import NO_ATTRS, Graph, Node, Value, topological
from hwgen.ops.quantize import DECODE
from hwgen.ops.random_real_graph import random_real_graph
from hwgen.ops.record import make
from hwgen.ops.sampling import codes_format, random_lanes
from hwgen.ops.source import INPUT
from hwgen.ops.table import INTEGER, INTEGER_OPS
from hwgen.sim.native_runner import ALL_TRAFFIC
from hwgen.sim.samples import draw
from hwgen.sim.trials import Trial, starts

MOST_LAYERS: Final = 8
_SAMPLES: Final = 52
_REAL_LAYERS: Final = (1, 1, 2, 2, 3, 4)
"""Matrix products of a real graph: with what follows them about twice as many layers."""
_MOST_REFUSALS: Final = 50
"""Lowering refuses about one random network of fifty."""
_MOST_ELEMENTS: Final = 600
"""Of a value: larger ones take long to simulate and show nothing new."""
_MOST_PRODUCTS: Final = 64
"""Multipliers of one layer: more take long to compile and show nothing new."""


def decoded(outputs: Sequence[Value], name: str) -> Graph:
    """A lowered graph that ends with ``outputs``."""
    reals = tuple(make(DECODE, NO_ATTRS, [v], f"decoded{k}", f"decode{k}").output for k, v in enumerate(outputs))
    inputs = [n for n in topological(reals) if n.op == "input"]
    return Graph(name, topological(reals, inputs), reals)


class _Growth:
    """A random graph while it grows: each layer takes a value that is there, mostly the newest, at times another or a new input."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.values: list[Value] = []
        self.unused: list[Value] = []
        self.nodes: list[Node] = []
        self.inputs = 0

    def layer(self, last: bool) -> tuple[Node, Parallelism] | None:
        """One more operator, or None where the dice say to throw again."""
        value = self._taken()
        fitting = [op for op in INTEGER_OPS if value is None or op.takes(value)]
        used = Counter(n.op for n in self.nodes)  # what was used already is less likely
        (op,) = self.random.choices(fitting, [(1 + used[op.name]) ** -2 for op in fitting])
        case = op.sample(self.random, value)
        before, after = case.node.inputs[0].type.elements, case.node.output.type.elements
        shrinks = after < before and after == 1 and op.units(case.node, case.parallelism)
        if (not last and shrinks and self.random.random() < 0.9) or after > _MOST_ELEMENTS:
            return None  # what makes one element of many mostly comes last, or long networks would be rare
        path = f"l{len(self.nodes)}"
        inputs = [self._known(v, case.node.inputs[0]) for v in case.node.inputs]
        node = make(op, case.node.attrs, inputs, path, path)
        self.nodes.append(node)
        self.unused = [v for v in self.unused if v not in inputs] + [node.output]
        self.values.append(node.output)
        return node, op.fit(node, case.parallelism)

    def _taken(self) -> Value | None:
        if not self.values or self.random.random() < 0.04:
            return None
        return self.values[-1] if self.random.random() < 0.7 else self.random.choice(self.values)

    def _known(self, value: Value, first: Value) -> Value:
        """The value, or for a new input that an operator wants beside its first: at times one that is there and alike."""
        if value in self.values:
            return value
        alike = [v for v in self.values if v.type == value.type or (v.type.shape == value.type.shape == first.type.shape)]
        fitting = [v for v in alike if codes_format(v).short == codes_format(value).short] or alike
        if value is not first and fitting and self.random.random() < 0.8:
            return self.random.choice(fitting)
        self.inputs += 1
        name = f"x{self.inputs}"
        fresh = make(INPUT, value.producer.attrs, [], name, name).output
        self.values.append(fresh)
        return fresh


def _attempt(random: Random, layers: int) -> tuple[_Growth, dict[str, Parallelism]]:
    growth, lanes = _Growth(random), dict[str, Parallelism]()
    while len(growth.nodes) < layers:
        with suppress(HwgenError):  # an operator that does not fit the value that it was given beside its first
            grown = growth.layer(len(growth.nodes) == layers - 1)
            if grown is not None:
                lanes[grown[0].path] = grown[1]
    return growth, lanes


def integer_network(random: Random, layers: int) -> tuple[Graph, dict[str, Parallelism]]:
    """A graph of ``layers`` random operators, and lanes for those whose parallelism is chosen; nearly always there is one."""
    while True:
        growth, lanes = _attempt(random, layers)
        layers_of = {n.path: lanes[n.path] for n in growth.nodes if INTEGER[n.op].work is not None}
        also = [v for v in growth.values if v not in growth.unused and v.producer.op != "input" and random.random() < 0.05]
        graph = decoded([*growth.unused, *also], "fuzz")
        if layers_of or (_has_hardware(graph) and random.random() < 0.1):
            return graph, layers_of


def _has_hardware(graph: Graph) -> bool:
    """Whether the chip has something to compute."""
    try:
        nodes = device_graph(graph).nodes
    except HwgenError:
        return False
    return any(INTEGER[n.op].units(n, INTEGER[n.op].fit(n, Parallelism(1, 1))) for n in nodes)


def lowered_network(random: Random, layers: int) -> Graph:
    """A real graph of ``layers`` matrix products, lowered; as it is where lowering it fails otherwise than by a refusal."""
    for _ in range(_MOST_REFUSALS):
        graph = random_real_graph(random, layers)
        try:
            lowered = lower(graph).graph
            if _has_hardware(lowered):
                return lowered
        except ERRORS as error:
            if not is_refusal(error):
                return graph
    raise RuntimeError(f"lowering refused {_MOST_REFUSALS} random networks in a row")


def _random_lanes(random: Random, graph: Graph) -> dict[str, Parallelism]:
    chosen: dict[str, Parallelism] = {}
    for node, work in layers(graph):
        in_lanes = random_lanes(random, work.inputs, _MOST_PRODUCTS)
        wanted = Parallelism(in_lanes, random_lanes(random, work.outputs, _MOST_PRODUCTS // in_lanes))
        chosen[node.path] = INTEGER[node.op].fit(node, wanted)
    return chosen


def trials(flow: Dataflow, seed: int) -> tuple[Trial, ...]:
    """Every traffic profile, and one run with resets."""
    return (*(Trial(seed + k, traffic) for k, traffic in enumerate(ALL_TRAFFIC)), starts(flow, seed)[seed % 3])


def draw_case(seed: int, number: int) -> FuzzCase:
    """The case ``number`` of a campaign: every other one is lowered from a real graph."""
    random = Random(f"{seed} {number}")
    origin = f"seed {seed}, network {number}"
    if number % 2:
        graph = lowered_network(random, random.choice(_REAL_LAYERS))
        lanes = {} if is_real(graph) else _random_lanes(random, graph)
    else:
        graph, lanes = integer_network(random, random.randint(1, MOST_LAYERS))
    case = FuzzCase(graph, lanes, random.choice((0, 0, 0, 1, 2, 3)), (), None, origin)
    if case.real:
        return case
    flow, own_seed = case.flow(), random.randrange(1 << 31)
    return replace(case, trials=trials(flow, own_seed), codes=draw(flow, _SAMPLES, own_seed))
