"""Random QONNX classifiers in the many spellings that exporters use, made from a seed."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")


class ModelMaker:
    """Writes one model; every choice comes from the seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.domain = self.random.choice(DOMAINS)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.count = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}_{self.count}"

    def constant(self, array: np.ndarray, kind: str = "c") -> str:
        name = self.name(kind)
        self.initializers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def add(self, op: str, inputs: list[str], domain: str = "", **attributes: object) -> str:
        name = self.name(op.lower())
        self.nodes.append(helper.make_node(op, inputs, [f"{name}_out"], name=name, domain=domain, **attributes))
        return f"{name}_out"

    def scale(self, base: float) -> float:
        if self.random.random() < 0.5:
            return 2.0 ** round(np.log2(base))
        return float(np.float32(base * self.random.uniform(0.6, 1.6)))

    def quant(self, x: str, bits: int, signed: bool, scale: object, zero: float = 0.0) -> str:
        if bits == 1 and signed and self.random.random() < 0.5:
            return self.add("BipolarQuant", [x, self.constant(np.array(scale))], self.domain)
        op = "IntQuant" if self.random.random() < 0.3 and self.domain.startswith("qonnx") else "Quant"
        mode = self.random.choice(["ROUND", "ROUND", "ROUND", "HALF_EVEN", "CEIL", "FLOOR", "HALF_UP", "UP", "DOWN", "HALF_DOWN"])
        narrow = int(signed and bits > 1 and self.random.random() < 0.5)
        inputs = [x, self.constant(np.array(scale)), self.constant(np.array(zero)), self.constant(np.array(float(bits)))]
        return self.add(op, inputs, self.domain, signed=int(signed), narrow=narrow, rounding_mode=mode)

    def weight(self, inputs: int, outputs: int, transposed: bool) -> str:
        bits = self.random.choice([1, 2, 2, 3, 4, 6, 8])
        array = self.numbers.normal(0, 1, (outputs, inputs)).astype(np.float32)
        scale: object = self.scale(2.5 / 2 ** (bits - 1))
        if self.random.random() < 0.4:
            scale = np.array([[self.scale(2.5 / 2 ** (bits - 1))] for _ in range(outputs)], np.float32)
        if transposed:
            array, scale = array.T, np.asarray(scale).T
        return self.quant(self.constant(array, "w"), bits, True, scale)

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        form = self.random.choice(["matmul", "gemm", "transpose", "gemm_bias", "matmul_add"])
        if form == "gemm":
            return self.add("Gemm", [x, self.weight(inputs, outputs, False)], transB=1)
        if form == "gemm_bias":
            bias = self.constant(self.numbers.normal(0, 1, outputs))
            return self.add("Gemm", [x, self.weight(inputs, outputs, True), bias], alpha=self.random.choice([1.0, 0.5]))
        if form == "transpose":
            return self.add("MatMul", [x, self.add("Transpose", [self.weight(inputs, outputs, False)], perm=[1, 0])])
        product = self.add("MatMul", [x, self.weight(inputs, outputs, True)])
        if form == "matmul_add":
            bias = self.constant(self.numbers.normal(0, 1, outputs))
            if self.random.random() < 0.5:
                bias = self.quant(bias, 8, True, 1 / 32)
            return self.add("Add", [product, bias] if self.random.random() < 0.7 else [bias, product])
        return product

    def norm(self, x: str, channels: int) -> str:
        form = self.random.choice(["none", "batch_norm", "written_out", "scalar"])
        mean, variance = self.numbers.normal(0, 1, channels), self.numbers.uniform(0.2, 9, channels)
        gamma, beta = self.numbers.normal(0.6, 0.8, channels), self.numbers.normal(0, 1, channels)
        if form == "batch_norm":
            names = [self.constant(v) for v in (gamma, beta, mean, variance)]
            return self.add("BatchNormalization", [x, *names], epsilon=1e-5)
        if form == "written_out":
            x = self.add("Sub", [x, self.constant(mean)])
            root = self.add("Pow", [self.constant(variance), self.constant(np.array(0.5))])
            x = self.add("Div", [x, root])
            return self.add("Add", [self.add("Mul", [x, self.constant(gamma)]), self.constant(beta)])
        if form == "scalar":
            x = self.add("Mul", [x, self.constant(np.array(self.random.choice([0.5, 2.0, -1.0, 0.3])))])
            return self.add("Sub", [self.constant(np.array([1.0])), x])
        return x

    def activation(self, x: str) -> str:
        bits = self.random.choice([1, 2, 2, 3, 4, 4, 6, 8])
        form = self.random.choice(["relu", "relu", "signed", "bipolar", "tanh", "sigmoid", "zero_point"])
        if form == "relu":
            return self.quant(self.add("Relu", [x]), max(bits, 1), False, self.scale(6 / 2**bits))
        if form == "bipolar":
            return self.quant(x, 1, True, self.scale(1.0))
        if form == "zero_point":
            return self.quant(x, max(bits, 2), False, self.scale(8 / 2**bits), float(self.random.randint(0, 2 ** max(bits, 2) - 1)))
        if form in ("tanh", "sigmoid"):
            return self.quant(self.add(form.capitalize(), [x]), max(bits, 2), form == "tanh", self.scale(2.1 / 2 ** max(bits, 2)))
        return self.quant(x, max(bits, 2), True, self.scale(8 / 2**bits))

    def make(self) -> onnx.ModelProto:
        sizes = [self.random.randint(1, 20) for _ in range(self.random.randint(2, 4))]
        x = "in put/0"
        if self.random.random() < 0.4:
            x = self.add("Sub", [self.add("Mul", [x, self.constant(np.array(2.0))]), self.constant(np.array([1.0]))])
        if self.random.random() < 0.6:
            x = self.quant(x, self.random.choice([1, 2, 4, 8]), True, self.scale(0.25))
        for at, (inputs, outputs) in enumerate(pairwise(sizes)):
            last = at == len(sizes) - 2
            x = self.norm(self.linear(x, inputs, outputs), outputs)
            if not last or self.random.random() < 0.5:
                x = self.activation(x)
        opset = self.random.choice([11, 13])  # older ones have no Gemm without C
        shape = [self.random.choice([1, 1, 789444]), sizes[0]]
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info("in put/0", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(x, TensorProto.FLOAT, [shape[0], sizes[-1]])],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", opset)]
        if self.random.random() < 0.5:
            opsets.append(helper.make_opsetid(self.domain, 1))
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)
