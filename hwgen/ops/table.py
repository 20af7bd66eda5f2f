"""Every operator, one line each.  To add one: write its file, add its line here, and its template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hwgen.ir.graph import Attrs
from hwgen.ops import (
    activation,
    arithmetic,
    classify,
    composed,
    concat,
    conv,
    conv_transpose,
    depthwise,
    eltwise,
    expanding,
    functions,
    interpolate,
    lane_pool,
    linear,
    lookup,
    matvec,
    padding,
    permute,
    pool,
    quantize,
    rearrange,
    reduce,
    refused,
    requant_pieces,
    requantize,
    resize,
    scalar,
    shape,
    slicing,
    source,
    window_conv,
)
from hwgen.ops.importing import OnnxRule, TorchRule
from hwgen.ops.record import IntegerOp, RealOp

REAL_OPS: Final = (
    source.INPUT,
    source.CONSTANT,
    quantize.QUANTIZE,
    quantize.CODES,
    quantize.DECODE,
    linear.LINEAR,
    conv.CONV,
    conv_transpose.CONV_TRANSPOSE,
    pool.MAX_POOL,
    pool.AVERAGE_POOL,
    reduce.REDUCE,
    scalar.SCALE_BIAS,
    scalar.BATCH_NORM,
    arithmetic.ADD,
    arithmetic.SUB,
    arithmetic.MUL,
    arithmetic.DIV,
    arithmetic.MIN,
    arithmetic.MAX,
    activation.RELU,
    activation.CLIP,
    activation.PRELU,
    activation.THRESHOLD,
    functions.SIGMOID,
    functions.TANH,
    functions.ERF,
    functions.EXP,
    functions.GELU,
    functions.GELU_TANH,
    functions.SILU,
    functions.MISH,
    functions.SOFTSIGN,
    functions.SQUARE,
    functions.SQRT,
    functions.RECIPROCAL,
    functions.ELU,
    functions.SOFTPLUS,
    functions.HARD_SWISH,
    shape.IDENTITY,
    shape.RESHAPE,
    shape.TRANSPOSE,
    concat.CONCAT,
    slicing.SLICE,
    padding.PAD,
    resize.RESIZE,
    interpolate.INTERPOLATE,
    classify.SOFTMAX,
    classify.ARGMAX_REAL,
)
INTEGER_OPS: Final = (
    matvec.MATVEC,
    requantize.REQUANT_SCALE,
    requantize.REQUANT_THRESHOLD,
    requant_pieces.REQUANT_PIECES,
    lookup.TABLE,
    classify.ARGMAX,
    shape.VIEW,
    permute.PERMUTE,
    eltwise.ELTWISE,
    concat.JOIN,
    slicing.SELECT,
    rearrange.REARRANGE,
    window_conv.CONV_CODES,
    depthwise.DEPTHWISE,
    lane_pool.POOL_CODES,
)

REAL: Final[Mapping[str, RealOp]] = {op.name: op for op in REAL_OPS}
INTEGER: Final[Mapping[str, IntegerOp]] = {op.name: op for op in INTEGER_OPS}
ATTRS: Final[Mapping[str, type[Attrs]]] = {op.name: op.attrs for op in (*REAL_OPS, *INTEGER_OPS)}
ONNX_RULES: Final[Mapping[str, OnnxRule]] = {
    **{name: rule for op in REAL_OPS for name, rule in op.onnx.items()}, **composed.ONNX, **expanding.ONNX, **refused.ONNX,
}
TORCH_RULES: Final[Mapping[str, TorchRule]] = {
    **{name: rule for op in REAL_OPS for name, rule in op.torch.items()}, **composed.TORCH, **expanding.TORCH, **refused.TORCH,
}


def definition(name: str) -> RealOp | IntegerOp:
    """The record of an operator that a graph holds."""
    return REAL[name] if name in REAL else INTEGER[name]
