"""Makes a failing case small: fewer trials, layers, elements, bits, lanes and samples, while it fails in the same way.

Greedy, and bounded by a number of attempts: the first smaller case that still fails takes the place of the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from fuzz.case import ERRORS, FuzzCase
from fuzz.check import Failure
from fuzz.compose import decoded
from hwgen.dataflow.unit import Parallelism
from hwgen.formats import IntArray, Integer
from hwgen.ir.graph import Array, Attrs, Graph, Node, Value, topological
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.sampling import codes_format, narrowed
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER
from hwgen.sim.native_runner import ALL_TRAFFIC, NO_RESETS
from hwgen.sim.samples import Codes, count, part
from hwgen.sim.trials import Trial

MOST_ATTEMPTS: Final = 80
_WRONG_OUTPUT: Final = {"bits", "framing", "stopped"}
"""Kinds of failure that one defect shows as, depending on when it strikes."""

Check = Callable[[FuzzCase], Failure | None]
Step = Callable[[FuzzCase, Failure], Iterator[FuzzCase]]


def shrink(case: FuzzCase, failure: Failure, check: Check, *, most_attempts: int = MOST_ATTEMPTS) -> tuple[FuzzCase, Failure]:
    """A smaller case of the same kind of failure, and its failure."""
    attempts = 0
    steps = (_earlier_end,) if case.real else (
        _one_run, _fewer_layers, _without_a_layer, _fewer_samples, _fewer_elements, _plainer_nodes, _fewer_bits, _fewer_lanes
    )
    at = unchanged = 0
    while unchanged < len(steps):
        for smaller in steps[at % len(steps)](case, failure):
            if attempts == most_attempts:
                return case, failure
            attempts += 1
            found = check(smaller)
            if found is not None and (found.kind == failure.kind or {found.kind, failure.kind} <= _WRONG_OUTPUT):
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


def _codes(case: FuzzCase) -> Codes:
    if case.codes is None:
        raise ValueError("a lowered case has codes")
    return case.codes


def _one_run(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """With all samples, so that what a layer less makes rarer is still seen."""
    if len(case.trials) > 1:
        yield replace(case, trials=(failure.trial or case.trials[0],))


def _fewer_samples(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """One sample; no resets; full rate, or plainer traffic; computed FIFOs."""
    codes, trial = _codes(case), failure.trial or case.trials[0]
    samples = count(codes)
    last = samples - 1 if failure.sample is None else failure.sample
    if samples > 1:
        yield replace(case, codes=part(codes, slice(last, last + 1)))
        yield replace(case, codes=part(codes, slice(max(0, last - 1), last + 1)))
        yield replace(case, codes=part(codes, slice(-(-samples // 2))))
    if samples > last + 1:
        yield replace(case, codes=part(codes, slice(last + 1)))
    if len(case.trials) == 1:
        if trial.resets.count:
            yield replace(case, trials=(replace(trial, resets=NO_RESETS),))
        for traffic in ALL_TRAFFIC[: ALL_TRAFFIC.index(trial.traffic)]:
            yield replace(case, trials=(Trial(trial.seed, traffic, trial.resets),))
    if case.fifo_depth:
        yield replace(case, fifo_depth=0)


def _device(case: FuzzCase) -> tuple[Node, ...]:
    """The nodes that compute, in order."""
    return tuple(n for n in case.graph.nodes if n.op in INTEGER)


def _ends(case: FuzzCase) -> tuple[Value, ...]:
    """The codes that leave."""
    return tuple(v.producer.inputs[0] for v in case.graph.outputs)


def _fewer_layers(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """One output; each layer alone; a graph that ends earlier, or that begins later, on the codes that reach it."""
    nodes, ends = _device(case), _ends(case)
    if len(ends) > 1:
        for end in ends:
            yield from _rebuilt(case, [end], {})
    if len(nodes) == 1:
        return
    values = evaluate(case.graph, _codes(case))
    for node in nodes:
        yield from _rebuilt(case, [node.output], {v: _entry(v, values[v]) for v in node.inputs})
    for node in nodes:
        if node.output not in ends:
            yield from _rebuilt(case, [node.output], {})
    for node in reversed(nodes):
        if node.output not in ends:
            yield from _rebuilt(case, ends, {node.output: _entry(node.output, values[node.output])})


def _without_a_layer(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """One of the layer's own inputs takes the place of its result: what branches and meets stays."""
    nodes = _device(case)
    for node in reversed(nodes):
        for value in dict.fromkeys(node.inputs):
            if value.type.shape == node.output.type.shape and len(nodes) > 1:
                yield from _rebuilt(case, _ends(case), {}, instead={node.output: value})


def _fewer_elements(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    """Half of an input's last axis, the other half, all but one."""
    for value in case.graph.inputs:
        *outer, size = value.type.shape
        half = size // 2
        for first, last in ((0, half), (half, size), (0, size - 1)):
            if last - first < size and last > first:
                entry = _Entry((*outer, last - first), codes_format(value), _codes(case)[value.name][..., first:last])
                yield from _rebuilt(case, _ends(case), {value: entry})


def _plainer_nodes(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    for node in _device(case):
        for attrs in INTEGER[node.op].plainer(node):
            yield from _rebuilt(case, _ends(case), {}, {node: attrs})


def _fewer_bits(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    for value in case.graph.inputs:
        smaller = narrowed(codes_format(value))
        if smaller is not None:
            codes = np.clip(_codes(case)[value.name], smaller.low, smaller.high)
            yield from _rebuilt(case, _ends(case), {value: _Entry(value.type.shape, smaller, codes)})


def _fewer_lanes(case: FuzzCase, failure: Failure) -> Iterator[FuzzCase]:
    plain = Parallelism(1, 1)
    for path, lanes in case.parallelism.items():
        half = Parallelism(max(1, lanes.inputs // 2), max(1, lanes.outputs // 2))
        for fewer in (plain, Parallelism(1, lanes.outputs), Parallelism(lanes.inputs, 1), half):
            if fewer != lanes:
                yield replace(case, parallelism={**case.parallelism, path: fewer})


@dataclass(frozen=True, eq=False, slots=True)
class _Entry:
    """What takes the place of a value as an input.  codes: (samples, …)."""

    shape: tuple[int, ...]
    format: Integer
    codes: IntArray


def _entry(value: Value, codes: Array) -> _Entry:
    """The value as it was computed."""
    return _Entry(value.type.shape, codes_format(value), np.asarray(codes, dtype=np.int64))


def _rebuilt(
    case: FuzzCase, ends: Sequence[Value], entries: Mapping[Value, _Entry], changed: Mapping[Node, Attrs] | None = None,
    instead: Mapping[Value, Value] | None = None,
) -> Iterator[FuzzCase]:
    """The graph that ends with ``ends``, with ``entries`` instead of some values; nothing where a layer does not allow it.

    changed: other attributes of some.  instead: earlier values that take the place of some.
    """
    instead = instead or {}
    ends = list(dict.fromkeys(instead.get(v, v) for v in ends))
    new: dict[Value, Value] = {}
    codes: dict[str, IntArray] = {}
    lanes: dict[str, Parallelism] = {}
    with suppress(*ERRORS):
        for node in _order(ends, entries, instead):
            value = node.output
            if value in entries or node.op == "input":
                entry = entries.get(value) or _entry(value, _codes(case)[value.name])
                new[value] = make(INPUT, InputAttrs(entry.shape, entry.format), [], value.name, value.name).output
                codes[value.name] = entry.codes
                continue
            inputs = [new[instead.get(v, v)] for v in node.inputs]
            op, attrs = INTEGER[node.op], (changed or {}).get(node, node.attrs)
            if any(a.type != b.type for a, b in zip(inputs, node.inputs, strict=True)):
                if not op.takes(inputs[0]):
                    return
                attrs = op.refit(replace(node, attrs=attrs), inputs[0])
            made = make(op, attrs, inputs, value.name, node.path)
            new[value] = made.output
            if node.path in case.parallelism and op.work is not None:
                lanes[node.path] = op.fit(made, case.parallelism[node.path])
        yield replace(case, graph=decoded([new[v] for v in ends], "fuzz"), parallelism=lanes, codes=codes)


def _order(ends: Sequence[Value], entries: Mapping[Value, _Entry], instead: Mapping[Value, Value]) -> list[Node]:
    """The nodes that ``ends`` need, each after what it uses; what stands before ``entries`` is left out, as is what is replaced."""
    needed: set[Node] = set()
    stack = [v.producer for v in ends]
    while stack:
        node = stack.pop()
        if node not in needed:
            needed.add(node)
            stack += [] if node.output in entries else [instead.get(v, v).producer for v in node.inputs]
    return [n for n in topological(ends) if n in needed]
