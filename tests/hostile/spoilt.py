"""One thing of a sound model spoilt: what, how, and what the refusal must name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hostile.draft import QONNX, Draft, tensor
from onnx import AttributeProto, NodeProto, TensorProto, helper

Spoil = Callable[[Draft], None]


def node(name: str, made: NodeProto) -> Spoil:
    return lambda draft: draft.nodes.update({name: made})


def replaced(made: TensorProto) -> Spoil:
    return lambda draft: draft.tensors.update({made.name: made})


def attribute(name: str, key: str, value: Any) -> Spoil:
    def spoil(draft: Draft) -> None:
        kept = [a for a in draft.nodes[name].attribute if a.name != key]
        del draft.nodes[name].attribute[:]
        draft.nodes[name].attribute.extend([*kept, *([] if value is None else [helper.make_attribute(key, value)])])

    return spoil


def inputs(name: str, *names: str) -> Spoil:
    def spoil(draft: Draft) -> None:
        del draft.nodes[name].input[:]
        draft.nodes[name].input.extend(names)

    return spoil


def x_shape(*dims: int | str | None) -> Spoil:
    def spoil(draft: Draft) -> None:
        draft.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(dims))]

    return spoil


def giant(name: str, dims: list[int], raw: bytes = b"") -> Spoil:
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, raw_data=raw)
    made.dims.extend(dims)
    return replaced(made)


def wrong_attribute_type(draft: Draft) -> None:
    draft.nodes["fc"].attribute[0].type = AttributeProto.FLOAT


def cycle(draft: Draft) -> None:
    draft.nodes["fc"].input[0] = "out"


def self_loop(draft: Draft) -> None:
    draft.nodes["relu"].input[0] = "z"


def same_name_twice(draft: Draft) -> None:
    draft.nodes["again"] = helper.make_node("Relu", ["y"], ["z"], name="again")


def weight_and_result_of_one_name(draft: Draft) -> None:
    draft.tensors["z"] = tensor("z", [1.0])


def no_output(draft: Draft) -> None:
    draft.outputs = []


def output_of_no_node(draft: Draft) -> None:
    draft.outputs = [helper.make_tensor_value_info("nowhere", TensorProto.FLOAT, [1, 3])]


def node_without_output(draft: Draft) -> None:
    del draft.nodes["relu"].output[:]
    draft.nodes["quantize_y"].input[0] = "y"


def no_input(draft: Draft) -> None:
    draft.inputs = []
    draft.tensors["x"] = tensor("x", [[1, 2, 3, 4]])


def old_opset(draft: Draft) -> None:
    draft.opsets = [helper.make_opsetid("", 1), helper.make_opsetid(QONNX, 1)]


def integer_input(draft: Draft) -> None:
    draft.inputs = [helper.make_tensor_value_info("x", TensorProto.INT64, [1, 4])]


def sequence_input(draft: Draft) -> None:
    draft.inputs = [helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [1, 4])]


def shapeless_input(draft: Draft) -> None:
    draft.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)]


def one_more_input(draft: Draft) -> None:
    draft.nodes["relu"].input.append("b")


def second_output(draft: Draft) -> None:
    draft.nodes["relu"].output.append("second")
    draft.nodes["quantize_y"].input[0] = "second"


def bad_utf8(draft: Draft) -> None:
    next(a for a in draft.nodes["quantize_y"].attribute if a.name == "rounding_mode").s = b"\xff\xfe"


SPOILT: dict[str, tuple[Spoil, str, str]] = {
    # what: (how, the place that the message names, a word of the reason)
    "unsupported operator": (
        node("relu", helper.make_node("Einsum", ["y"], ["z"], name="my_einsum", equation="ij->ij")),
        "my_einsum",
        "not supported",
    ),
    "misspelt operator": (node("relu", helper.make_node("ReLU", ["y"], ["z"], name="act")), "act", "not supported"),
    "foreign domain": (node("relu", helper.make_node("Relu", ["y"], ["z"], name="act", domain="os.path")), "act", "os.path"),
    "control flow": (
        node(
            "relu",
            helper.make_node(
                "If",
                ["y"],
                ["z"],
                name="branch",
                then_branch=helper.make_graph([], "t", [], []),
                else_branch=helper.make_graph([], "e", [], []),
            ),
        ),
        "branch",
        "not supported",
    ),
    "unknown attribute": (attribute("fc", "fused_activation", "tanh"), "fc", "fused_activation"),
    "attribute of a wrong type": (wrong_attribute_type, "fc", "wrong type"),
    "missing attribute": (attribute("quantize_x", "signed", None), "quantize_x", "signed"),
    "flag of 2": (attribute("quantize_x", "narrow", 2), "quantize_x", "narrow=2"),
    "unknown rounding": (attribute("quantize_x", "rounding_mode", "STOCHASTIC"), "quantize_x", "STOCHASTIC"),
    "rounding of no text": (bad_utf8, "quantize_y", ""),
    "transposed input": (attribute("fc", "transA", 1), "fc", "transA"),
    "misfit weight": (attribute("fc", "transB", 0), "fc", "do not fit"),
    "misfit bias": (replaced(tensor("b", [1, 2, 3, 4, 5])), "fc", "bias"),
    "vector weight": (replaced(tensor("w", [1, 2, 3, 4])), "fc", "weight"),
    "weight of NaN": (replaced(tensor("w", np.full((3, 4), np.nan))), "weight 'w'", "NaN"),
    "bias of infinity": (replaced(tensor("b", [1, np.inf, 3])), "weight 'b'", "infinity"),
    "scale of zero": (replaced(tensor("scale", 0.0)), "quantize_x", "positive"),
    "negative scale": (replaced(tensor("scale", -0.5)), "quantize_x", "positive"),
    "scale of NaN": (replaced(tensor("scale", np.nan)), "scale", "NaN"),
    "scale of nothing": (replaced(tensor("scale", np.zeros((0,)))), "quantize_x", "scale"),
    "computed scale": (inputs("quantize_x", "x", "y", "zero", "bits"), "", ""),
    "zero point of a half": (replaced(tensor("zero", 0.5)), "quantize_x", "whole"),
    "no bits": (replaced(tensor("bits", 0)), "quantize_x", "bit width 0"),
    "1000 bits": (replaced(tensor("bits", 1000)), "quantize_x", "bit width 1000"),
    "a million million bits": (replaced(tensor("bits", 1e30)), "quantize_x", "bit width"),
    "two and a half bits": (replaced(tensor("bits", 2.5)), "quantize_x", "whole"),
    "negative bits": (replaced(tensor("bits", -4)), "quantize_x", "bit width -4"),
    "two bit widths": (replaced(tensor("bits", [4, 5, 4, 4])), "quantize_x", "bit width"),
    "misfit scales": (replaced(tensor("scale", [0.5] * 7)), "quantize_x", "scale"),
    "missing inputs": (inputs("quantize_x", "x"), "quantize_x", "missing"),
    "input of no node": (inputs("relu", "nobody"), "relu", "made by no node"),
    "an input too many": (one_more_input, "relu", ""),
    "an output that the operator does not have": (second_output, "quantize_y", "made by no node"),
    "a cycle": (cycle, "", "cycle"),
    "a node that uses itself": (self_loop, "relu", ""),
    "a value made twice": (same_name_twice, "'z'", "twice"),
    "a weight and a result of one name": (weight_and_result_of_one_name, "'z'", "twice"),
    "no output": (no_output, "model", "output"),
    "an output of no node": (output_of_no_node, "nowhere", "no node"),
    "a node without output": (node_without_output, "relu", "no output"),
    "no input": (no_input, "model", "no input"),
    "old opset": (old_opset, "model", "opset 1 "),
    "input of integers": (integer_input, "input 'x'", "floats"),
    "input of sequences": (sequence_input, "input 'x'", "floats"),
    "input without a shape": (shapeless_input, "input 'x'", "axes"),
    "input of one axis": (x_shape(4), "input 'x'", "1 axes"),
    "input of unknown size": (x_shape(1, "n"), "input 'x'", "no fixed size"),
    "input of negative size": (x_shape(1, -4), "input 'x'", "shape"),
    "input of 2**62": (x_shape(1, 1 << 62), "input 'x'", "shape"),
    "input of many axes": (x_shape(*[1] * 40, 4), "input 'x'", "shape"),
    "weight of 2**62": (giant("w", [1 << 62, 4]), "weight 'w'", "shape"),
    "weight of 2**31 by 2**31": (giant("w", [1 << 31, 1 << 31]), "weight 'w'", "shape"),
    "weight of a negative size": (giant("w", [-3, 4]), "weight 'w'", "shape"),
    "weight of many axes": (giant("w", [1] * 70), "weight 'w'", "shape"),
    "weight whose bytes are missing": (giant("w", [3, 4], b"1234"), "weight 'w'", "4 bytes for 12"),
    "weight whose numbers are missing": (
        replaced(TensorProto(name="w", data_type=1, dims=[3, 4], float_data=[1, 2])),
        "weight 'w'",
        "12 elements",
    ),
    "weight of a large shape and no numbers": (
        replaced(TensorProto(name="w", data_type=1, dims=[1 << 12, 1 << 12])),
        "weight 'w'",
        "elements",
    ),
    "weight of texts": (
        replaced(TensorProto(name="w", data_type=TensorProto.STRING, dims=[1], string_data=[b"x"])),
        "weight 'w'",
        "type",
    ),
    "weight of no type": (replaced(TensorProto(name="w", data_type=0, dims=[1])), "weight 'w'", "type"),
    "weight of an unknown type": (replaced(TensorProto(name="w", data_type=999, dims=[1])), "weight 'w'", "type"),
    "weight of complex numbers": (replaced(tensor("w", [[1j]], np.complex64)), "weight 'w'", "type"),
}
