"""Makes a failing case small: fewer trials, layers, elements, bits, lanes and samples, while it fails in the same way.

Greedy, and bounded by a number of attempts: the first smaller case that still fails takes the place of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import numpy as np

from fuzz.case import ERRORS, FuzzCase
from fuzz.check import Failure
from fuzz.compose import decoded
from hwgen.dataflow.plan import device_nodes
from hwgen.dataflow.unit import Parallelism
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Attrs, Graph, Node, Value, topological
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.sampling import codes_format, narrowed
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER
from hwgen.sim.compare import Trial
from hwgen.sim.native_runner import ALL_TRAFFIC, NO_RESETS

MOST_ATTEMPTS: Final = 80

Check = Callable[[FuzzCase], Failure | None]
Step = Callable[[FuzzCase, Failure], Iterator[FuzzCase]]


def shrink(case: FuzzCase, failure: Failure, check: Check, *, most_attempts: int = MOST_ATTEMPTS) -> tuple[FuzzCase, Failure]:
    """A smaller case of the same kind of failure, and its failure."""
    attempts = 0
    steps = (_earlier_end,) if case.real else (
        _fewer_runs, _fewer_layers, _fewer_elements, _plainer_nodes, _fewer_bits, _fewer_lanes
    )
    at = unchanged = 0
    while unchanged < len(steps):
        for smaller in steps[at % len(steps)](case, failure):
            if attempts == most_attempts:
                return case, failure
            attempts += 1
            found = check(smaller)
            if found is not None and found.kind == failure.kind:
                case, failure, unchanged = smaller, found, 0
                break  # the same step again, on what is left
        else:
            at, unchanged = at + 1, unchanged + 1
    return case, failure


def _earlier_end(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """The graph that ends earlier."""
    for node in case.graph.nodes:
        if node.op not in ("input", "constant") and node.output not in case.graph.outputs:
            kept = topological([node.output], [v.producer for v in case.graph.inputs])
            yield replace(case, graph=Graph(case.graph.name, kept, (node.output,)))


def _codes(case: FuzzCase) -> IntArray:
    if case.codes is None:
        raise ValueError("a lowered case has codes")
    return case.codes


def _fewer_runs(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """One sample and one run; no resets; full rate, or plainer traffic; computed FIFOs."""
    codes, trial = _codes(case), failure.trial or case.trials[0]
    if len(case.trials) > 1:
        yield replace(case, trials=(trial,))
    last = len(codes) - 1 if failure.sample is None else failure.sample
    if len(codes) > 1:
        yield replace(case, codes=codes[last : last + 1])
        yield replace(case, codes=codes[max(0, last - 1) : last + 1])
        yield replace(case, codes=codes[: -(-len(codes) // 2)])
    if len(codes) > last + 1:
        yield replace(case, codes=codes[: last + 1])
    if len(case.trials) == 1:
        if trial.resets.count:
            yield replace(case, trials=(replace(trial, resets=NO_RESETS),))
        for traffic in ALL_TRAFFIC[: ALL_TRAFFIC.index(trial.traffic)]:
            yield replace(case, trials=(Trial(trial.seed, traffic, trial.resets),))
    if case.fifo_depth:
        yield replace(case, fifo_depth=0)


def _fewer_layers(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """Each layer alone, then all but the first or the last ones, on the codes that reach them."""
    nodes = device_nodes(case.graph)
    if len(nodes) == 1:
        return
    values = evaluate(case.graph, {case.graph.inputs[0].name: _codes(case)})
    spans = [(k, k + 1) for k in range(len(nodes))]
    spans += [(first, len(nodes)) for first in range(len(nodes) - 1, 0, -1)]
    spans += [(0, last) for last in range(1, len(nodes))]
    for first, last in spans:
        start = nodes[first].inputs[0]
        if any(INTEGER[n.op].unit for n in nodes[first:last]):
            entry = _input(start.type.shape, codes_format(start))
            codes = np.asarray(values[start], dtype=np.int64)
            yield from _rebuilt(case, nodes[first:last], entry, codes)


def _fewer_elements(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """Half of the input, the other half, all but one."""
    nodes, codes = device_nodes(case.graph), _codes(case)
    elements = case.graph.inputs[0].type.elements
    flat, format_ = codes.reshape(len(codes), -1), codes_format(case.graph.inputs[0])
    half = elements // 2
    for kept in ((0, half), (half, elements), (0, elements - 1)):
        if elements > 1:
            yield from _rebuilt(case, nodes, _input((1, kept[1] - kept[0]), format_), flat[:, kept[0] : kept[1]])


def _plainer_nodes(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    nodes = device_nodes(case.graph)
    for node in nodes:
        for attrs in INTEGER[node.op].plainer(node):
            yield from _rebuilt(case, nodes, _input_of(case), _codes(case), {node: attrs})


def _fewer_bits(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    smaller = narrowed(codes_format(case.graph.inputs[0]))
    if smaller is not None:
        entry = _input(case.graph.inputs[0].type.shape, smaller)
        yield from _rebuilt(case, device_nodes(case.graph), entry, np.clip(_codes(case), smaller.low, smaller.high))


def _fewer_lanes(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    plain = Parallelism(1, 1)
    for path, lanes in case.parallelism.items():
        half = Parallelism(max(1, lanes.inputs // 2), max(1, lanes.outputs // 2))
        for fewer in (plain, Parallelism(1, lanes.outputs), Parallelism(lanes.inputs, 1), half):
            if fewer != lanes:
                yield replace(case, parallelism={**case.parallelism, path: fewer})


def _input(shape: tuple[int, ...], format_: Integer) -> Value:
    return make(INPUT, InputAttrs(shape, format_), [], "x", "x").output


def _input_of(case: FuzzCase) -> Value:
    return _input(case.graph.inputs[0].type.shape, codes_format(case.graph.inputs[0]))


def _rebuilt(
    case: FuzzCase, nodes: Sequence[Node], entry: Value, codes: IntArray, changed: Mapping[Node, Attrs] | None = None
) -> Iterator[FuzzCase]:
    """The layers ``nodes`` on ``entry``, each cut to what the one before gives; nothing where a layer does not allow it.

    changed: other attributes of some.
    """
    value, lanes = entry, dict[str, Parallelism]()
    with suppress(*ERRORS):
        for node in nodes:
            op, attrs = INTEGER[node.op], (changed or {}).get(node, node.attrs)
            if value.type != node.inputs[0].type:
                if not op.takes(value):
                    return
                attrs = op.refit(replace(node, attrs=attrs), value)
            before = value
            value = make(op, attrs, [value], node.output.name, node.path).output
            if node.path in case.parallelism:
                old = case.parallelism[node.path]
                lanes[node.path] = Parallelism(min(old.inputs, before.type.elements), min(old.outputs, value.type.elements))
        yield replace(case, graph=decoded(value, "fuzz"), parallelism=lanes, codes=codes.reshape(-1, *entry.type.shape[1:]))
