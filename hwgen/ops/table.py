"""Every operator, one line each.  To add one: write its file, add its line here, and its template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hwgen.ir.graph import Attrs
from hwgen.ops import activation, classify, linear, lookup, quantize, requantize, scalar, shape, source
from hwgen.ops.importing import OnnxRule, TorchRule
from hwgen.ops.record import IntegerOp, RealOp

REAL_OPS: Final = (
    source.INPUT,
    source.CONSTANT,
    quantize.QUANTIZE,
    quantize.CODES,
    quantize.DECODE,
    linear.LINEAR,
    scalar.SCALE_BIAS,
    scalar.BATCH_NORM,
    scalar.ADD,
    scalar.SUB,
    scalar.MUL,
    scalar.DIV,
    activation.RELU,
    activation.SIGMOID,
    activation.TANH,
    shape.IDENTITY,
    shape.RESHAPE,
    shape.TRANSPOSE,
    classify.SOFTMAX,
    classify.ARGMAX_REAL,
)
INTEGER_OPS: Final = (
    linear.MATVEC,
    requantize.REQUANT_SCALE,
    requantize.REQUANT_THRESHOLD,
    lookup.TABLE,
    classify.ARGMAX,
    shape.VIEW,
)

REAL: Final[Mapping[str, RealOp]] = {op.name: op for op in REAL_OPS}
INTEGER: Final[Mapping[str, IntegerOp]] = {op.name: op for op in INTEGER_OPS}
ATTRS: Final[Mapping[str, type[Attrs]]] = {op.name: op.attrs for op in (*REAL_OPS, *INTEGER_OPS)}
ONNX_RULES: Final[Mapping[str, OnnxRule]] = {name: rule for op in REAL_OPS for name, rule in op.onnx.items()}
TORCH_RULES: Final[Mapping[str, TorchRule]] = {name: rule for op in REAL_OPS for name, rule in op.torch.items()}


def definition(name: str) -> RealOp | IntegerOp:
    """The record of an operator that a graph holds."""
    return REAL[name] if name in REAL else INTEGER[name]
