"""Lower a graph with quantizers to integers, exactly.

Each real value becomes codes and a real function of them (`hwgen.ops.lowering`); quantizers become requantizers.  Codes
that leave the chip are decoded, and what only the host computes (a final softmax) follows the decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, IntArray, Integer, Quantized
from hwgen.ir.graph import NO_ATTRS, Attrs, Graph, Node, Shape, Value, topological, unique_name
from hwgen.numerics.interval import Interval
from hwgen.numerics.parts import level_ends, monotone_parts
from hwgen.numerics.requantize import Requantizer, TableMap, find_requantizer
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.scalar_map import Chain, Levels
from hwgen.numerics.scale_shift import ScaleShift
from hwgen.numerics.surd import UNIT, Surd
from hwgen.ops.arithmetic import ARITHMETIC
from hwgen.ops.clamps import with_clamps_computed
from hwgen.ops.common_grid import on_common_grid
from hwgen.ops.lowering import Layout, Pending, needs_quantizer
from hwgen.ops.permute import PermuteAttrs, permutation
from hwgen.ops.quantize import DECODE, QuantizeAttrs
from hwgen.ops.record import attrs_as, make
from hwgen.ops.requantize import requantizer_node
from hwgen.ops.requantizing import CLIP_LIMIT
from hwgen.ops.shape import RESHAPE, TRANSPOSE, ReshapeAttrs, TransposeAttrs, ViewAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER
from hwgen.ops.table import REAL as REAL_TABLE
from hwgen.ops.weights import POOLS, PRODUCTS
from hwgen.pipeline import Effect, Notes, Pass

_CHIP_OPS: Final = frozenset((
    "scale_bias", "batch_norm", "reshape", "identity", "transpose", "constant", "input", "concat", "slice", "pad", "resize",
    *ARITHMETIC,
))
"""What the chip does as long as nothing before it is left to the host."""
_NEVER_HOST: Final = frozenset(("quantize", "argmax", *PRODUCTS, *POOLS))


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
        starts = node.op not in _CHIP_OPS or any(v.producer in host for v in node.inputs)
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
        self._permutations: dict[tuple[Value, PermuteAttrs], Value] = {}

    def name(self, wanted: str) -> str:
        """``wanted``, with a number where a value of the new graph has that name."""
        return unique_name(wanted, self._names)

    def emit(self, op: str, attrs: Attrs, inputs: Sequence[Value], *, name: str, path: str) -> Value:
        return make(INTEGER[op], attrs, inputs, self.name(name), path).output

    def take(self, node: Node, format_: Integer) -> Value:
        """A graph input of codes."""
        self._names.add(node.output.name)
        return make(INPUT, InputAttrs(node.output.type.shape, format_), [], node.output.name, node.path).output

    def arrange(self, pending: Pending, order: tuple[int, ...], *, name: str, path: str) -> Pending:
        """See `Lowering`.  The same permutation of the same value is made once."""
        shape, codes = tuple(pending.shape[o] for o in order), pending.codes
        layout = Layout(pending.shape, order)
        if pending.layout != layout or codes.type.shape != shape:
            current, wanted = pending.layout.places, layout.places
            source = None if np.array_equal(current, wanted) else np.argsort(current)[wanted]
            if source is not None and permutation(source, shape) is None:  # the order of the reals is one move of axes from each
                plain = self.arrange(pending, tuple(range(len(pending.shape))), name=f"{name}.plain", path=path)
                return self.arrange(plain, order, name=name, path=path)
            pending, chains = self._movable(pending, source, shape[-1], name, path)
            codes = pending.codes
            codes = self._as_shape(codes, shape, name, path) if source is None else self._permuted(codes, source, shape, name, path)
            pending = Pending(codes, chains, pending.shape, layout)
        return pending

    def along(self, pending: Pending, axis: int, *, name: str, path: str) -> tuple[Pending, tuple[int, ...]]:
        """See `Lowering`."""
        rank, size = len(pending.shape), pending.shape[axis]
        if prod(pending.shape) == size:  # a vector, in whatever order
            pending, chains = self._movable(pending, None, size, name, path)
            codes = self._as_shape(pending.codes, (*(1,) * (rank - 1), size), name, path)
            return replace(pending, codes=codes, chains=chains), tuple(pending.layout.places.tolist())
        last = pending.layout.order[-1] if pending.layout.dims == pending.shape else -1
        if last != axis or pending.codes.type.shape[-1] != size:
            order = (*(k for k in range(rank) if k != axis), axis)
            pending = self.arrange(pending, order, name=name, path=path)
        return pending, tuple(range(size))

    def _movable(
        self, pending: Pending, source: IntArray | None, channels: int, name: str, path: str
    ) -> tuple[Pending, tuple[Chain, ...]]:
        """The chains of ``channels`` channels after code ``source[k]`` (k, where None) has come to place ``k``.

        Codes whose scales per channel would not stay scales per channel are brought to one scale before.
        """
        chains = _moved_chains(pending, source, channels)
        if chains is not None:
            return pending, chains
        clamped = with_clamps_computed(self, pending, name=f"{name}.clamped", path=path)
        (plain,) = on_common_grid(self, [clamped], name=f"{name}.grid", path=path)
        return plain, plain.chains

    def _as_shape(self, codes: Value, shape: Shape, name: str, path: str) -> Value:
        return codes if codes.type.shape == shape else self.emit("view", _plain_view(codes, shape), [codes], name=name, path=path)

    def _permuted(self, codes: Value, source: IntArray, shape: Shape, name: str, path: str) -> Value:
        attrs = permutation(source, shape)
        if attrs is None:
            raise HwgenError("unsupported-node", path, "the elements would have to move in no order of axes", "permute whole axes")
        if (codes, attrs) not in self._permutations:
            self._permutations[codes, attrs] = self.emit("permute", attrs, [codes], name=f"{name}.order", path=path)
        return self._permutations[codes, attrs]

    def view(self, pending: Pending, *, name: str, path: str) -> Value:
        """The codes with the pending's scale and offset."""
        pending = with_clamps_computed(self, pending, name=f"{name}.clamped", path=path)
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
        shape = pending.shape if pending.layout.in_order and _keeps_channels(pending, scale, offset) else pending.codes.type.shape
        attrs = ViewAttrs(shape, *(v[:1] if len(set(v)) == 1 else v for v in (scale, offset)))
        return self.emit("view", attrs, [pending.codes], name=name, path=path)

    def quantize(self, pending: Pending, format_: Quantized, *, name: str, path: str) -> Pending:
        integer = format_.integer()
        if format_.axis is not None:
            pending, index = self.along(pending, format_.axis % len(pending.shape), name=f"{name}.view", path=path)
            integer = _reordered(integer, index)
        codes = pending.codes
        channels = max(len(pending.chains), len(integer.scale), len(integer.offset))
        chains = self._level_chains(pending, integer, channels)
        levels = Levels(integer.low, integer.high, format_.rounding, format_.wraps)
        if format_.bipolar:  # sign(v) as the level floor(v + 1) of 0 and 1
            chains = tuple(c.scaled(UNIT, UNIT) for c in chains)
            levels = Levels(0, 1, Rounding.FLOOR)
        domains = _domains(codes, channels)
        if not levels.wrap:
            levels, integer = _narrowed(levels, integer, chains, domains, path)
        if max(-integer.low, integer.high) > CLIP_LIMIT:
            raise HwgenError(
                "unsupported-node", f"quantize {path!r}", f"codes from {integer.low} to {integer.high} can occur",
                "quantize to at most 31 bits",
            )
        found = find_requantizer(chains, domains, levels, where=path)
        if _is_identity(found, codes, integer):
            self._notes.changed(path, "the codes are already on this grid")
            view = ViewAttrs(codes.type.shape, integer.scale, integer.offset)
            return _with_codes(pending, self.emit("view", view, [codes], name=name, path=path))
        op, attrs = requantizer_node(found, integer)
        self._notes.changed(path, f"{op} from {_bits(codes)} to {integer.bits} bits")
        return _with_codes(pending, self.emit(op, attrs, [codes], name=name, path=path))

    def _level_chains(self, pending: Pending, integer: Integer, channels: int) -> tuple[Chain, ...]:
        """The chains in units of the new codes: ``(v - offset) / scale``."""
        result: list[Chain] = []
        for c in range(channels):
            inverse = _channel(integer.scale, c).inverse()
            result.append(pending.chains[c % len(pending.chains)].scaled(inverse, -(_channel(integer.offset, c) * inverse)))
        return tuple(result)


def _with_codes(pending: Pending, codes: Value) -> Pending:
    """The reals that new codes say by their own format, lying as before."""
    return replace(pending, codes=codes, chains=Pending.of(codes).chains)


def _plain_view(codes: Value, shape: Shape) -> ViewAttrs:
    """Another shape; the scale goes with the chains."""
    own = codes.type.format
    if not isinstance(own, Integer):
        raise TypeError("codes are integers")
    kept = shape[-1] == codes.type.shape[-1]
    return ViewAttrs(shape, own.scale if kept else own.scale[:1], own.offset if kept else own.offset[:1])


def _keeps_channels(pending: Pending, scale: Sequence[Surd], offset: Sequence[Surd]) -> bool:
    """Whether the codes may take the shape of the reals: one function for all, or the same last axis."""
    return len({*scale}) == len({*offset}) == 1 or pending.shape[-1] == pending.channels


def _moved_chains(pending: Pending, source: IntArray | None, channels: int) -> tuple[Chain, ...] | None:
    """The chains of ``channels`` channels after the codes have moved; None where channels are torn apart."""
    chains, before = pending.chains, pending.channels
    if len(set(chains)) == 1 or (before == channels and source is None):
        return chains[:1] if len(set(chains)) == 1 else chains
    elements = prod(pending.shape)
    old = (np.arange(elements) if source is None else source) % before
    table = old.reshape(-1, channels)
    return tuple(chains[c] for c in table[0]) if (table == table[0]).all() else None


def _reordered(integer: Integer, index: Sequence[int]) -> Integer:
    """Scale and offset of channel ``index[k]`` at ``k``."""
    scale, offset = (v if len(v) == 1 else tuple(v[i] for i in index) for v in (integer.scale, integer.offset))
    return replace(integer, scale=scale, offset=offset)


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
    levels: Levels, integer: Integer, chains: Sequence[Chain], domains: Sequence[Interval], path: str
) -> tuple[Levels, Integer]:
    """Levels that are never reached dropped: the ends of the chains' monotone parts give the extremes."""
    if integer.bipolar:
        return levels, integer
    distinct = set(zip(chains, domains, strict=True))
    ends = {level for pair in distinct for both in level_ends(monotone_parts(*pair, where=path), levels) for level in both}
    low, high = min(ends), max(ends)
    if low == high:
        low, high = (low - 1, high) if low > levels.low else (low, high + 1)
    return replace(levels, low=low, high=high), replace(integer, low=low, high=high)


def _is_identity(found: Requantizer, codes: Value, integer: Integer) -> bool:
    format_ = codes.type.format
    if not isinstance(format_, Integer):
        return False
    if isinstance(found, TableMap):
        plain = found.values == tuple(range(found.low, found.low + len(found.values)))
    else:
        plain = isinstance(found, ScaleShift) and (found.shift, {*found.multipliers}, {*found.offsets}) == (0, {1}, {(0,)})
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
                real[value] = _in_model_order(lowering, pending[value], codes, value.name, path)
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


def _in_model_order(lowering: _Lowering, pending: Pending, codes: Value, name: str, path: str) -> Value:
    """The reals of ``codes`` in the model's shape: what the host does."""
    value = make(DECODE, NO_ATTRS, [codes], lowering.name(f"{name}.real"), path).output
    layout = pending.layout
    if not layout.in_order:
        moved = tuple(layout.dims[o] for o in layout.order)
        value = _reshaped(lowering, value, moved, f"{name}.real", path)
        inverse = tuple(sorted(range(len(layout.order)), key=lambda k: layout.order[k]))
        value = make(TRANSPOSE, TransposeAttrs(inverse), [value], lowering.name(f"{name}.real"), path).output
    return _reshaped(lowering, value, pending.shape, f"{name}.real", path)


def _reshaped(lowering: _Lowering, value: Value, shape: Shape, name: str, path: str) -> Value:
    return value if value.type.shape == shape else make(RESHAPE, ReshapeAttrs(shape), [value], lowering.name(name), path).output


def _lower_node(lowering: _Lowering, node: Node, pending: dict[Value, Pending]) -> Pending:
    rule = REAL_TABLE[node.op].lower
    known = [pending[v] for v in node.inputs if v in pending]
    if rule is None:
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", "has no integer form where it stands",
            "simplify the model, or see `hwgen ops` for what is supported",
        )
    if not known:
        raise needs_quantizer(node, "depends on constants only and was not folded")
    if node.op in ARITHMETIC and len(known) != len(node.inputs):
        shapes = " and ".join(str(v.type.shape) for v in node.inputs)
        raise HwgenError(
            "unsupported-node", f"{node.op} {node.path!r}", f"has a constant that differs from element to element ({shapes})",
            "use a scalar or one number a channel",
        )
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
        format_, rank = formats.pop(), len(node.output.type.shape)
        if format_.axis is not None and format_.axis % rank != rank - 1:
            what = f"is quantized with scales that vary along axis {format_.axis} of {node.output.type.shape}"
            raise HwgenError("per-channel", f"input {node.output.name!r}", what, "quantize it per tensor, or put channels last")
        return format_.integer()
    what = "is used in several number formats, or as a real as well" if formats else "has no number format"
    raise HwgenError("no-input-format", f"input {node.output.name!r}", what, "give --input-format")
