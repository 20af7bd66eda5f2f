"""The constant operands of a product, weight and bias, with the quantizer that each may have; and how they are replaced."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.formats import REAL
from hwgen.ir.graph import Array, Graph, Node, Value
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import Float64, make
from hwgen.ops.run import constant_floats, run_node
from hwgen.ops.source import CONSTANT, ConstantAttrs


@dataclass(frozen=True)
class Operand:
    """constant: a node of float numbers.  quantizer: the node that takes them, or None."""

    constant: Node
    quantizer: Node | None

    @property
    def data(self) -> Array:
        """The floats."""
        attrs = self.constant.attrs
        assert isinstance(attrs, ConstantAttrs), "of a constant node"
        return attrs.data

    @property
    def floats(self) -> Float64:
        """The same in float64."""
        return self.data.astype(float)

    def with_data(self, data: Array) -> Value:
        """The operand with other numbers, in the float type of the old ones, under the same names."""
        kept = data.astype(self.data.dtype) if self.data.dtype.kind == "f" else data
        value = make(CONSTANT, ConstantAttrs(kept), [], self.constant.output.name, self.constant.path).output
        if self.quantizer is None or not isinstance(self.quantizer.attrs, QuantizeAttrs):
            return value
        return make(QUANTIZE, self.quantizer.attrs, [value], self.quantizer.output.name, self.quantizer.path).output


def operand(graph: Graph, value: Value) -> Operand | None:
    """The operand that ``value`` is; None where it is neither float constants nor these quantized, or where others use it too."""
    quantizer = value.producer if value.producer.op == "quantize" else None
    source = value if quantizer is None else quantizer.inputs[0]
    attrs = source.producer.attrs
    if not isinstance(attrs, ConstantAttrs) or attrs.format is not REAL:
        return None
    if any(len(graph.uses.get(v, ())) != 1 or v in graph.outputs for v in {value, source}):
        return None
    return Operand(source.producer, quantizer)


def constant_of(value: Value) -> Float64:
    """The reals of a constant, quantized where a quantizer makes it."""
    node = value.producer
    if isinstance(node.attrs, ConstantAttrs):
        return constant_floats(node.attrs)
    return run_node(node, [constant_of(v) for v in node.inputs])
