"""Models whose numbers are none, or beyond all bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from hostile.case import HARMLESS, REFUSED, Case, Group
from hostile.draft import Draft, tensor
from hostile.models import model
from hostile.spoilt import Spoil, attribute, replaced
from onnx import NodeProto, helper

BATCH_NORM: Final = ("gamma", "beta", "mean", "variance")


def batch_norm(name: str, value: Any, *, epsilon: float = 1e-5) -> Spoil:
    """A batch norm instead of the ReLU; one of its vectors has a bad number in the middle."""

    def spoil(draft: Draft) -> None:
        for one in BATCH_NORM:
            draft.tensors[one] = tensor(one, [1.0, value, 1.0] if one == name else [1.0, 0.5, 2.0])
        draft.nodes["relu"] = helper.make_node("BatchNormalization", ["y", *BATCH_NORM], ["z"], name="bn", epsilon=epsilon)

    return spoil


def _numbers() -> Iterator[tuple[str, Case]]:
    tiny, small, huge = np.float32(1e-45), np.finfo(np.float32).tiny, np.finfo(np.float32).max
    for name in BATCH_NORM:
        for value in (np.nan, np.inf, -np.inf):
            yield f"{value} as a batch norm's {name}", model(batch_norm(name, value), says="NaN or infinity")
    yield "a negative variance", model(batch_norm("variance", -1.0), says="variance")
    yield "a variance that epsilon makes zero", model(batch_norm("variance", -1.0, epsilon=1.0), says="variance")
    yield "an epsilon of NaN", model(batch_norm("mean", 0.0, epsilon=float("nan")))
    yield "an epsilon of infinity", model(batch_norm("mean", 0.0, epsilon=float("inf")))
    yield "an epsilon of -1", model(batch_norm("mean", 0.0, epsilon=-100.0), says="variance")
    for value in (0.0, tiny, -0.0):
        yield f"a variance of {value}", model(batch_norm("variance", value), HARMLESS)
    yield "a variance of 1e38", model(batch_norm("variance", huge), HARMLESS)
    yield "a mean of 1e38", model(batch_norm("mean", huge), HARMLESS)
    yield "a gamma of zero", model(batch_norm("gamma", 0.0), HARMLESS)
    yield "a gamma of 1e-45", model(batch_norm("gamma", tiny), HARMLESS)
    for value in (np.nan, np.inf, -np.inf):
        yield f"{value} as a zero point", model(replaced(tensor("zero", value)))
        yield f"{value} as a bit width", model(replaced(tensor("bits", value)))
        yield f"{value} in the middle of a weight", model(replaced(tensor("w", [[0.5, value, 1, 1]] * 3)))
        yield f"{value} as a double weight", model(replaced(tensor("w", [[0.5, value, 1, 1]] * 3, np.float64)))
        yield f"{value} as a half weight", model(replaced(tensor("w", [[0.5, value, 1, 1]] * 3, np.float16)))
        constant = helper.make_node("Constant", [], ["scale2"], value_float=value)
        yield f"{value} as a constant attribute", model(constant_scale(constant))
        constant = helper.make_node("Constant", [], ["scale2"], value_floats=[value])
        yield f"{value} as a list attribute", model(constant_scale(constant))
        yield f"{value} as Gemm's alpha", model(attribute("fc", "alpha", value))
        yield f"{value} as Gemm's beta", model(attribute("fc", "beta", value))
    for value in (tiny, small, 1e-30, 1e30, huge):
        yield f"scales of {value}", model(replaced(tensor("scale", value)), HARMLESS)
        yield f"weights of {value}", model(replaced(tensor("w", np.full((3, 4), value))), HARMLESS)
        yield f"biases of {value}", model(replaced(tensor("b", np.full(3, value))), HARMLESS)
        yield f"alpha of {value}", model(attribute("fc", "alpha", float(value)), HARMLESS)
    for value in (0, -3, 1.5, 33, 2**31, 2**62, 1e38, tiny):
        yield f"a bit width of {value}", model(replaced(tensor("bits", value)), REFUSED)
    for value in (2**40, -(2**62), 2**31, 1e38):
        yield f"a zero point of {value}", model(replaced(tensor("zero", value)))
    for shape in ((0,), (2,), (5,), (3, 1), (1, 4, 1), (3, 4), (1,) * 8):
        case = replaced(tensor("scale", np.full(shape, 0.25)))
        yield f"a scale of shape {shape}", model(case, HARMLESS if shape == (1,) * 8 else REFUSED)
    yield "a scale of integers", model(replaced(tensor("scale", 1, np.int64)), HARMLESS)
    yield "a bit width of booleans", model(replaced(tensor("bits", True, np.bool_)), HARMLESS)
    for text in ("", "ROUND\n", "round;x", "\u202e", "EXEC", "x" * 10_000):
        yield f"a rounding mode {text[:10]!r} of {len(text)}", model(attribute("quantize_x", "rounding_mode", text))
    for value in (2, -1, 1 << 62):
        yield f"signed={value}", model(attribute("quantize_x", "signed", value))
        yield f"transB={value}", model(attribute("fc", "transB", value), HARMLESS)  # what is not zero is true


def constant_scale(constant: NodeProto) -> Spoil:
    def spoil(draft: Draft) -> None:
        draft.nodes = {"constant": constant, **draft.nodes}
        draft.nodes["quantize_x"].input[1] = "scale2"

    return spoil


NUMBERS: Final[Group] = dict(_numbers())
