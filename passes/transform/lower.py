"""Lower a graph with quantizers to integers, exactly.

Each real value becomes codes and a real function of them (`hwgen.ops.lowering`); quantizers become requantizers.  Codes
that leave the chip are decoded, and what only the host computes (a final softmax) follows the decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Integer, Quantized
from hwgen.ir.graph import NO_ATTRS, Attrs, Graph, Node, Value, topological, unique_name
from hwgen.numerics.interval import Interval
from hwgen.numerics.requantize import Requantizer, find_requantizer
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.scalar_map import Chain, Levels
from hwgen.numerics.scale_shift import ScaleShift
from hwgen.numerics.surd import UNIT, Surd
from hwgen.ops.lowering import Pending, needs_quantizer
from hwgen.ops.quantize import DECODE, QuantizeAttrs
from hwgen.ops.record import attrs_as, make
from hwgen.ops.requantize import CLIP_LIMIT, requantizer_node
from hwgen.ops.shape import ViewAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER
from hwgen.ops.table import REAL as REAL_TABLE
from hwgen.pipeline import Effect, Notes, Pass

_AFFINE_OPS: Final = ("scale_bias", "batch_norm", "reshape", "identity", "transpose", "constant", "input")
_NEVER_HOST: Final = ("linear", "quantize", "argmax")


def host_nodes(graph: Graph) -> frozenset[Node]:
    """Nodes that only the host computes: behind the last quantizer or product, from the first function on."""
    candidates: set[Node] = set()
    outputs = set(graph.outputs)
    for node in reversed(graph.nodes):
        uses = graph.uses.get(node.output, ())
        if node.op not in _NEVER_HOST and all(u in candidates for u in uses) and (uses or node.output in outputs):
            candidates.add(node)
    host: set[Node] = set()
    for node in graph.nodes:
        starts = node.op not in _AFFINE_OPS or any(v.producer in host for v in node.inputs)
        if node in candidates and node.inputs and starts:
            host.add(node)
    return frozenset(host)


def _channel(values: Sequence[Surd], index: int) -> Surd:
    return values[index % len(values)]


class _Lowering:
    """`hwgen.ops.lowering.Lowering`."""

    def __init__(self, notes: Notes, kept: set[str]) -> None:
        """kept: names of the values that stay as they are."""
        self._notes = notes
        self._names = kept

    def name(self, wanted: str) -> str:
        """``wanted``, with a number where a value of the new graph has that name."""
        return unique_name(wanted, self._names)

    def emit(self, op: str, attrs: Attrs, inputs: Sequence[Value], *, name: str, path: str) -> Value:
        return make(INTEGER[op], attrs, inputs, self.name(name), path).output

    def take(self, node: Node, format_: Integer) -> Value:
        """A graph input of codes."""
        self._names.add(node.output.name)
        return make(INPUT, InputAttrs(node.output.type.shape, format_), [], node.output.name, node.path).output

    def view(self, pending: Pending, *, name: str, path: str) -> Value:
        """The codes in the pending's shape, with the pending's scale and offset."""
        maps = pending.affine
        if maps is None:
            raise HwgenError(
                "not-quantized", path, "a non-linear function of an unquantized value leaves the chip",
                "quantize the output, or give --precision",
            )
        scale, offset = tuple(m.gain for m in maps), tuple(m.bias for m in maps)
        if not all(_in_float64(s, zero=not s.terms) for s in {*scale}) or not all(_in_float64(o, zero=True) for o in {*offset}):
            raise HwgenError(
                "numerics", path, "the scale or the offset of what leaves the chip is no number of float64", "use milder scales"
            )
        attrs = ViewAttrs(pending.shape, *(v[:1] if len(set(v)) == 1 else v for v in (scale, offset)))
        return self.emit("view", attrs, [pending.codes], name=name, path=path)

    def quantize(self, pending: Pending, format_: Quantized, *, name: str, path: str) -> Pending:
        integer = format_.integer()
        if format_.axis is not None and format_.axis % len(pending.shape) != len(pending.shape) - 1:
            raise HwgenError(
                "per-channel", path, f"scales vary along axis {format_.axis} of {pending.shape}", "use the last axis"
            )
        codes = pending.codes
        channels = max(len(pending.chains), len(integer.scale), len(integer.offset))
        if channels > 1 and codes.type.shape[-1] != pending.shape[-1]:
            own = codes.type.format
            if not isinstance(own, Integer):
                raise TypeError("codes are integers")
            codes = self.emit("view", ViewAttrs(pending.shape, own.scale, own.offset), [codes], name=f"{name}.view", path=path)
        chains = self._level_chains(pending, integer, channels)
        levels = Levels(integer.low, integer.high, format_.rounding, format_.wraps)
        if format_.bipolar:  # sign(v) as the level floor(v + 1) of 0 and 1
            chains = tuple(c.scaled(UNIT, UNIT) for c in chains)
            levels = Levels(0, 1, Rounding.FLOOR)
        domains = _domains(codes, channels)
        if not levels.wrap:
            levels, integer = _narrowed(levels, integer, chains, domains)
        if max(-integer.low, integer.high) > CLIP_LIMIT:
            raise HwgenError(
                "unsupported-node", f"quantize {path!r}", f"codes from {integer.low} to {integer.high} can occur",
                "quantize to at most 31 bits",
            )
        found = find_requantizer(chains, domains, levels, where=path)
        if _is_identity(found, codes, integer):
            self._notes.changed(path, "the codes are already on this grid")
            view = ViewAttrs(pending.shape, integer.scale, integer.offset)
            return Pending.of(self.emit("view", view, [codes], name=name, path=path))
        op, attrs = requantizer_node(found, integer)
        self._notes.changed(path, f"{op} from {_bits(codes)} to {integer.bits} bits")
        return Pending.of(self.emit(op, attrs, [codes], name=name, path=path)).reshaped(pending.shape)

    def _level_chains(self, pending: Pending, integer: Integer, channels: int) -> tuple[Chain, ...]:
        """The chains in units of the new codes: ``(v - offset) / scale``."""
        result: list[Chain] = []
        for c in range(channels):
            inverse = _channel(integer.scale, c).inverse()
            result.append(pending.chains[c % len(pending.chains)].scaled(inverse, -(_channel(integer.offset, c) * inverse)))
        return tuple(result)


def _in_float64(number: Surd, *, zero: bool) -> bool:
    """Whether float64 holds ``number``, roughly.  zero: whether it may be rounded to 0."""
    try:
        return bool(float(number)) or zero
    except OverflowError:
        return False


def _bits(value: Value) -> int:
    return value.type.format.bits if isinstance(value.type.format, Integer) else 0


def _domains(codes: Value, channels: int) -> list[Interval]:
    """What the codes of each channel can be."""
    node, format_ = codes.producer, codes.type.format
    if node.op in INTEGER:
        bounds = INTEGER[node.op].bounds(node)
        if len(bounds) == channels:
            return list(bounds)
        hull = Interval(min(b.low for b in bounds), max(b.high for b in bounds))
        return [hull] * channels
    if not isinstance(format_, Integer):
        raise TypeError("codes are integers")
    return [Interval(format_.low, format_.high)] * channels


def _narrowed(
    levels: Levels, integer: Integer, chains: Sequence[Chain], domains: Sequence[Interval]
) -> tuple[Levels, Integer]:
    """Levels that are never reached dropped: chains are monotone, so the ends of a domain give the extremes."""
    ends = {levels.of(chain, end) for chain, d in set(zip(chains, domains, strict=True)) for end in (d.low, d.high)}
    if integer.bipolar:
        return levels, integer
    low, high = min(ends), max(ends)
    if low == high:
        low, high = (low - 1, high) if low > levels.low else (low, high + 1)
    return replace(levels, low=low, high=high), replace(integer, low=low, high=high)


def _is_identity(found: Requantizer, codes: Value, integer: Integer) -> bool:
    format_ = codes.type.format
    if not isinstance(found, ScaleShift) or not isinstance(format_, Integer):
        return False
    plain = found.shift == 0 and set(found.multipliers) == {1} and set(found.offsets) == {(0,)}
    return plain and (format_.low, format_.high, format_.bipolar) == (integer.low, integer.high, integer.bipolar)


@dataclass(frozen=True)
class Lower(Pass):
    """See the module."""

    name = "lower"
    effect = Effect.EXACT

    def rewrite(self, graph: Graph, notes: Notes) -> Graph:
        for node in graph.nodes:
            if node.op in INTEGER:
                notes.left(node.path, "is lowered already")
                return graph
        host = host_nodes(graph)
        lowering = _Lowering(notes, {n.output.name for n in (*host, *(c for c in graph.nodes if c.op == "constant"))})
        pending: dict[Value, Pending] = {}
        real: dict[Value, Value] = {}

        def decoded(value: Value) -> Value:
            """The real value that leaves the chip."""
            if value not in real:
                path = value.producer.path
                codes = lowering.view(pending[value], name=f"{value.name}.out", path=path)
                real[value] = make(DECODE, NO_ATTRS, [codes], lowering.name(f"{value.name}.real"), path).output
            return real[value]

        inputs: list[Node] = []
        for node in graph.nodes:
            if node.op == "constant":
                real[node.output] = node.output
            elif node.op == "input":
                format_ = _input_format(node, graph)
                pending[node.output] = Pending.of(lowering.take(node, format_))
                inputs.append(pending[node.output].codes.producer)
                notes.changed(node.path, f"comes in as codes of {format_.bits} bits")
            elif node in host:
                real[node.output] = node.with_inputs([decoded(v) for v in node.inputs]).output
                notes.left(node.path, f"{node.op} is left to the host")
            elif node.op == "quantize" and node.inputs[0].producer.op == "input":
                pending[node.output] = pending[node.inputs[0]]
            else:
                pending[node.output] = _lower_node(lowering, node, pending)
        outputs = tuple(real[v] if v in real and v.producer in host else decoded(v) for v in graph.outputs)
        return Graph(graph.name, topological(outputs, inputs), outputs)


def _lower_node(lowering: _Lowering, node: Node, pending: dict[Value, Pending]) -> Pending:
    rule = REAL_TABLE[node.op].lower
    known = [pending[v] for v in node.inputs if v in pending]
    if rule is None:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", "has no integer form where it stands",
            "simplify the model, or see `hwgen ops` for what is supported",
        )
    if node.op != "linear" and len(known) != len(node.inputs):
        raise needs_quantizer(node, "depends on constants only and was not folded")
    if node.op == "linear" and not known:
        raise needs_quantizer(node, "multiplies constants")
    return rule(lowering, node, known)


def _input_format(node: Node, graph: Graph) -> Integer:
    """The format that codes come in: that of the quantizers that take the input, of which all must be the same."""
    if node.output.type.format is not REAL:
        format_ = node.output.type.format
        if isinstance(format_, Integer):
            return format_
    uses = graph.uses.get(node.output, ())
    formats = {attrs_as(use, QuantizeAttrs).format for use in uses if use.op == "quantize"}
    if len(formats) == 1 and all(use.op == "quantize" for use in uses) and node.output not in graph.outputs:
        return formats.pop().integer()
    what = "is used in several number formats, or as a real as well" if formats else "has no number format"
    raise HwgenError("no-input-format", f"input {node.output.name!r}", what, "give --input-format")
