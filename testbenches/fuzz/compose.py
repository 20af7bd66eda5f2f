"""Random networks: integer operators joined at random, and random real graphs that are lowered."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Final

from fuzz.case import ERRORS, FuzzCase, is_real, is_refusal
from hwgen.dataflow.plan import Dataflow, device_nodes
from hwgen.dataflow.unit import Parallelism
from hwgen.flow import lower
from hwgen.ir.graph import NO_ATTRS, Graph, Node, Value, topological
from hwgen.ops.linear import MatvecAttrs
from hwgen.ops.quantize import DECODE
from hwgen.ops.random_real_graph import random_real_graph
from hwgen.ops.record import make
from hwgen.ops.sampling import random_lanes
from hwgen.ops.table import INTEGER, INTEGER_OPS
from hwgen.sim.compare import Trial, starts
from hwgen.sim.native_runner import ALL_TRAFFIC
from hwgen.sim.samples import draw

MOST_LAYERS: Final = 8
_SAMPLES: Final = 52
_REAL_LAYERS: Final = (1, 1, 2, 2, 3, 4)
"""Matrix products of a real graph: with what follows them about twice as many layers."""
_MOST_REFUSALS: Final = 50
"""Lowering refuses about one random network of fifty."""
_MOST_PRODUCTS: Final = 64
"""Multipliers of one layer: more take long to compile and show nothing new."""


def decoded(output: Value, name: str) -> Graph:
    """A lowered graph that ends with ``output``."""
    real = make(DECODE, NO_ATTRS, [output], "decoded", "decode").output
    return Graph(name, topological([real], [n for n in topological([real]) if n.op == "input"]), (real,))


def _attempt(random: Random, layers: int) -> tuple[list[Node], dict[str, Parallelism]]:
    nodes: list[Node] = []
    lanes: dict[str, Parallelism] = {}
    value = None
    while len(nodes) < layers:
        fitting = [op for op in INTEGER_OPS if value is None or op.takes(value)]
        used = Counter(n.op for n in nodes)  # what was used already is less likely
        (op,) = random.choices(fitting, [(1 + used[op.name]) ** -2 for op in fitting])
        case = op.sample(random, value)
        before, after = case.node.inputs[0].type.elements, case.node.output.type.elements
        if len(nodes) < layers - 1 and after < before and op.unit is not None and after == 1 and random.random() < 0.9:
            continue  # what makes one element of many mostly comes last, or long networks would be rare
        path = f"l{len(nodes)}"
        nodes.append(replace(case.node, output_names=(path,), path=path))
        lanes[path] = case.parallelism
        value = nodes[-1].output
    return nodes, lanes


def integer_network(random: Random, layers: int) -> tuple[Graph, dict[str, Parallelism]]:
    """A chain of ``layers`` random operators, and lanes for its matrix products; nearly always there is one."""
    while True:
        nodes, lanes = _attempt(random, layers)
        units = {n.path: unit(n, lanes[n.path]) for n in nodes if (unit := INTEGER[n.op].unit) is not None}
        products = {path: lanes[path] for path, unit in units.items() if unit.streams}
        if products or (units and random.random() < 0.1):
            return decoded(nodes[-1].output, "fuzz"), products


def lowered_network(random: Random, layers: int) -> Graph:
    """A real graph of ``layers`` matrix products, lowered; as it is where lowering it fails otherwise than by a refusal."""
    for _ in range(_MOST_REFUSALS):
        graph = random_real_graph(random, layers)
        try:
            lowered = lower(graph).graph
            if any(INTEGER[n.op].unit for n in device_nodes(lowered)):
                return lowered
        except ERRORS as error:
            if not is_refusal(error):
                return graph
    raise RuntimeError(f"lowering refused {_MOST_REFUSALS} random networks in a row")


def _random_lanes(random: Random, graph: Graph) -> dict[str, Parallelism]:
    chosen: dict[str, Parallelism] = {}
    for node in device_nodes(graph):
        if isinstance(node.attrs, MatvecAttrs):
            outputs, inputs = node.attrs.weight.shape
            in_lanes = random_lanes(random, inputs, _MOST_PRODUCTS)
            chosen[node.path] = Parallelism(in_lanes, random_lanes(random, outputs, _MOST_PRODUCTS // in_lanes))
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
