"""Foreign operators and modules that are known, and refused with the reason: what they compute has no exact integer form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from hwgen.ops.importing import ImportCall, OnnxRule, TorchRule

_NORM: Final = (
    "divides by a deviation that is computed from its own input, which has no exact integer form",
    "train with a batch norm, whose statistics are constants in evaluation mode",
)
_ATTENTION: Final = (
    "attention multiplies two computed matrices with a softmax between them, which has no exact integer form",
    "use convolutions or linear layers in its place, or leave it to the host",
)
_RECURRENT: Final = ("keeps a state from step to step", "unroll it, or use convolutions over time")
_CUBIC: Final = ("cubic interpolation overshoots between positions", "use mode nearest or bilinear")
_SMOOTHED: Final = ("antialias=True smooths with weights of many positions", "resize without it")

Reason = tuple[str, str]
"""What stands in the way, and the way out."""

MODULES: Final[Mapping[str, Reason]] = {
    "MultiheadAttention": _ATTENTION, "TransformerEncoderLayer": _ATTENTION, "TransformerDecoderLayer": _ATTENTION,
}
"""torch's modules, by the name of their class: refused as a whole, not by the first operator that they are made of."""


def _rule(reason: Reason):  # noqa: ANN202 - a rule of either front end
    def refuse(call: ImportCall) -> NoReturn:
        raise call.refuse(*reason)

    return refuse


ONNX: Final[Mapping[str, OnnxRule]] = {
    name: _rule(reason)
    for reason, names in (
        (_NORM, ("LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "LpNormalization")),
        (_ATTENTION, ("Attention", "MultiHeadAttention")),
        (_RECURRENT, ("LSTM", "GRU", "RNN")),
    )
    for name in names
}
TORCH: Final[Mapping[str, TorchRule]] = {
    f"aten.{name}": _rule(reason)
    for reason, names in (
        (_NORM, ("layer_norm.default", "instance_norm.default", "group_norm.default", "rms_norm.default")),
        (_ATTENTION, ("scaled_dot_product_attention.default",)),
        (_RECURRENT, ("lstm.input", "gru.input", "rnn_tanh.input", "rnn_relu.input")),
        (_SMOOTHED, ("_upsample_bilinear2d_aa.default", "_upsample_bilinear2d_aa.vec")),
        (_CUBIC, ("upsample_bicubic2d.default", "upsample_bicubic2d.vec")),
    )
    for name in names
}
