"""What a pass promises, checked on one graph: its effect on the values, its account, the text form, what it was given."""

from __future__ import annotations

from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import parse
from hwgen.ir.graph import Graph, Node, Value
from hwgen.ir.text import parse_graph, print_graph
from hwgen.ops.checking import check
from hwgen.ops.record import attrs_as
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BatchNormAttrs, along_axis
from hwgen.ops.table import ATTRS
from hwgen.pipeline import Effect, Info, Pass
from pass_fuzz import exact_windows
from pass_fuzz.exact_reals import Array, Evaluation, same
from pass_fuzz.subjects import Subject

_CLOSE: Final = 2.0**-49
"""Rounding of parameters to float64, a few times over, relatively to the terms of a sum."""


class Broken(Exception):
    """A promise that a pass did not keep.  kind: which, for telling one failure from another.  what: for people."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind, self.what = kind, what


def hold(one: Pass, subject: Subject) -> Info:
    """Runs a pass on a graph.  Raises Broken with what it breaks, and HwgenError where it refuses the graph."""
    before = subject.graph
    given = print_graph(before)
    try:
        after, info = one(before)
    except HwgenError as error:
        if error.code == "broken-graph":
            raise Broken("graph", f"the graph that it makes is broken: {error}") from error
        raise
    if print_graph(before) != given:
        raise Broken("input", "it changed the graph that it was given")
    check(after)
    text = print_graph(after)
    _hold_account(one, info, before, after)
    if info.changed and text == given:
        raise Broken("account", f"its account says that {info.changed[0].where!r} changed, and nothing did")
    if not info.changed and text != given:
        raise Broken("account", "it changed the graph, and its account does not say so")
    _hold_text(after, text, subject)
    if info.effect is Effect.EXACT:
        _hold_exact(subject, after)
        twice, again = one(after)
        if print_graph(twice) != text:
            raise Broken("again", "a second run changes its own result")
        if again.changed:
            raise Broken("again", f"a second run says that it changed {again.changed[0].where!r}")
    elif info.effect is Effect.FLOAT_CLOSE:
        _hold_close(subject, after)
    else:
        _hold_format(one, before, after)
    return info


def _hold_account(one: Pass, info: Info, before: Graph, after: Graph) -> None:
    if (info.name, info.effect) != (one.name, one.effect):
        raise Broken("account", f"its account is of {info.name!r}, {info.effect}")
    nodes = [n for g in (before, after) for n in g.nodes]
    places = {n.path for n in nodes} | {name for n in nodes for name in n.output_names}
    for note in (*info.changed, *info.left):
        if note.where not in places:
            raise Broken("account", f"its account names {note.where!r}, which is no node")


def _hold_text(graph: Graph, text: str, subject: Subject) -> None:
    parsed = parse_graph(text, ATTRS)
    if print_graph(parsed) != text:
        raise Broken("text", "its result does not survive the text form")
    _, samples = subject.inputs(graph)
    data = {name: a if a.dtype != object else a.astype(np.float64) for name, a in samples.items()}
    if any(n.op == "reshape" and n.inputs[0].producer.op == "constant" for n in graph.nodes):
        return  # NumPy's run takes the first axis for the batch
    ours, theirs = evaluate(graph, data), evaluate(parsed, data)
    for mine, other in zip(graph.outputs, parsed.outputs, strict=True):
        if not np.array_equal(ours[mine], theirs[other], equal_nan=True):
            raise Broken("text", "its result computes something else once printed and parsed")


def _hold_exact(subject: Subject, after: Graph) -> None:
    mine, others = subject.inputs(after)
    old, new = Evaluation(subject.graph, mine).values, Evaluation(after, others).values
    for index, (a, b) in enumerate(zip(subject.graph.outputs, after.outputs, strict=True)):
        if not same(old[a], new[b]):
            raise Broken("values", f"output {index} ({a.name}) is another number, and the pass says exact")


def _hold_close(subject: Subject, after: Graph) -> None:
    """Value by value, each from the values that the old graph has, so that no quantizer makes a step of a rounding."""
    mine, _ = subject.inputs(after)
    old = {v.name: a for v, a in Evaluation(subject.graph, mine).values.items()}
    sizes = {v.name: a for v, a in _magnitudes(subject.graph, old).items()}

    class Beside(Evaluation):
        """Keeps what the old graph says of a value, after comparing."""

        def node(self, node: Node, x: list[Array]) -> Array:
            made, known = np.asarray(super().node(node, x)), old.get(node.output.name)
            if known is None or node.op == "constant":
                return made
            error = np.abs(np.asarray(made - known).astype(np.float64))
            if made.shape != known.shape or (error > _CLOSE * sizes[node.output.name]).any():
                raise Broken("values", f"{node.output.name} is off by more than the rounding of its parameters")
            return known

    Beside(after, mine)


def _magnitudes(graph: Graph, values: dict[str, Array]) -> dict[Value, Array]:
    """For each value the sum of the sizes of the terms that made it."""
    sizes: dict[Value, Array] = {}
    for node in graph.nodes:
        x = [sizes[v] for v in node.inputs]
        own = np.abs(values[node.output.name].astype(np.float64))
        if node.op == "linear":
            sizes[node.output] = x[0] @ x[1].T + (x[2] if len(x) > 2 else 0)
        elif node.op in ("conv", "conv_transpose"):
            of = exact_windows.convolution if node.op == "conv" else exact_windows.transposed
            sizes[node.output] = of(x[0], x[1], x[2] if len(x) > 2 else None, node.attrs, own.shape)
        elif node.op == "batch_norm":
            attrs = attrs_as(node, BatchNormAttrs)
            vectors = (attrs.scale_bias().gain, attrs.beta, attrs.mean)
            gain, beta, mean = (np.abs(along_axis(vector, attrs.axis, own.ndim)) for vector in vectors)
            sizes[node.output] = x[0] * gain + beta + mean * gain
        elif node.op in ("add", "sub"):
            sizes[node.output] = x[0] + x[1]
        else:
            sizes[node.output] = np.maximum(own, x[0]) if x and x[0].shape == own.shape else own
    return sizes


def _hold_format(one: Pass, before: Graph, after: Graph) -> None:
    """The quantizers that a pass adds have the format that it was asked for."""
    asked = getattr(one, "format", None)
    if asked is None or getattr(one, "calibration", None) is not None:
        return
    known = {n.output.name for n in before.nodes}
    for node in after.nodes:
        if node.op == "quantize" and node.output.name not in known and node.output.type.format != parse(asked):
            raise Broken("format", f"{node.output.name} is {node.output.type.format}, asked for {asked}")
