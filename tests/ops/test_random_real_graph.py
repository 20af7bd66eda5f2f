"""Random real networks: every operator occurs, they are reproducible, and they lower, with few and typed refusals."""

from __future__ import annotations

from random import Random

import pytest

from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.formats import REAL, Affine, Binary, Fixed, Ternary
from hwgen.ir.text import print_graph
from hwgen.numerics.rounding import Rounding
from hwgen.ops.checking import check
from hwgen.ops.random_real_graph import random_real_graph
from hwgen.ops.real_sampling import computed, random_quantizer
from hwgen.ops.table import REAL_OPS

MEETINGS = {"add", "sub", "mul", "min", "max", "concat"}
BETWEEN_CODES = {"codes", "decode"}
"""Made by a front end and by lowering; no graph that is to be lowered holds them."""


def test_every_real_operator_occurs_in_random_networks(random: Random) -> None:
    graphs = [random_real_graph(random, random.randint(1, 4)) for _ in range(400)]
    seen = {node.op for graph in graphs for node in graph.nodes}
    assert seen == {op.name for op in REAL_OPS} - BETWEEN_CODES
    for graph in graphs:
        check(graph)
        assert all(v.type.format is REAL for v in graph.inputs)
    with_products = [g for g in graphs if any(n.op == "linear" for n in g.nodes)]
    assert len(with_products) > 0.9 * len(graphs), "few ends that hold all of them are left out"


def test_random_networks_branch(random: Random) -> None:
    graphs = [random_real_graph(random, random.randint(1, 4)) for _ in range(150)]
    assert {len(g.inputs) for g in graphs} >= {1, 2}
    assert {len(g.outputs) for g in graphs} >= {1, 2, 3}
    meetings = [n for g in graphs for n in g.nodes if n.op in MEETINGS and len(computed(dict.fromkeys(n.inputs))) > 1]
    assert {n.op for n in meetings} == MEETINGS
    residual = [n for n in meetings if n.op == "add" and all(v.producer.op == "quantize" for v in n.inputs)]
    assert any(len({v.type.format for v in n.inputs}) == 2 for n in residual), "sums of two scales"
    assert any(len(uses) > 1 for g in graphs for v, uses in g.uses.items() if v.producer.op == "quantize")
    assert {len(n.inputs[0].type.shape) for g in graphs for n in g.nodes if n.op == "conv"} == {3, 4}


def test_the_seed_alone_decides() -> None:
    assert print_graph(random_real_graph(Random(5), 3)) == print_graph(random_real_graph(Random(5), 3))
    assert print_graph(random_real_graph(Random(5), 3)) != print_graph(random_real_graph(Random(6), 3))


def test_quantizers_are_of_all_kinds_widths_and_roundings(random: Random) -> None:
    drawn = [random_quantizer(random, random.choice((0.1, 1.0, 9.0)), channels=3, axis=1) for _ in range(1500)]
    assert {type(f) for f in drawn} == {Affine, Fixed, Binary, Ternary}
    assert {f.bits for f in drawn} >= {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16}
    assert {f.rounding for f in drawn} == set(Rounding)
    assert {f.axis for f in drawn} == {None, 1}
    assert any(f.wraps for f in drawn)
    assert any(len(f.zeros) > 1 for f in drawn)
    assert any(len(f.scales) == 1 and f.scales[0].numerator > 1 for f in drawn)


@pytest.mark.slow
def test_random_networks_lower_with_few_refusals(random: Random) -> None:
    refused = []
    networks = 30
    for _ in range(networks):
        try:
            lower(random_real_graph(random, random.randint(1, 3)))
        except HwgenError as error:
            assert error.code != "broken-graph", error
            refused.append(str(error))
    assert len(refused) <= networks // 4, refused
