"""Arithmetic of two operands, element by element, with broadcasting.

    add sub mul div min max   of a value and a constant: pass fold-scalar-arithmetic makes them scale_bias
                              of two computed values: `hwgen.ops.two_streams` (there is no division of these)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, NoAttrs, Node, TensorType, Value
from hwgen.ops.expanding import expanded
from hwgen.ops.importing import ImportCall, OnnxCall, OnnxRule, TorchCall, TorchRule
from hwgen.ops.quantize import again
from hwgen.ops.real_sampling import channel_axis, constant, exact, floats, moved_only
from hwgen.ops.record import RealOp, RealSampler, any_value, make
from hwgen.ops.shape import independent
from hwgen.ops.two_streams import lower_two


def _infer_binary(node: Node) -> tuple[TensorType, ...]:
    left, right = (v.type.shape for v in node.inputs)
    try:
        shape = np.broadcast_shapes(left, right)
    except ValueError as error:
        raise HwgenError(
            "shape", f"{node.op} {node.path!r}", f"shapes {left} and {right} do not broadcast", "check the shapes"
        ) from error
    return (TensorType(tuple(int(d) for d in shape), REAL),)


def _emit(call: ImportCall, op: str, operands: Sequence[Value], suffix: str = "") -> Value:
    """A computed operand that is smaller than the result is repeated."""
    shapes = [v.type.shape for v in operands]
    fits = len(shapes[0]) == len(shapes[1]) and all(1 in (a, b) or a == b for a, b in zip(*shapes, strict=True))
    if fits and shapes[0] != shapes[1]:
        shape = [max(pair) for pair in zip(*shapes, strict=True)]
        marks = zip(operands, ("left", "right"), strict=True)
        operands = [v if independent(v) else expanded(call, v, shape, suffix=f"{suffix}.{mark}") for v, mark in marks]
    return call.emit(op, NO_ATTRS, operands, suffix=suffix)


def _two(op: str) -> OnnxRule:
    """Of two operands."""
    return lambda call: _emit(call, op, [call.value(0), call.value(1)])


def _many(op: str) -> OnnxRule:
    """Of one operand or more, from the left (Sum, Min, Max)."""

    def rule(call: OnnxCall) -> Value:
        value = call.value(0)
        if call.input_count == 1:
            return call.emit("identity", NO_ATTRS, [value])
        for index in range(1, call.input_count):
            last = index == call.input_count - 1
            value = _emit(call, op, [value, call.value(index)], "" if last else f".{index}")
        return value

    return rule


def _torch_binary(op: str, *, reverse: bool = False) -> TorchRule:
    def rule(call: TorchCall) -> Value:
        alpha = 1 if op not in ("add", "sub") else call.argument(2, "alpha", 1)
        if alpha != 1:
            raise call.refuse(f"alpha={alpha}", "multiply the operand instead")
        left, right = call.value(0), call.value(1)
        operands = [right, left] if reverse else [left, right]
        result = _emit(call, op, operands)
        batched = [v for v in operands if not independent(v)]
        if batched and (result.type.shape[0] != 1 or any(len(v.type.shape) != len(result.type.shape) for v in batched)):
            raise call.refuse(
                f"shapes {left.type.shape} and {right.type.shape} broadcast along the batch axis", "keep the batch first"
            )
        return result

    return rule


def _operand(random: Random, value: Value, name: str) -> Value:
    """A constant, not zero: one number or one a channel; float32, with square roots, or computed from two."""
    axis = channel_axis(value)
    along = (value.type.shape[axis], *(1,) * (len(value.type.shape) - 1 - axis))
    shape = random.choice(((), (1,), along, (1, *along)))
    if random.random() < 0.2:
        return constant(exact(random, shape), name)
    data = floats(random, shape)
    data = constant(np.where(np.abs(data) < 0.1, np.float32(0.5), data), name)
    if random.random() < 0.8:
        return data
    other = constant(exact(random, random.choice(((), shape))), f"{name}.other")
    op = random.choice((MUL, DIV))
    return make(op, NO_ATTRS, [data, other], f"{name}.{op.name}", name).output


def _quantized(value: Value) -> bool:
    """Of one quantizer."""
    source = moved_only(value)
    return source is not None and source.op == "quantize"


def _binary_sample(op: str) -> RealSampler:
    def sample(random: Random, value: Value, name: str) -> Value:
        if op in ("min", "max"):
            return make(_BY_NAME[op], NO_ATTRS, [value, again(random, value, f"{name}.again")], name, name).output
        inputs = [value, _operand(random, value, f"{name}.constant")]
        if op != "div" and random.random() < 0.5:
            inputs.reverse()
        return make(_BY_NAME[op], NO_ATTRS, inputs, name, name).output

    return sample


_EVALUATE = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "min": np.minimum, "max": np.maximum,
}
_LOWER = {
    "add": lower_two("add"), "sub": lower_two("add", minus=True), "mul": lower_two("mul"), "min": lower_two("min"),
    "max": lower_two("max"),
}


_TORCH_REVERSED = {"aten.rsub.Scalar": "sub", "aten.rsub.Tensor": "sub"}


def _binary_op(name: str, onnx: Mapping[str, OnnxRule], torch: Mapping[str, TorchRule]) -> RealOp:
    function = _EVALUATE[name]
    return RealOp(
        name, NoAttrs, _infer_binary, evaluate=lambda node, x: function(x[0], x[1]), lower=_LOWER.get(name), onnx=onnx,
        torch=torch, sample=_binary_sample(name), takes=_quantized if name in ("min", "max") else any_value,
    )


def _torch_rules(name: str) -> dict[str, TorchRule]:
    rules = {f"aten.{name}{mark}.{kind}": _torch_binary(name) for kind in ("Tensor", "Scalar") for mark in ("", "_")}
    return rules | {name_: _torch_binary(name, reverse=True) for name_, op in _TORCH_REVERSED.items() if op == name}


ADD = _binary_op("add", {"Add": _two("add"), "Sum": _many("add")}, _torch_rules("add"))
SUB = _binary_op("sub", {"Sub": _two("sub")}, _torch_rules("sub"))
MUL = _binary_op("mul", {"Mul": _two("mul")}, _torch_rules("mul"))
DIV = _binary_op("div", {"Div": _two("div")}, _torch_rules("div"))
MIN = _binary_op("min", {"Min": _many("min")}, {"aten.minimum.default": _torch_binary("min")})
MAX = _binary_op("max", {"Max": _many("max")}, {"aten.maximum.default": _torch_binary("max")})

_BY_NAME = {op.name: op for op in (ADD, SUB, MUL, DIV, MIN, MAX)}
ARITHMETIC = frozenset(_BY_NAME)
"""Names of these operators."""
