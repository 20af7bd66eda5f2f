"""A small sound network, at protobuf level; hostile files spoil one thing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


def tensor(name: str, values: Any, kind: type = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


class Draft:
    """A small sound network; each test spoils one thing of it before it is written."""

    def __init__(self) -> None:
        weight = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
        self.tensors = {
            t.name: t
            for t in (
                tensor("w", weight),
                tensor("b", [1, 2, 3]),
                tensor("scale", 0.25),
                tensor("zero", 0),
                tensor("bits", 4),
            )
        }
        self.nodes = {
            "quantize_x": self.quant("x", "xq", "quantize_x"),
            "quantize_w": self.quant("w", "wq", "quantize_w"),
            "fc": helper.make_node("Gemm", ["xq", "wq", "b"], ["y"], name="fc", transB=1),
            "relu": helper.make_node("Relu", ["y"], ["z"], name="relu"),
            "quantize_y": self.quant("z", "out", "quantize_y"),
        }
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])]
        self.outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3])]
        self.opsets = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]

    @staticmethod
    def quant(x: str, y: str, name: str, **changed: Any) -> NodeProto:
        settings = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **changed}
        return helper.make_node("Quant", [x, "scale", "zero", "bits"], [y], name=name, domain=QONNX, **settings)

    def model(self) -> ModelProto:
        graph = helper.make_graph(list(self.nodes.values()), "g", self.inputs, self.outputs, list(self.tensors.values()))
        return helper.make_model(graph, opset_imports=self.opsets)

    def write(self, folder: Path) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.model().SerializeToString())
        return path
