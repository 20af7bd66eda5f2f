"""What the tests of the command line share: the outcome of a command, and small models."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> Any:
        """The one JSON object; fails where stdout holds anything else."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


Hwgen = Callable[..., Outcome]


def write_mlp(path: Path, *, sizes: tuple[int, ...] = (6, 5, 3), last: str | None = None, name: str = "fc", seed: int = 1) -> Path:
    """Gemm and Relu; the layers are called fc1, fc2, …  last: operator behind the last layer."""
    rng = np.random.default_rng(seed)
    nodes, weights, value = [], [], "x"
    for k, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
        weights.append(numpy_helper.from_array(rng.normal(0, 0.7, (outputs, inputs)).astype(np.float32), f"w{k}"))
        weights.append(numpy_helper.from_array(rng.normal(0, 0.5, outputs).astype(np.float32), f"b{k}"))
        nodes.append(helper.make_node("Gemm", [value, f"w{k}", f"b{k}"], [f"y{k}"], name=f"{name}{k}", transB=1))
        value = f"y{k}"
        if k < len(sizes) - 1:
            nodes.append(helper.make_node("Relu", [value], [f"a{k}"], name=f"act{k}"))
            value = f"a{k}"
    if last is not None:
        nodes.append(helper.make_node(last, [value], ["end"], name="last"))
        value = "end"
    graph = helper.make_graph(
        nodes, "mlp", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", sizes[0]])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["batch", sizes[-1]])], weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path
