"""Graphs: order without recursion, rebuilding, and each rule of the verifier broken once."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Integer
from hwgen.ir.graph import NO_ATTRS, Graph, Node, Rewriter, TensorType, Value, topological
from hwgen.ir.text import parse_graph, print_graph
from hwgen.ir.verify import verify
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import ATTRS, definition
from hwgen.ops.table import REAL as REAL_OPS


def infer(node: Node) -> tuple[TensorType, ...]:
    return definition(node.op).infer(node)


def source(name: str = "x", width: int = 4) -> Node:
    return make(INPUT, InputAttrs((1, width)), [], name, name)


def unary(op: str, value: Value, name: str) -> Node:
    return make(REAL_OPS[op], NO_ATTRS, [value], name, name)


def graph_of(*outputs: Value, inputs: tuple[Node, ...]) -> Graph:
    return Graph("g", topological(outputs, inputs), outputs)


def diamond() -> Graph:
    x = source()
    left, right = unary("relu", x.output, "left"), unary("sigmoid", x.output, "right")
    total = make(REAL_OPS["add"], NO_ATTRS, [left.output, right.output], "sum", "sum")
    return graph_of(total.output, inputs=(x,))


# --- order ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_chain_of_100_000_nodes_is_ordered_printed_and_read() -> None:
    x = source(width=1)
    value = x.output
    for i in range(100_000):
        value = Node("identity", NO_ATTRS, (value,), (value.type,), (f"v{i}",), f"n{i}").output
    graph = graph_of(value, inputs=(x,))
    assert [n.path for n in graph.nodes[:3]] == ["x", "n0", "n1"]
    assert len(graph.nodes) == 100_001 and graph.nodes[-1].path == "n99999"
    verify(graph, infer)
    assert len(parse_graph(print_graph(graph), ATTRS).nodes) == 100_001
    rewriter = Rewriter(graph)
    rewriter.replace(graph.nodes[1].output, graph.nodes[0].output)
    assert len(rewriter.finish().nodes) == 100_000


def test_every_node_comes_after_what_it_uses_and_once(random: Random) -> None:
    x = source()
    values = [x.output]
    for i in range(500):
        op = random.choice(("relu", "add"))
        inputs = [random.choice(values) for _ in range(1 if op == "relu" else 2)]
        values.append(make(REAL_OPS[op], NO_ATTRS, inputs, f"v{i}", f"n{i}").output)
    graph = graph_of(*values[-20:], inputs=(x,))
    place = {node: i for i, node in enumerate(graph.nodes)}
    assert len(place) == len(graph.nodes), "no node stands twice"
    assert all(place[v.producer] < place[node] for node in graph.nodes for v in node.inputs)
    verify(graph, infer)


def test_inputs_come_first_in_their_order_even_unused() -> None:
    a, b, c = source("a"), source("b"), source("c")
    graph = graph_of(unary("relu", c.output, "y").output, inputs=(b, a, c))
    assert [v.name for v in graph.inputs] == ["b", "a", "c"]


def test_uses_count_a_node_once_for_each_use() -> None:
    x = source()
    double = make(REAL_OPS["add"], NO_ATTRS, [x.output, x.output], "y", "y")
    assert graph_of(double.output, inputs=(x,)).uses[x.output] == (double, double)


# --- rebuilding -------------------------------------------------------------------------------------------------------


def test_rewriter_leaves_the_old_graph_and_what_did_not_change() -> None:
    graph = diamond()
    before = print_graph(graph)
    rewriter = Rewriter(graph)
    x = graph.inputs[0]
    rewriter.replace(graph.nodes[1].output, unary("tanh", x, "new").output)
    new = rewriter.finish()
    assert print_graph(graph) == before, "the old graph is as it was"
    assert [n.op for n in new.nodes] == ["input", "tanh", "sigmoid", "add"]
    assert new.nodes[2] is graph.nodes[2], "what did not change is shared"
    verify(new, infer)


def test_rewriter_drops_what_is_no_longer_used_but_no_input() -> None:
    x, y = source("x"), source("y")
    total = make(REAL_OPS["add"], NO_ATTRS, [unary("relu", x.output, "r").output, y.output], "sum", "sum")
    graph = graph_of(total.output, inputs=(x, y))
    rewriter = Rewriter(graph)
    rewriter.replace(total.output, y.output)
    new = rewriter.finish()
    assert [n.op for n in new.nodes] == ["input", "input"] and [v.name for v in new.inputs] == ["x", "y"]


# --- the verifier -----------------------------------------------------------------------------------------------------


def test_sound_graphs_pass() -> None:
    verify(diamond(), infer)


def broken(what: str) -> Graph:
    graph = diamond()
    x, left, _, total = graph.nodes
    match what:
        case "order":
            return replace(graph, nodes=(left, x, *graph.nodes[2:]))
        case "missing":
            return replace(graph, nodes=graph.nodes[1:])
        case "type":
            wrong = replace(total, output_types=(TensorType((1, 5), REAL),))
            return replace(graph, nodes=(*graph.nodes[:-1], wrong), outputs=(wrong.output,))
        case "format":
            wrong = replace(left, output_types=(TensorType((1, 4), Integer(0, 3)),))
            return graph_of(wrong.output, inputs=(x,))
        case "count":
            wrong = replace(left, output_types=left.output_types * 2, output_names=("a", "b"))
            return graph_of(wrong.outputs[0], inputs=(x,))
        case "name":
            again = unary("relu", x.output, "x")
            return graph_of(again.output, inputs=(x,))
        case "twice":
            return replace(graph, nodes=(*graph.nodes, total))
        case "output":
            return replace(graph, outputs=(source("other").output,))
        case _:
            raise ValueError(what)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("order", "before it is made"), ("missing", "before it is made"), ("type", "inferred"), ("format", "inferred"),
        ("count", "inferred"), ("name", "two values are named 'x'"), ("twice", "two values are named 'sum'"),
        ("output", "no node of the graph makes"),
    ],
)
def test_each_broken_rule_is_found_and_named(what: str, says: str) -> None:
    with pytest.raises(HwgenError, match=says) as caught:
        verify(broken(what), infer)
    assert caught.value.code == "broken-graph" and caught.value.where, "it names the place"
