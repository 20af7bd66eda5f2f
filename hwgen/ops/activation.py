"""Activation functions: ReLU as a clamp, sigmoid and tanh as certified real functions that become tables."""

from __future__ import annotations

from random import Random

import numpy as np

from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, NoAttrs, Node, TensorType, Value
from hwgen.numerics.functions import FUNCTIONS
from hwgen.numerics.surd import ZERO
from hwgen.ops.importing import ImportCall, OnnxCall
from hwgen.ops.quantize import clip_codes
from hwgen.ops.real_sampling import trail
from hwgen.ops.record import RealOp, make


def infer_same(node: Node) -> tuple[TensorType, ...]:
    """A real tensor of the input's shape."""
    return (TensorType(node.inputs[0].type.shape, REAL),)


def _unary(op: str):  # noqa: ANN202 - the same function serves ONNX and torch
    def rule(call: ImportCall) -> Value:
        return call.emit(op, NO_ATTRS, [call.value(0)])

    return rule


def _onnx_clip(call: OnnxCall) -> Value:
    if call.is_constant(0) and call.constant(0).dtype.kind in "iu":
        # weight codes, as Brevitas writes them in QCDQ form
        limits = [call.constant(i).item() if call.has(i) else None for i in (1, 2)]
        return call.emit_constant(np.clip(call.constant(0), *limits), suffix="")
    value = call.value(0)
    if value.producer.op == "codes":
        return clip_codes(call, value)
    raise call.refuse("clips a real value", "only Clip between QuantizeLinear and DequantizeLinear is supported here")


RELU = RealOp(
    "relu", NoAttrs, infer_same,
    evaluate=lambda node, x: np.maximum(x[0], 0),
    lower=lambda lowering, node, x: x[0].map(lambda chain, _: chain.clamped(ZERO, None)),
    onnx={"Relu": _unary("relu"), "Clip": _onnx_clip},
    torch={"aten.relu.default": _unary("relu"), "aten.relu_.default": _unary("relu")},
    sample=lambda random, value, name: make(RELU, NO_ATTRS, [value], name, name).output,
)


def _takes(value: Value) -> bool:
    """One function of a value is enough between two quantizers: their exact values are slow to find."""
    return all(node.op not in FUNCTIONS for node in trail(value))


def _function(name: str, onnx: str, torch: str) -> RealOp:
    def sample(random: Random, value: Value, result: str) -> Value:
        return make(op, NO_ATTRS, [value], result, result).output

    op = RealOp(
        name, NoAttrs, infer_same,
        evaluate=lambda node, x: FUNCTIONS[name].array(x[0]).astype(np.float64),
        lower=lambda lowering, node, x: x[0].map(lambda chain, _: chain.applied(name)),
        onnx={onnx: _unary(name)}, torch={torch: _unary(name)}, sample=sample, takes=_takes,
    )
    return op


SIGMOID = _function("sigmoid", "Sigmoid", "aten.sigmoid.default")
TANH = _function("tanh", "Tanh", "aten.tanh.default")
