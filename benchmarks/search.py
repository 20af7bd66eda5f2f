"""Trials of a search: how many a second on one core, and what one of them spends where."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwgen import flow
from hwgen.cost.estimate import estimate
from hwgen.data import Dataset
from hwgen.dataflow.cycles import predict
from hwgen.metrics import METRICS
from hwgen.profile.exact import exact_outputs, real_outputs
from hwgen.search.evaluate import Bench, with_options
from hwgen.search.study import Request, prepare

SAMPLES: Final = 1000
_TRIALS: Final = 24
_PHASES: Final = ("lower", "plan", "predict", "estimate", "evaluate", "judge")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Row:
    """per_second: whole trials on one core.  milliseconds: of a trial, by phase."""

    network: str
    per_second: float
    milliseconds: dict[str, float]


class _Model:
    """A float network with random weights, layer by layer."""

    def __init__(self, shape: Sequence[int]) -> None:
        self._random, self._shape = np.random.default_rng(1), shape
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[onnx.TensorProto] = []
        self._value = "x"

    def add(self, kind: str, weight: Sequence[int] = (), **attributes: object) -> None:
        """An operator behind the last, with a weight and a bias where a shape is given."""
        name = f"{kind.lower()}{len(self._nodes)}"
        inputs = [self._value]
        if weight:
            for role, size in (("weight", weight), ("bias", weight[:1])):
                numbers = self._random.normal(0, 1 / np.sqrt(np.prod(weight[1:])), size).astype(np.float32)
                self._tensors.append(numpy_helper.from_array(numbers, f"{name}.{role}"))
                inputs.append(f"{name}.{role}")
        self._nodes.append(helper.make_node(kind, inputs, [f"{name}.y"], name=name, **attributes))
        self._value = f"{name}.y"

    def write(self, path: Path, classes: int) -> Path:
        """As ONNX."""
        shapes = (("x", self._shape), (self._value, (classes,)))
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *shape]) for name, shape in shapes]
        graph = helper.make_graph(self._nodes, path.stem, ends[:1], ends[1:], self._tensors)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
        return path


def mlp(path: Path) -> Path:
    """64-32-32-10."""
    model = _Model((64,))
    for inputs, outputs in pairwise((64, 32, 32, 10)):
        model.add("Gemm", (outputs, inputs), transB=1)
        if outputs != 10:
            model.add("Relu")
    return model.write(path, 10)


def cnn(path: Path) -> Path:
    """Two convolutions of 8 and 16 channels over 8×8 images, each with a pool, and a layer of logits."""
    model = _Model((1, 8, 8))
    for channels, outputs in ((1, 8), (8, 16)):
        model.add("Conv", (outputs, channels, 3, 3), pads=[1, 1, 1, 1])
        model.add("Relu")
        model.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    model.add("Flatten")
    model.add("Gemm", (10, 64), transB=1)
    return model.write(path, 10)


def measure(folder: Path) -> list[Row]:
    """Random points of the usual space, one after the other, in this process."""
    return [_measured(write(folder / f"{name}.onnx"), name) for name, write in (("mlp", mlp), ("cnn", cnn))]


def _measured(model: Path, name: str) -> Row:
    graph = flow.import_model(model)
    (value,) = graph.inputs
    inputs = {value.name: np.random.default_rng(2).uniform(0, 1, (SAMPLES, *value.type.shape[1:])).astype(np.float32)}
    (outputs,) = real_outputs(graph, Dataset(inputs))
    data = Dataset(inputs, outputs.argmax(axis=1))
    prepared = prepare(graph, data, Path(), Request())
    space, random = prepared.searched.space, Random(3)
    keys = [space.point(random.randrange(space.size)) for _ in range(_TRIALS)]
    bench = Bench(prepared.design)
    bench.trial(keys[0], 0)  # what is done once
    start = time.perf_counter()
    for key in keys:
        bench.trial(key, 0)
    whole = (time.perf_counter() - start) / _TRIALS
    spent = dict.fromkeys(_PHASES, 0.0)

    def timed(phase: str, action: Callable[[], _T]) -> _T:
        begun = time.perf_counter()
        made = action()
        spent[phase] += (time.perf_counter() - begun) / _TRIALS
        return made

    for key in keys:
        options = with_options(prepared.design.options, space.settings(key))
        lowered = timed("lower", lambda options=options: flow.lower(graph, options))
        planned = timed("plan", lambda lowered=lowered: flow.plan_dataflow(lowered))
        timed("predict", lambda planned=planned: predict(planned))
        timed("estimate", lambda planned=planned: estimate(planned, prepared.design.target))
        exact = timed("evaluate", lambda lowered=lowered: exact_outputs(lowered, data))
        timed("judge", lambda exact=exact: METRICS["accuracy"](exact, data.targets))
    spent["rest"] = max(0.0, whole - sum(spent.values()))
    return Row(name, 1 / whole, {phase: 1000 * seconds for phase, seconds in spent.items()})


def table(rows: Sequence[Row]) -> list[str]:
    """Lines for people."""
    phases = [*_PHASES, "rest"]
    lines = [f"{'':6}{'trials/s':>10}" + "".join(f"{phase + ', ms':>14}" for phase in phases)]
    return lines + [f"{r.network:6}{r.per_second:10.1f}" + "".join(f"{r.milliseconds[p]:14.1f}" for p in phases) for r in rows]
