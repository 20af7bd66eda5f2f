"""Convolutions, pools and reductions whose numbers are absurd: endless windows, strides and pads, and results without bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from hostile.case import Case, Group
from hostile.draft import Draft, tensor
from hostile.models import model
from hostile.spoilt import Spoil, x_shape
from onnx import TensorProto, helper

BILLION: Final = 1 << 30
HUGE: Final = 1 << 62


def window(op: str, shape: tuple[int, ...], weight: tuple[int, ...] | None, **attributes: Any) -> Spoil:
    """One operator on a quantized image, between two quantizers."""

    def spoil(draft: Draft) -> None:
        x_shape(*shape)(draft)
        operands = ["xq"]
        if weight is not None:
            draft.tensors["k"] = tensor("k", np.ones(weight))
            operands.append("k")
        draft.nodes = {
            "q": Draft.quant("x", "xq", "q"),
            "odd": helper.make_node(op, operands, ["y"], name="odd", **attributes),
            "s": Draft.quant("y", "out", "s"),
        }
        draft.outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]

    return spoil


IMAGE: Final = (1, 2, 6, 6)
KERNEL: Final = (2, 2, 3, 3)


def _odd() -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...] | None, dict[str, Any]]]:
    for number in (-1, 0, BILLION, HUGE, -HUGE):
        for name, count in (("strides", 2), ("dilations", 2), ("pads", 4), ("kernel_shape", 2)):
            for op, weight in (("Conv", KERNEL), ("ConvTranspose", KERNEL), ("MaxPool", None), ("AveragePool", None)):
                if number == 0 and name == "pads":
                    continue
                if op in ("Conv", "MaxPool", "AveragePool") and name == "strides" and number > 0:
                    continue  # one window, wherever the next would be
                given = {name: [number] * count}
                yield op, IMAGE, weight, given if weight or "kernel_shape" in given else {**given, "kernel_shape": [2, 2]}
        yield "Conv", IMAGE, KERNEL, {"group": number}
        yield "ConvTranspose", IMAGE, KERNEL, {"group": number}
        if number != -1:
            yield "ReduceSum", IMAGE, None, {"axes": [number]}
    for size in (1, 2):
        yield "ConvTranspose", (1, 1, size, size), (1, 1, 1, 1), {"strides": [1 << 17, 1 << 17]}
    yield "ConvTranspose", (1, 1, 2, 2), (1, 1, 1, 1), {"strides": [1 << 17] * 2, "pads": [1 << 16] * 4}
    yield "ConvTranspose", IMAGE, KERNEL, {"output_padding": [BILLION, 0]}
    yield "ConvTranspose", IMAGE, KERNEL, {"output_shape": [HUGE, HUGE]}
    yield "ConvTranspose", IMAGE, KERNEL, {"output_shape": [-1, -1]}
    yield "MaxPool", IMAGE, None, {"kernel_shape": [1 << 17] * 2, "pads": [1 << 17] * 4}
    yield "AveragePool", IMAGE, None, {"kernel_shape": [1 << 17] * 2, "pads": [1 << 17] * 4, "count_include_pad": 1}
    yield "MaxPool", IMAGE, None, {"kernel_shape": [2]}
    yield "MaxPool", IMAGE, None, {"kernel_shape": [2] * 1000}
    yield "Conv", IMAGE, KERNEL, {"auto_pad": "SAME_UPPER\x00"}
    yield "Conv", IMAGE, KERNEL, {"auto_pad": "$(reboot)"}
    yield "Conv", (1, 2), (2, 2), {}
    yield "Conv", IMAGE, (2, 2, 0, 3), {}
    yield "Conv", IMAGE, (), {}
    yield "Conv", (1, 1, 1024, 1024), (64, 1, 1, 1), {}
    yield "GlobalAveragePool", (1, 4), None, {}
    yield "ReduceMean", IMAGE, None, {"axes": [2] * 1000, "keepdims": HUGE, "odd": 1}
    yield "ReduceL2", IMAGE, None, {"axes": [1]}


def _cases() -> Iterator[tuple[str, Case]]:
    for op, shape, weight, attributes in _odd():
        shown = {k: (v[:4] if isinstance(v, list) else v) for k, v in attributes.items()}
        yield f"{op} of {shape} with {weight} and {shown}", model(window(op, shape, weight, **attributes))


WINDOWS: Final[Group] = dict(_cases())
