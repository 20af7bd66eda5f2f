"""What training makes small: cross entropy of class scores, or the mean square of differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hwgen.errors import HwgenError
from hwgen.ir.graph import Array, Graph, Value
from hwgen.ops.shape import TransposeAttrs

AUTO: Final = "auto"
CROSS_ENTROPY: Final = "cross-entropy"
MSE: Final = "mse"
LOSSES: Final = (AUTO, CROSS_ENTROPY, MSE)
_CLASS_AXIS: Final = 1


@dataclass(frozen=True)
class Loss:
    """name: of `LOSSES`, never ``auto``.  value: of the graph, that it looks at.  metric: that goes with it.

    targets: as tensors that ``function(outputs, targets)`` takes.
    """

    name: str
    value: Value
    metric: str
    function: Callable[[Tensor, Tensor], Tensor]
    targets: Callable[[Array], Tensor]


def choose_loss(graph: Graph, targets: Array, wanted: str = AUTO) -> Loss:
    """The loss of the graph's first output: ``auto`` is cross entropy where the targets are whole numbers, else mse.

    Cross entropy looks at the scores before a last softmax or argmax, or, of one score a sample, before a last sigmoid.
    Raises HwgenError where shapes of outputs and targets do not fit.
    """
    if wanted not in LOSSES:
        raise HwgenError("usage", "--loss", f"{wanted!r} is not known", f"use one of {', '.join(LOSSES)}")
    name = wanted if wanted != AUTO else CROSS_ENTROPY if targets.dtype.kind in "iub" else MSE
    return _cross_entropy(graph.outputs[0], targets) if name == CROSS_ENTROPY else _mean_square(graph.outputs[0], targets)


def _scores(output: Value) -> Value:
    """What a softmax, with transposes around it or without, or an argmax is computed of."""
    node = output.producer
    if node.op in ("softmax", "argmax"):
        return node.inputs[0]
    inner = node.inputs[0].producer if node.inputs else node
    if node.op == "transpose" and inner.op == "softmax" and inner.inputs[0].producer.attrs == node.attrs:
        attrs = node.attrs
        if isinstance(attrs, TransposeAttrs) and all(attrs.perm[p] == k for k, p in enumerate(attrs.perm)):
            return inner.inputs[0].producer.inputs[0]
    return output


def _cross_entropy(output: Value, targets: Array) -> Loss:
    value = _scores(output)
    shape = value.type.shape
    if len(shape) < 2 or (len(shape) > 2 and output.producer.op in ("softmax", "argmax")):
        raise _unfit(output, targets, "cross entropy takes scores (batch, classes, …)")
    if shape[_CLASS_AXIS] == 1:
        return _two_classes(value, targets)
    wanted = shape[2:]
    if targets.ndim > 1 and targets.shape[1:] == shape[1:]:
        targets_of: Callable[[Array], Array] = lambda given: given.argmax(axis=_CLASS_AXIS)  # noqa: E731 - one of two
    elif targets.shape[1:] in (wanted, (*wanted, 1)):
        targets_of = lambda given: given.reshape(len(given), *wanted)  # noqa: E731
    else:
        raise _unfit(output, targets, "give one class index a decision")
    labels = targets_of(targets)
    if (labels != np.rint(labels)).any() or labels.min() < 0 or labels.max() >= shape[_CLASS_AXIS]:
        raise _unfit(output, targets, f"class indices run from 0 to {shape[_CLASS_AXIS] - 1}")
    return Loss(
        CROSS_ENTROPY, value, "accuracy", functional.cross_entropy,
        lambda given: torch.from_numpy(targets_of(given).astype(np.int64)),
    )


def _two_classes(value: Value, targets: Array) -> Loss:
    """One score a sample: of class 1 against class 0."""
    if value.producer.op == "sigmoid":
        value = value.producer.inputs[0]
    if targets.size != len(targets) * value.type.elements or not np.isin(targets, (0, 1)).all():
        raise _unfit(value, targets, "one score a sample takes targets 0 and 1")

    def function(outputs: Tensor, wanted: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(outputs, wanted.to(outputs.dtype))

    shape = value.type.shape[1:]
    return Loss(
        CROSS_ENTROPY, value, "auc", function, lambda given: torch.from_numpy(given.reshape(len(given), *shape).astype(np.float32))
    )


def _mean_square(output: Value, targets: Array) -> Loss:
    shape = output.type.shape[1:]
    if output.producer.op == "argmax":
        raise _unfit(output, targets, "an argmax has no gradient; use cross-entropy")
    if targets.shape[1:] != shape and (*targets.shape[1:], 1) != shape and targets.shape[1:] != (*shape, 1):
        raise _unfit(output, targets, "mse takes targets of the output's shape")

    def function(outputs: Tensor, wanted: Tensor) -> Tensor:
        return functional.mse_loss(outputs, wanted.to(outputs.dtype))

    return Loss(MSE, output, "mse", function, lambda given: torch.from_numpy(given.reshape(len(given), *shape).astype(np.float64)))


def _unfit(output: Value, targets: Array, fix: str) -> HwgenError:
    what = f"has shape {output.type.shape}, the targets (samples{''.join(f', {n}' for n in targets.shape[1:])})"
    return HwgenError("data", f"output {output.name!r}", what, fix)
