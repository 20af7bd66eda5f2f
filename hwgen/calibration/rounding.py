"""Weights rounded up or down, each, so that their layer's output is right rather than the weights themselves.

Learned rounding as in AdaRound (Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020), with
Brevitas' parametrization: a weight becomes ``floor(w / s) + h(v)``, h a stretched sigmoid that a growing penalty drives to 0 or 1,
and v is trained until the layer, on quantized inputs, gives what it gives in float.  Layer by layer, from the first on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hwgen.calibration.operands import Operand, operand
from hwgen.calibration.twins import Twin, swept
from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.formats import Affine, Fixed, IntArray, Quantized, Ternary
from hwgen.ir.graph import Graph, Value
from hwgen.numerics.rounding import Rounding
from hwgen.ops.record import Float64
from hwgen.ops.run import run_node
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.pipeline import Notes

if TYPE_CHECKING:
    import torch

_TO_NEAREST: Final = (Rounding.HALF_EVEN, Rounding.HALF_UP, Rounding.HALF_DOWN, Rounding.HALF_CEIL)
_STRETCH: Final = (1.1, -0.1)
_PENALTY: Final = 4.0
"""Of weights between two codes on the average, against the layer's error as a share of that of rounding to nearest."""
_SHARPNESS: Final = (20.0, 2.0)
"""Of the penalty, at its beginning and at the end."""
_FREE_SHARE: Final = 0.2
"""Of the steps, without the penalty."""


@dataclass(frozen=True, slots=True)
class RoundOptions:
    """steps: of the optimizer, a layer.  learning_rate: of Adam.  batch: samples a step.  seed: of their order."""

    steps: int = 400
    learning_rate: float = 0.05
    batch: int = 64
    seed: int = 0


def round_weights(
    graph: Graph, data: Dataset, options: RoundOptions | None = None, notes: Notes | None = None
) -> Graph:
    """The graph with weights that their quantizers round as was learned.

    No layer is left worse on the data than rounding to nearest made it.  The same data, options and seed give the same graph.
    Raises HwgenError where torch or Brevitas is missing.
    """
    options, notes = options or RoundOptions(), notes or Notes()
    try:
        from hwgen.training.determinism import deterministic
    except ImportError as error:
        raise HwgenError("missing-package", "learned rounding", f"needs torch: {error}", "pip install torch brevitas") from error

    def change(twin: Twin) -> Sequence[Value] | None:
        node = twin.node
        weight = operand(graph, node.inputs[1])
        format_ = node.inputs[1].type.format
        if weight is None or weight.quantizer is None or weight.data.dtype.kind != "f":
            notes.left(node.path, "its weight is no quantizer's of floats, or is used by others too")
            return None
        if not isinstance(format_, Affine | Fixed | Ternary) or format_.rounding not in _TO_NEAREST or format_.wraps:
            notes.left(node.path, f"weights of {format_} are not rounded up or down by a step")
            return None
        before, (codes, after) = _error(twin, twin.quantized[1]), _learned(twin, weight, format_, options)
        if not after < before:
            notes.left(node.path, f"rounding to nearest is as good: {after:.3g}")
            return None
        replaced = weight.with_data(format_.decode(codes))
        moved = int((codes != format_.quantize(weight.data)).sum())
        notes.changed(node.path, f"{moved} of {codes.size} weights rounded the other way: error {before:.3g}, now {after:.3g}")
        return (replaced, *node.inputs[2:])

    with deterministic():
        return swept(graph, data, change)


def _error(twin: Twin, weight: Float64) -> float:
    """Mean square difference of the product on quantized inputs from what is wanted."""
    return float(((run_node(twin.node, [twin.quantized[0], weight, *twin.quantized[2:]]) - twin.wanted) ** 2).mean())


def _learned(twin: Twin, weight: Operand, format_: Quantized, options: RoundOptions) -> tuple[IntArray, float]:
    """Codes of the weight, and the error that they leave."""
    import torch

    quantize, parameter, opened = _rounding(weight, format_)
    forward = REAL_OPS[twin.node.op].forward
    if forward is None:
        raise TypeError(f"{twin.node.op} is a product, which torch computes")
    product = forward(twin.node)
    x, wanted = (torch.from_numpy(a.astype(np.float32)) for a in (twin.quantized[0], twin.wanted))
    bias = [torch.from_numpy(np.array(b, dtype=np.float32)) for b in twin.quantized[2:]]
    unit = _error(twin, twin.quantized[1]) or 1.0
    optimizer = torch.optim.Adam([parameter], options.learning_rate)
    random = torch.Generator().manual_seed(options.seed)
    free = int(_FREE_SHARE * options.steps)
    for step in range(options.steps):
        chosen = torch.randint(len(x), (min(options.batch, len(x)),), generator=random)
        optimizer.zero_grad()
        loss = ((product(x[chosen], quantize(), *bias) - wanted[chosen]) ** 2).mean() / unit
        if step >= free:
            share = (step - free) / max(1, options.steps - free)
            sharpness = _SHARPNESS[1] + (_SHARPNESS[0] - _SHARPNESS[1]) * (1 + math.cos(math.pi * share)) / 2
            loss = loss + _PENALTY * (1 - (2 * opened() - 1).abs() ** sharpness).mean()
        loss.backward()
        optimizer.step()
    steps = weight.floats / _shaped(format_, format_.scales, weight) + _shaped(format_, format_.zeros, weight)
    up = (opened() > 0.5).detach().numpy()
    codes = np.clip(np.floor(steps).astype(np.int64) + up, format_.low, format_.high)
    return codes, _error(twin, format_.decode(codes))


def _shaped(format_: Quantized, numbers: Sequence[object], weight: Operand) -> Float64:
    array = np.array([float(n) for n in numbers])  # pyright: ignore[reportArgumentType] - fractions or integers
    if len(array) == 1 or format_.axis is None:
        return array.reshape(())
    return array.reshape([-1 if k == format_.axis % weight.data.ndim else 1 for k in range(weight.data.ndim)])


def _rounding(
    weight: Operand, format_: Quantized
) -> tuple[Callable[[], torch.Tensor], torch.nn.Parameter, Callable[[], torch.Tensor]]:
    """The weight as Brevitas quantizes it with learned rounding; what is learned; and how far each weight is rounded up."""
    import torch
    from brevitas.core.function_wrapper import TensorClamp
    from brevitas.core.function_wrapper.learned_round import LearnedRoundHardSigmoid, LearnedRoundSte
    from brevitas.core.function_wrapper.shape import Identity
    from brevitas.core.quant import IntQuant

    scale, zero = (
        torch.from_numpy(np.array(_shaped(format_, n, weight), dtype=np.float32)) for n in (format_.scales, format_.zeros)
    )
    floats = torch.from_numpy(weight.data.astype(np.float32))
    steps = floats / scale + zero
    top, bottom = _STRETCH
    rest = (steps - torch.floor(steps)).clamp(0.01, 0.99)
    begin = -torch.log((top - bottom) / (rest - bottom) - 1)
    sigmoid = LearnedRoundHardSigmoid(top, bottom)
    rounding = LearnedRoundSte(sigmoid, begin, Identity())
    narrow = isinstance(format_, Affine) and format_.narrow
    quantizer = IntQuant(narrow or isinstance(format_, Ternary), format_.low < 0, Identity(), rounding, TensorClamp())
    bits = torch.tensor(float(getattr(format_, "width", format_.bits)))
    parameter: torch.nn.Parameter = rounding.value
    return lambda: quantizer(scale, zero, bits, floats), parameter, lambda: sigmoid(parameter)
