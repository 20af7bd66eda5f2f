"""Put quantizers in as a configuration of formats says: at weights, biases, inputs and outputs of layers.

    linear(x, W, b)   ⇒   quantize(linear(quantize(x), quantize(W), quantize(b)))

A batch norm is folded into the layer before it where that layer's output has no format; any other computes with its own scale and
bias.  A bias that a sum of its own adds (MatMul and Add) is the layer's, whose output is then the sum's.  A default says nothing of
inputs that need no codes, of outputs that only move elements, and of what the model quantizes itself; the model's own quantizer
gives way only where the layer's section, or a pattern, names the role (never to a file of hls4ml's).  Where a value can hold
nothing but members of its format already, it stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import Graph, Node, Rewriter, Value
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.ops.record import make
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.ops.weights import POOLS, PRODUCTS
from hwgen.pipeline import Effect, Notes, Pass
from hwgen.precision.members import holds, per_tensor
from hwgen.precision.points import (
    MOVES,
    adds_bias_behind,
    bias_of_sum,
    constant_values,
    data_inputs,
    enters,
    grid_of,
    layers_of,
    needed_inputs,
)
from hwgen.precision.rules import Choice, PrecisionConfig, Quantizer, Rules
from passes.transform.fold_batch_norm import FoldBatchNorm
from passes.transform.fold_constants import FoldConstants
from passes.transform.parameter_formats import bared, with_parameters

_ARITHMETIC: Final = ("add", "sub", "mul", "div", "min", "max")
_RESULTS: Final = frozenset(
    ("input", "batch_norm", "scale_bias", "concat", "relu", "clip", "prelu", "threshold", *_ARITHMETIC, *PRODUCTS, *POOLS,
     *FUNCTION_OPS)
)
"""Operators whose output gets a default."""
_HOST: Final = ("softmax", "argmax")


@dataclass(frozen=True)
class AssignFormats(Pass):
    """config: as `hwgen.config` or `hwgen.frontend.hls4ml_config` reads it.

    training: what the model's quantizers take stays a float of its own, and batch norms stay.
    """

    config: PrecisionConfig
    training: bool = False

    name = "assign-formats"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        lowered = next((v for v in graph.inputs if v.type.format is not REAL), None)
        if lowered is not None:
            raise HwgenError("usage", f"input {lowered.name!r}", "comes in as codes", "assign formats before lowering")
        rules = self.config.on(graph)
        graph, named = bared(graph, rules, notes)
        graph = FoldConstants(quantizers=not self.training).rewrite(graph, notes)
        graph = _Values(graph, rules, notes).rewritten()
        graph = with_parameters(graph, rules, notes, named)
        graph = graph if self.training else FoldBatchNorm().rewrite(graph, notes)
        return with_parameters(graph, rules, notes)


class _Values:
    """One rewriting of a graph: its inputs and outputs of layers."""

    def __init__(self, graph: Graph, rules: Rules, notes: Notes) -> None:
        self._graph, self._rules, self._notes = graph, rules, notes
        self._rewriter = Rewriter(graph)
        self._constants = constant_values(graph)
        self._ends = {nodes[-1] for nodes in layers_of(graph).values()}
        self._gone: set[Node] = set()
        self._output = rules.config.role("output")
        self._made: dict[tuple[Value, Quantizer], Value] = {}
        self._copies: dict[tuple[Value, Node], Value] = {}

    def rewritten(self) -> Graph:
        """The new graph."""
        for node in self._graph.nodes:
            if node in self._gone:
                self._rewriter.replace(node.output, self._rewriter[node.inputs[0]])
                continue
            self._rewriter.copy(node)
            if node.inputs and node.output not in self._constants and node.op != "quantize":
                self._with_inputs(node)
            if node in self._ends:
                self._with_output(node)
        return self._rewriter.finish()

    def _quantized(self, value: Value, format_: Quantizer, name: str, path: str) -> Value:
        """On the grid of a format, by one quantizer for all that want the same."""
        if (value, format_) not in self._made:
            made = make(QUANTIZE, QuantizeAttrs(format_), [value], self._rewriter.name(name), path).output
            self._made[value, format_] = made
        return self._made[value, format_]

    # --- inputs

    def _with_inputs(self, node: Node) -> None:
        new = self._rewriter[node.output].producer
        if new.op != node.op:  # it has gone
            return
        inputs, needed = list(new.inputs), needed_inputs(node, self._graph, new.inputs)
        for index in data_inputs(node, self._constants):
            choice = self._rules.choice(node, "input")
            whole = enters(node, index)
            if choice is None or not (index in needed or (whole and choice.level != "default")):
                continue
            named = choice.named and whole
            made = self._input(node.inputs[index], choice, named)
            if made is None:
                self._notes.left(node.path, f"input: {node.inputs[index].name} is on a grid already")
            else:
                inputs[index] = made
                self._notes.changed(node.path, f"input: {choice.format} ({node.inputs[index].name})")
        if any(a is not b for a, b in zip(inputs, new.inputs, strict=True)):
            self._rewriter.replace(node.output, new.with_inputs(inputs).output)

    def _input(self, old: Value, choice: Choice, named: bool) -> Value | None:
        """What a layer takes for ``old`` of the old graph; None where that stays.

        named: the model's own quantizer, past moves of elements, gives way.
        """
        format_, (base, moves) = choice.format, _past_moves(old)
        own = base.producer
        replaced = named and self._rules.replaces and own.op == "quantize" and own not in self._gone
        start = own.inputs[0] if replaced else base
        grid = grid_of(self._rewriter[start])
        if not replaced:
            if holds(format_, grid) if named else grid is not REAL:
                return None
            moves = self._alone(moves)
            start = moves[0].inputs[0] if moves else old
        value = self._rewriter[start]
        if holds(format_, grid):
            return self._moved(value, moves)
        if not per_tensor(format_):
            value, moves = self._moved(value, moves), []
        return self._moved(self._quantized(value, format_, f"{value.name}.q", value.producer.path), moves)

    def _alone(self, moves: list[Node]) -> list[Node]:
        """The last of ``moves`` whose values nobody else uses."""
        found: list[Node] = []
        for node in reversed(moves):
            if len(self._graph.uses.get(node.output, ())) > 1 or node.output in self._graph.outputs:
                break
            found.insert(0, node)
        return found

    def _moved(self, value: Value, moves: list[Node]) -> Value:
        """``value`` after the same moves, each of a value made once; under new names where others use the old."""
        alone = self._alone(moves)
        for node in moves:
            if (value, node) not in self._copies:
                name = node.output.name if node in alone else self._rewriter.name(node.output.name)
                self._copies[value, node] = make(REAL_OPS[node.op], node.attrs, [value], name, node.path).output
            value = self._copies[value, node]
        return value

    # --- outputs

    def _with_output(self, node: Node) -> None:
        bias = bias_of_sum(node)
        layer = node if bias is None or self._rules.decides(node, "output") else bias[1]
        choice = self._rules.choice(layer, "output")
        if choice is None or adds_bias_behind(node, self._graph):
            return
        if why := None if choice.named else self._ends_elsewhere(node, choice):
            if why != "moves elements only":
                self._notes.left(node.path, f"{self._output}: {why}")
            return
        if node.op in _HOST:
            self._notes.left(node.path, f"{self._output}: the host computes it")
            return
        value, uses = self._rewriter[node.output], self._graph.uses.get(node.output, ())
        if uses and all(u.op == "quantize" for u in uses) and self._rules.replaces and choice.named:
            self._gone.update(uses)
        if holds(choice.format, grid_of(value)):
            self._notes.left(node.path, f"{self._output}: every value is one of {choice.format} already")
            return
        made = self._quantized(value, choice.format, f"{value.name}.result", node.path)
        self._rewriter.replace(node.output, made)
        self._notes.changed(node.path, f"{self._output}: {choice.format}")

    def _ends_elsewhere(self, node: Node, choice: Choice) -> str | None:
        """Why what names no output of its own says nothing about one; None where it does."""
        uses = self._graph.uses.get(node.output, ())
        if node.op not in _RESULTS and (choice.level != "type" or not self._rules.replaces):
            return "moves elements only"
        if uses and all(u.op == "quantize" for u in uses):
            return "the model quantizes it"
        before = node.inputs[0].producer if node.inputs else node
        if node.op == "batch_norm" and before.op in PRODUCTS and self._rules.choice(before, "output") is None:
            return f"goes into {before.path}, whose output has no format"
        return None


def _past_moves(value: Value) -> tuple[Value, list[Node]]:
    """What is moved to ``value``, and the moves in their order."""
    moves: list[Node] = []
    while value.producer.op in MOVES:
        moves.insert(0, value.producer)
        value = value.producer.inputs[0]
    return value, moves
