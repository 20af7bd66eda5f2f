"""How hls4ml would call the operators of a graph: names and types of layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hwgen.ir.graph import Node
from hwgen.ops.conv import RealConvAttrs
from hwgen.ops.real_sampling import FUNCTION_OPS
from hwgen.ops.reduce import ReduceAttrs

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("InputLayer", "Input"),
    "linear": ("Dense", "QDense"),
    "conv": ("Conv{n}D", "QConv{n}D"),
    "conv_transpose": ("Conv{n}DTranspose",),
    "batch_norm": ("BatchNormalization", "QBatchNormalization"),
    "max_pool": ("MaxPooling{n}D",),
    "average_pool": ("AveragePooling{n}D",),
    "add": ("Merge", "Add"), "sub": ("Merge", "Subtract"), "mul": ("Merge", "Multiply"),
    "min": ("Merge", "Minimum"), "max": ("Merge", "Maximum"),
    "concat": ("Concatenate",),
    "resize": ("Resize", "UpSampling{n}D"), "interpolate": ("Resize", "UpSampling{n}D"),
    "pad": ("ZeroPadding{n}D",),
    "reshape": ("Reshape", "Flatten"),
    "transpose": ("Transpose",),
    "softmax": ("Softmax",),
    "relu": ("Activation", "QActivation", "ReLU"), "clip": ("Activation",),
    "elu": ("Activation", "ELU"), "prelu": ("PReLU", "LeakyReLU"), "threshold": ("ThresholdedReLU",),
}
_FUNCTION: Final = ("Activation", "QActivation")
_DEPTHWISE: Final = "DepthwiseConv{n}D"
_POOLED: Final = {"max": "GlobalMaxPooling{n}D", "mean": "GlobalAveragePooling{n}D"}
_DIMENSIONS: Final = (1, 2)

KNOWN_TYPES: Final = tuple(
    dict.fromkeys(
        name.format(n=n) for names in (*_TYPES.values(), (_DEPTHWISE, *_POOLED.values())) for name in names for n in _DIMENSIONS
    )
)
"""Every name that `layer_types` may give."""


def normalised(name: str) -> str:
    """A layer's name as names are compared: without case, and with each sign that C++ does not take as one underscore."""
    return re.sub(r"[\W_]+", "_", name.lower(), flags=re.ASCII).strip("_")


def layer_types(node: Node) -> tuple[str, ...]:
    """The names of types that stand for an operator; none where hls4ml has no such layer."""
    names = _TYPES.get(node.op, _FUNCTION if node.op in FUNCTION_OPS else ())
    dimensions = len((node.inputs[0] if node.inputs else node.output).type.shape) - 2
    attrs = node.attrs
    if isinstance(attrs, ReduceAttrs):
        names = (_POOLED[attrs.kind],) if attrs.kind in _POOLED else ()
    elif isinstance(attrs, RealConvAttrs) and 1 < attrs.groups == node.inputs[0].type.shape[1]:
        names = (_DEPTHWISE,)
    return tuple(name.format(n=dimensions) for name in names)
