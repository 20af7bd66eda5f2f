"""Quantizers on the constants of layers, as a configuration of formats says; used by the pass `assign-formats`."""

from __future__ import annotations

from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import Graph, Node, Rewriter, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import attrs_as, make
from hwgen.ops.run import constant_floats
from hwgen.ops.scalar import SCALE_BIAS, BatchNormAttrs, ScaleBiasAttrs
from hwgen.ops.source import CONSTANT, ConstantAttrs, constant_reals
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.pipeline import Notes
from hwgen.precision.members import holds, per_tensor
from hwgen.precision.points import grid_of, parameters
from hwgen.precision.rules import Choice, Rules

_SCALED: Final = ("scale", "bias")


def bared(graph: Graph, rules: Rules, notes: Notes) -> tuple[Graph, frozenset[tuple[str, str]]]:
    """Without the model's own quantizers of parameters whose format is named as another; path and role of these."""
    wanted: dict[tuple[Node, int], tuple[str, str]] = {}
    for node in graph.nodes if rules.replaces else ():
        for role, holder, index in parameters(node, graph):
            choice, own = rules.choice(node, role), grid_of(holder.inputs[index])
            if choice is not None and choice.named and own not in (REAL, choice.format):
                wanted[holder, index] = (node.path, role)
                notes.changed(node.path, f"{role}: the model's own {own} gives way")
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        rewriter.copy(node)
        inputs = [_bare(rewriter, v) if (node, k) in wanted else rewriter[v] for k, v in enumerate(node.inputs)]
        if any((node, k) in wanted for k in range(len(inputs))):
            rewriter.replace(node.output, node.with_inputs(inputs).output)
    return rewriter.finish(), frozenset(wanted.values())


def _bare(rewriter: Rewriter, value: Value) -> Value:
    """A constant behind quantizers and moves, as the reals that the model has of it, after the same moves."""
    moves: list[Node] = []
    while (node := value.producer).op != "constant":
        moves = moves if node.op == "quantize" else [node, *moves]
        value = node.inputs[0]
    attrs = attrs_as(node, ConstantAttrs)
    if attrs.format is not REAL:
        reals = ConstantAttrs(np.asarray(constant_floats(attrs)))
        value = make(CONSTANT, reals, [], rewriter.name(f"{value.name}.real"), node.path).output
    for move in moves:
        value = make(REAL_OPS[move.op], move.attrs, [value], rewriter.name(move.output.name), move.path).output
    return value


def with_parameters(graph: Graph, rules: Rules, notes: Notes, only: frozenset[tuple[str, str]] | None = None) -> Graph:
    """Quantizers on weights and biases, and on the numbers of batch norms.  only: path and role of those that are dealt with."""
    holders: dict[Node, list[tuple[int, Node, str]]] = {}
    for node in graph.nodes:
        for role, holder, index in parameters(node, graph):
            if only is None or (node.path, role) in only:
                holders.setdefault(holder, []).append((index, node, role))
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        rewriter.copy(node)
        if node.op == "batch_norm" and only is None:
            rewriter.replace(node.output, _scaled(node, rewriter[node.inputs[0]], rules, notes).output)
        inputs = list(rewriter[node.output].producer.inputs)
        for index, layer, role in holders.get(node, ()):
            choice = rules.choice(layer, role)
            if choice is not None:
                inputs[index] = _parameter(inputs[index], layer, role, choice, rules, rewriter, notes)
        if node in holders:
            rewriter.replace(node.output, node.with_inputs(inputs).output)
    return rewriter.finish()


def _parameter(
    value: Value, layer: Node, role: str, choice: Choice, rules: Rules, rewriter: Rewriter, notes: Notes
) -> Value:
    attrs, format_, own = value.producer.attrs, choice.format, grid_of(value)
    if own is not REAL:
        if rules.replaces and choice.named:  # put there before
            return value
        if choice.named and not holds(format_, own):
            what = f"is {format_}, and the model quantizes it to {own}"
            raise rules.config.problem(f"{choice.section.key}.Precision.{role}", what, "leave it out, or write auto")
        notes.left(layer.path, f"{role}: the model quantizes it to {own}")
        return value
    if not isinstance(attrs, ConstantAttrs):
        notes.left(layer.path, f"{role}: is no constant")
        return value
    notes.changed(layer.path, f"{role}: {format_}")
    name, path = f"{value.name}.q", value.producer.path
    if attrs.data.dtype == object or not rules.replaces:  # hls4ml rounds what float64 holds
        reals = ConstantAttrs(np.asarray(constant_floats(attrs)))
        value = make(CONSTANT, reals, [], rewriter.name(f"{value.name}.float64"), path).output
    return make(QUANTIZE, QuantizeAttrs(format_), [value], rewriter.name(name), path).output


def _scaled(node: Node, value: Value, rules: Rules, notes: Notes) -> Node:
    """A batch norm by its scale and bias, each of its own format; as it is where neither has one."""
    chosen = {role: rules.choice(node, role) for role in _SCALED}
    if not any(chosen.values()):
        return node.with_inputs([value])
    exact = attrs_as(node, BatchNormAttrs).scale_bias()
    gain, bias = (_rounded(v, chosen[r], node, r) for r, v in zip(_SCALED, (exact.gain, exact.bias), strict=True))
    for role, choice in chosen.items():
        if choice is not None:
            notes.changed(node.path, f"{role}: {choice.format}")
    return make(SCALE_BIAS, ScaleBiasAttrs(gain, bias, exact.axis), [value], node.output.name, node.path)


def _rounded(numbers: tuple[Surd, ...], choice: Choice | None, node: Node, role: str) -> tuple[Surd, ...]:
    if choice is None:
        return numbers
    if not per_tensor(choice.format):
        fix = "give a format with one scale, such as fixed<8,4>"
        raise HwgenError("format", f"{role} of batch_norm {node.path!r}", f"{choice.format} has no scale that is one for all", fix)
    reals = ConstantAttrs(choice.format.quantize(np.array([float(n) for n in numbers])), choice.format)
    return tuple(constant_reals(reals))
