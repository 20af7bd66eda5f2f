"""Quantize layers as a configuration of hls4ml says: weights, biases and results, each with its own type.

    linear(x, W, b)   ⇒   quantize(linear(x, quantize(W), quantize(b)))

Types are of the layers that hls4ml makes.  A batch norm is folded into the layer before it where that layer's result has no type
(``auto``); any other computes with its own scale and bias.  A bias that a sum of its own adds (MatMul and Add) is the layer's,
whose result is then the sum's.  A default says nothing of results that only move elements, and of those that the model quantizes
itself.  Where a value can hold nothing but members of its type already, it stays as it is.  Parameters are quantized from their
float64 values.  Everything between two quantizers is exact: types of accumulators and tables are not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Format, Quantized
from hwgen.frontend.hls4ml_config import Hls4mlConfig, LayerTypes, suggestion
from hwgen.frontend.hls4ml_layers import KNOWN_TYPES, layer_types, normalised
from hwgen.ir.graph import Graph, Node, Rewriter, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.ops.record import attrs_as, make
from hwgen.ops.run import constant_floats
from hwgen.ops.scalar import SCALE_BIAS, BatchNormAttrs, ScaleBiasAttrs
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.ops.weights import POOLS, PRODUCTS
from hwgen.pipeline import Effect, Notes, Pass
from passes.transform.fold_batch_norm import FoldBatchNorm

_ARITHMETIC: Final = ("add", "sub", "mul", "div", "min", "max")
_RESULTS: Final = frozenset(
    ("input", "batch_norm", "scale_bias", "concat", "relu", "clip", "prelu", "threshold", *_ARITHMETIC, *PRODUCTS, *POOLS,
     *FUNCTION_OPS)
)
"""Operators whose result gets a default."""
_SAME_GRID: Final = ("reshape", "identity", "transpose", "slice", "resize", "max_pool")
"""Operators whose values are values of their input."""
_SCALED: Final = ("scale", "bias")
_HOST: Final = ("softmax", "argmax")
_NO_LAYERS: Final = ("constant", "quantize", "codes", "decode")


@dataclass(frozen=True)
class AssignLayerPrecision(Pass):
    """config: as read by `hwgen.frontend.hls4ml_config.read_hls4ml_config`."""

    config: Hls4mlConfig

    name = "assign-layer-precision"
    effect = Effect.CHANGES_NUMERICS

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        lowered = next((v for v in graph.inputs if v.type.format is not REAL), None)
        if lowered is not None:
            raise HwgenError("usage", f"input {lowered.name!r}", "comes in as codes", "assign precision before lowering")
        types = _Types(self.config, graph)
        graph = FoldBatchNorm().rewrite(_with_results(graph, types, notes), notes)
        return _with_parameters(graph, types, notes)


class _Types:
    """What the configuration says about each layer of a graph."""

    def __init__(self, config: Hls4mlConfig, graph: Graph) -> None:
        self.config = config
        layers = _layers(graph)
        self._by_path: dict[str, LayerTypes] = {}
        for name, types in config.by_name:
            found = [p for p in layers if p == name] or [p for p in layers if normalised(p) == normalised(name)]
            key = f"LayerName.{name}"
            if len(found) > 1:
                raise config.problem(key, f"may be each of {', '.join(found)}", "write the name as `hwgen show` does")
            if found and found[0] in self._by_path:
                raise config.problem(key, f"is layer {found[0]!r}, which has an entry already", "keep one of them")
            if found:
                self._check_roles(key, layers[found[0]], types)
                self._by_path[found[0]] = types
            elif types.explicit:  # others, as hls4ml writes them for what the model no longer holds, say nothing
                raise config.problem(key, "is no layer of the model", suggestion(name, layers))
        known = {t.lower(): t for t in KNOWN_TYPES}
        for name, _ in config.by_type:
            if name.lower() not in known:
                raise config.problem(f"LayerType.{name}", "is no type of layer here", suggestion(name, KNOWN_TYPES))
        self._by_type = {name.lower(): types for name, types in config.by_type}

    def _check_roles(self, key: str, nodes: list[Node], types: LayerTypes) -> None:
        roles = ["result"]
        for node in nodes:
            roles += ("weight", "bias") if node.op in PRODUCTS else _SCALED if node.op == "batch_norm" else ()
        for role in types.explicit:
            if role not in (*roles, "default"):
                raise self.config.problem(f"{key}.Precision.{role}", f"{nodes[-1].op} has no {role}", f"give {' or '.join(roles)}")

    def by_name(self, node: Node) -> LayerTypes:
        """The layer's own entry."""
        return self._by_path.get(node.path, LayerTypes())

    def of(self, node: Node, role: str) -> Quantized | None:
        """The type of a role of a layer; None where it has none, or ``auto``."""
        behind = [self._by_type[t.lower()] for t in layer_types(node) if t.lower() in self._by_type]
        for types in (self.by_name(node), *behind, self.config.model):
            if types.has(role):
                type_ = types.of(role)
                # as in hls4ml: a parameter has no type to be inferred from
                return self.of_model(role) if type_ is None and role != "result" else type_
        return None

    def of_model(self, role: str) -> Quantized | None:
        """What the whole model says."""
        return self.config.model.of(role) if self.config.model.has(role) else None


def _layers(graph: Graph) -> dict[str, list[Node]]:
    """The operators on data of each path."""
    constant: set[Value] = set()
    found: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.op == "constant" or (node.inputs and constant.issuperset(node.inputs)):
            constant.update(node.outputs)
        elif node.op not in _NO_LAYERS:
            found.setdefault(node.path, []).append(node)
    return found


# --- results ----------------------------------------------------------------------------------------------------------


def _with_results(graph: Graph, types: _Types, notes: Notes) -> Graph:
    rewriter = Rewriter(graph)
    ends = {nodes[-1] for nodes in _layers(graph).values()}
    for node in graph.nodes:
        rewriter.copy(node)
        if node not in ends:
            continue
        bias = _bias_of(node)
        layer = node if bias is None or types.by_name(node).has("result") else bias[1]
        type_ = types.of(layer, "result")
        if type_ is None or _adds_bias_of(node, graph):
            continue
        explicit = "result" in types.by_name(layer).explicit
        if why := None if explicit else _ends_elsewhere(node, graph, types):
            if why != "moves elements only":
                notes.left(node.path, f"result: {why}")
            continue
        if node.op in _HOST:
            notes.left(node.path, "result: the host computes it")
            continue
        value = rewriter[node.output]
        if _holds(type_, _grid(value)):
            notes.left(node.path, f"result: every value is one of {type_} already")
            continue
        name = rewriter.name(f"{value.name}.result")
        rewriter.replace(node.output, make(QUANTIZE, QuantizeAttrs(type_), [value], name, node.path).output)
        notes.changed(node.path, f"result: {type_}")
    return rewriter.finish()


def _ends_elsewhere(node: Node, graph: Graph, types: _Types) -> str | None:
    """Why a default says nothing about a result; None where it does."""
    uses = graph.uses.get(node.output, ())
    if node.op not in _RESULTS:
        return "moves elements only"
    if uses and all(u.op == "quantize" for u in uses):
        return "the model quantizes it"
    before = node.inputs[0].producer if node.inputs else node
    if node.op == "batch_norm" and before.op in PRODUCTS and types.of(before, "result") is None:
        return f"goes into {before.path}, whose result has no type"
    return None


def _adds_bias_of(node: Node, graph: Graph) -> bool:
    """Whether what follows a layer is the sum with its bias: its result is behind that."""
    uses = graph.uses.get(node.output, ())
    return len(uses) == 1 and node.output not in graph.outputs and (found := _bias_of(uses[0])) is not None and found[1] is node


def _bias_of(node: Node) -> tuple[int, Node] | None:
    """Which input of a sum is the bias of a layer without one before it (MatMul and Add), and that layer."""
    if node.op == "add":
        for index, (bias, value) in enumerate((node.inputs, node.inputs[::-1])):
            before = value.producer
            if bias.producer.op == "constant" and before.op in PRODUCTS and len(before.inputs) == 2:
                return index, before
    return None


def _grid(value: Value) -> Format:
    """A format that holds every value."""
    while value.producer.op in _SAME_GRID:
        value = value.producer.inputs[0]
    return value.type.format


def _holds(type_: Quantized, other: Format) -> bool:
    """Whether each member of ``other`` is one of ``type_``, a type of hls4ml: one scale, no zero point."""
    if not isinstance(other, Quantized):
        return False
    (step,) = type_.scales
    channels = max(len(other.scales), len(other.zeros))
    for k in range(channels):
        scale, zero = other.scales[k % len(other.scales)], other.zeros[k % len(other.zeros)]
        ends = [scale * (code - zero) / step for code in (other.low, other.high)]
        if (scale / step).denominator != 1 or not all(type_.low <= e <= type_.high for e in ends):
            return False
    return True


# --- parameters -------------------------------------------------------------------------------------------------------


def _with_parameters(graph: Graph, types: _Types, notes: Notes) -> Graph:
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        rewriter.copy(node)
        layer, roles = node, {1: "weight", 2: "bias"} if node.op in PRODUCTS else {}
        if node.op == "batch_norm":
            rewriter.replace(node.output, _scaled(node, rewriter[node.inputs[0]], types, notes).output)
        if (found := _bias_of(node)) is not None:
            layer, roles = found[1], {found[0]: "bias"}
        inputs = [rewriter[v] for v in node.inputs]
        for index, role in roles.items():
            type_ = types.of(layer, role) if index < len(inputs) else None
            if type_ is not None:
                inputs[index] = _parameter(inputs[index], layer, role, type_, types, rewriter, notes)
        if roles:
            rewriter.replace(node.output, node.with_inputs(inputs).output)
    return rewriter.finish()


def _scaled(node: Node, value: Value, types: _Types, notes: Notes) -> Node:
    """A batch norm by its scale and bias, each of its own type; as it is where neither has one."""
    chosen = {role: types.of(node, role) for role in _SCALED}
    if not any(chosen.values()):
        return node.with_inputs([value])
    exact = attrs_as(node, BatchNormAttrs).scale_bias()
    gain, bias = (_rounded(numbers, chosen[role]) for role, numbers in zip(_SCALED, (exact.gain, exact.bias), strict=True))
    for role, type_ in chosen.items():
        if type_ is not None:
            notes.changed(node.path, f"{role}: {type_}")
    return make(SCALE_BIAS, ScaleBiasAttrs(gain, bias, exact.axis), [value], node.output.name, node.path)


def _rounded(numbers: tuple[Surd, ...], type_: Quantized | None) -> tuple[Surd, ...]:
    if type_ is None:
        return numbers
    codes = type_.quantize(np.array([float(n) for n in numbers]))
    return tuple(Surd.of(type_.scales[0] * int(code)) for code in codes)


def _parameter(
    value: Value, layer: Node, role: str, type_: Quantized, types: _Types, rewriter: Rewriter, notes: Notes
) -> Value:
    attrs = value.producer.attrs
    if not isinstance(attrs, ConstantAttrs):
        notes.left(layer.path, f"{role}: is no constant")
        return value
    if attrs.format is not REAL:
        if role in types.by_name(layer).explicit and not _holds(type_, attrs.format):
            what = f"is {type_}, and the model quantizes it to {attrs.format}"
            raise types.config.problem(f"LayerName.{layer.path}.Precision.{role}", what, "leave it out, or write auto")
        notes.left(layer.path, f"{role}: the model quantizes it to {attrs.format}")
        return value
    notes.changed(layer.path, f"{role}: {type_}")
    data = ConstantAttrs(type_.quantize(constant_floats(attrs)), type_)
    return make(CONSTANT, data, [], rewriter.name(f"{value.name}.q"), value.producer.path).output
