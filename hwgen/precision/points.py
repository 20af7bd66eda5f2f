"""The points of a graph of reals where a quantizer may stand, or stands: what a precision is chosen for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from hwgen.formats import REAL, Format
from hwgen.ir.graph import Graph, Node, Value
from hwgen.ops.padding import PadAttrs
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.ops.weights import POOLS, PRODUCTS

Role = Literal["input", "weight", "bias", "output"]
MOVES: Final = ("reshape", "identity", "transpose", "slice", "resize")
"""Operators that move elements, or repeat them."""
TRANSPARENT: Final = (*MOVES, "max_pool")
"""Operators whose values are values of their input."""
_NO_LAYERS: Final = ("constant", "quantize", "codes", "decode")
_NEEDS_CODES: Final = frozenset((*PRODUCTS, *POOLS, *FUNCTION_OPS))
_MEETINGS: Final = frozenset(("add", "sub", "mul", "min", "max", "pad"))
"""Operators that take sums and products as they are, but no functions of them: what they join meets on a grid."""
_JOINS: Final = frozenset(("concat",))
"""Operators whose parts meet on a grid, as a number that pads does: accumulators have none in common."""
_FUNCTIONS: Final = frozenset((*FUNCTION_OPS, "prelu", "threshold"))
_CLAMPS: Final = ("relu", "clip")
_AFFINE: Final = ("scale_bias", "batch_norm", *_CLAMPS)


@dataclass(frozen=True)
class Point:
    """A place for a quantizer.

    path, op: of the layer.  role: ``input``, what enters it (one point an input that depends on data); ``weight`` and ``bias``, its
    constants; ``output``, what leaves it.  value: what would be quantized, or what a quantizer that stands there makes.
    node, index: whose input it is, the sum's where a bias is added behind its layer; index None: what ``node`` makes.
    needed: without a quantizer here, or something on a grid before, the graph has no integer form, whatever stands elsewhere.
    """

    path: str
    op: str
    role: Role
    value: Value
    node: Node
    index: int | None
    needed: bool

    @property
    def format(self) -> Format | None:
        """The format on whose grid the value lies; None where it lies on none."""
        format_ = grid_of(self.value)
        return None if format_ is REAL else format_

    @property
    def elements(self) -> int:
        """Of the tensor."""
        return self.value.type.elements

    @property
    def bits(self) -> Fraction | None:
        """That the tensor takes, shared exponents included; None where it is not quantized."""
        format_ = self.format
        return None if format_ is None else self.elements * bits_of(format_)


def points(graph: Graph) -> tuple[Point, ...]:
    """All of a graph of reals, in the order of its nodes; of each its inputs, weight, bias and output.

    A layer of several nodes has the input of those that take what comes from outside, or need codes, and the output of its last.
    """
    layers, constants = layers_of(graph), constant_values(graph)
    found: list[Point] = []
    for node in graph.nodes:
        if node.path not in layers or node not in layers[node.path]:
            continue
        needed = needed_inputs(node, graph, node.inputs)
        for index in data_inputs(node, constants):
            if index in needed or enters(node, index):
                alone = index in needed and not _behind_pool(node.inputs[index])
                found.append(Point(node.path, node.op, "input", node.inputs[index], node, index, alone))
        for role, holder, index in parameters(node, graph):
            found.append(Point(node.path, node.op, role, holder.inputs[index], holder, index, role == "weight"))
        if node is layers[node.path][-1] and not adds_bias_behind(node, graph):
            found.append(Point(node.path, node.op, "output", _quantized(node.output, graph), node, None, False))
    return tuple(found)


def bits_of(format_: Format) -> Fraction:
    """Bits that an element takes in memory."""
    return Fraction(getattr(format_, "storage_bits", None) or getattr(format_, "bits", 0))


def constant_values(graph: Graph) -> frozenset[Value]:
    """Values that depend on no input."""
    found: set[Value] = set()
    for node in graph.nodes:
        if node.op == "constant" or (node.inputs and found.issuperset(node.inputs)):
            found.update(node.outputs)
    return frozenset(found)


def layers_of(graph: Graph) -> Mapping[str, list[Node]]:
    """The operators on data of each path, inputs among them; no quantizers."""
    constants = constant_values(graph)
    found: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.op not in _NO_LAYERS and node.output not in constants:
            found.setdefault(node.path, []).append(node)
    return found


def data_inputs(node: Node, constants: frozenset[Value]) -> tuple[int, ...]:
    """The inputs of a node that depend on data."""
    return tuple(index for index, value in enumerate(node.inputs) if value not in constants)


def enters(node: Node, index: int) -> bool:
    """Whether an input comes from another layer, past quantizers."""
    value = node.inputs[index]
    while value.producer.op == "quantize":
        value = value.producer.inputs[0]
    return value.producer.path != node.path


def parameters(node: Node, graph: Graph) -> tuple[tuple[Role, Node, int], ...]:
    """Role, holder and index of its input, of each constant of a product; the bias may be added behind it."""
    if node.op not in PRODUCTS:
        return ()
    found: list[tuple[Role, Node, int]] = [("weight", node, 1)]
    if len(node.inputs) > 2:
        found.append(("bias", node, 2))
    for use in graph.uses.get(node.output, ()):
        bias = bias_of_sum(use)
        if bias is not None and bias[1] is node:
            found.append(("bias", use, bias[0]))
    return tuple(found)


def bias_of_sum(node: Node) -> tuple[int, Node] | None:
    """Which input of a sum is the bias of a layer without one before it (MatMul and Add), and that layer."""
    if node.op == "add":
        for index, (bias, value) in enumerate((node.inputs, node.inputs[::-1])):
            before = value.producer
            if _is_parameter(bias) and before.op in PRODUCTS and len(before.inputs) == 2:
                return index, before
    return None


def _is_parameter(value: Value) -> bool:
    """Whether a constant, quantized or moved at most, makes the value."""
    while value.producer.op in ("quantize", "reshape", "identity", "transpose"):
        value = value.producer.inputs[0]
    return value.producer.op == "constant"


def adds_bias_behind(node: Node, graph: Graph) -> bool:
    """Whether what follows a layer is the sum with its bias: its output is behind that."""
    uses = graph.uses.get(node.output, ())
    return len(uses) == 1 and node.output not in graph.outputs and (found := bias_of_sum(uses[0])) is not None and found[1] is node


def _quantized(value: Value, graph: Graph) -> Value:
    """What the one quantizer behind a value makes; the value where there is none, or others use it too."""
    uses = graph.uses.get(value, ())
    formats = {use.output.type.format for use in uses}
    alone = uses and all(use.op == "quantize" for use in uses) and len(formats) == 1 and value not in graph.outputs
    return uses[0].output if alone else value


def grid_of(value: Value) -> Format:
    """A format that holds every value: that of what it is moved from."""
    while value.producer.op in TRANSPARENT and value.producer.inputs:
        value = value.producer.inputs[0]
    return value.type.format


def _is_accumulator(value: Value) -> bool:
    """Whether a product by weights, with nothing on a grid behind it, is part of the value."""
    stack, seen = [value], {value}
    while stack:
        made = stack.pop()
        if made.type.format is REAL and made.producer.op in PRODUCTS:
            return True
        if made.type.format is REAL and made.producer.op in (*TRANSPARENT, *_AFFINE, *_MEETINGS, *_JOINS):
            before = [v for v in made.producer.inputs if v not in seen]
            stack += before
            seen.update(before)
    return False


def _behind_pool(value: Value) -> bool:
    """Whether the value is on a grid as soon as the input of a max pool before it is."""
    while value.producer.op in MOVES:
        value = value.producer.inputs[0]
    return value.producer.op == "max_pool"


def _is_function(value: Value) -> bool:
    """Whether a function that has no exact codes makes the value, with nothing but scales, clamps and moves after it."""
    return value.type.format is REAL and _behind(value)[0].producer.op in _FUNCTIONS


def _is_off_grid(value: Value) -> bool:
    """Whether a function, or a clamp of an accumulator, makes the value: its limit is no code of the accumulator's grid."""
    made, clamped = _behind(value)
    return made.type.format is REAL and ((clamped and _is_accumulator(made)) or made.producer.op in _FUNCTIONS)


def _behind(value: Value) -> tuple[Value, bool]:
    """What ``value`` is scaled, clamped and moved from, and whether there is a clamp."""
    clamped = False
    while value.type.format is REAL and value.producer.op in (*TRANSPARENT, *_AFFINE):
        clamped |= value.producer.op in _CLAMPS
        value = value.producer.inputs[0]
    return value, clamped


def needed_inputs(node: Node, graph: Graph, inputs: Sequence[Value]) -> Sequence[int]:
    """The inputs of a node that must lie on grids, the weight among them; none of what only the host computes.

    inputs: those of the node, or what has taken their place in a graph that is being written.
    """
    is_last = node.op not in (*PRODUCTS, *POOLS) and not graph.uses.get(node.output)
    if is_last and (node.op not in _MEETINGS or any(map(_is_function, inputs))):
        return ()
    if node.op in _NEEDS_CODES:
        return range(min(2, len(inputs)))
    if node.op in _JOINS or (isinstance(node.attrs, PadAttrs) and node.attrs.value.sign()):
        return [k for k, value in enumerate(inputs) if _is_accumulator(value) or _is_function(value)]
    return [k for k, value in enumerate(inputs) if node.op in _MEETINGS and _is_off_grid(value)]
