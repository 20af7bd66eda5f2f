"""Evaluates any graph in exact arithmetic: what its real operators mean, written once more and apart from the passes.

A number is a sum of square roots as long as only arithmetic made it; behind a function it is a ball of 4096 bits.  Quantizers of
constants run in the constant's own floating type, as the frameworks do it; all others on the exact value.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from hwgen.formats import Integer, Quantized
from hwgen.ir.graph import Graph, Node, Value
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import Surd
from hwgen.ops.table import INTEGER
from pass_fuzz import exact_windows
from pass_fuzz.exact_functions import ACTIVATIONS, activation
from pass_fuzz.real import Real, Undecided

Array = np.ndarray[Any, np.dtype[Any]]


def rounded(value: Real, mode: Rounding) -> int:
    """The integer that ``value`` rounds to, from the modes' definitions."""
    down = value.floor()
    rest = value - Real(down)
    if rest.sign() == 0:
        return down
    half = (rest - Real(Fraction(1, 2))).sign()
    positive = down >= 0
    match mode:
        case Rounding.FLOOR:
            return down
        case Rounding.CEIL:
            return down + 1
        case Rounding.DOWN:
            return down + (not positive)
        case Rounding.UP:
            return down + positive
        case _ if half != 0:
            return down + (half > 0)
        case Rounding.HALF_EVEN:
            return down + down % 2
        case Rounding.HALF_UP:
            return down + positive
        case Rounding.HALF_DOWN:
            return down + (not positive)
        case _:
            return down + 1


def _softmax(row: list[Real], *, log: bool) -> list[Real]:
    total = sum((x.ball.exp() for x in row), arb(0))
    return [Real(x.ball - total.log() if log else x.ball.exp() / total) for x in row]


def _place_of_greatest(row: list[Real]) -> int:
    best = 0
    for index, value in enumerate(row):
        if (value - row[best]).sign() > 0:
            best = index
    return best


def _greatest(row: list[Real]) -> Real:
    """At least as great as every other; which of two that cannot be told apart does not matter."""
    best = row[0]
    for value in row[1:]:
        try:
            best = value if (value - best).sign() > 0 else best
        except Undecided:
            if not value.equals(best):
                raise
    return best


def _along(values: tuple[Any, ...], axis: int, rank: int) -> Array:
    """Exact numbers, shaped to go with a tensor of ``rank`` axes."""
    shape = [-1 if k == axis % rank else 1 for k in range(rank)] if len(values) > 1 else [1] * rank
    return reals(np.array(values, dtype=object)).reshape(shape)


def _by_channel(format_: Quantized, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Scales and zero points as exact numbers, shaped to go with a tensor of ``shape``."""
    along = [1] * len(shape)
    if format_.axis is not None:
        along[format_.axis] = -1

    def spread(values: tuple[Any, ...]) -> Array:
        return reals(np.array(values, dtype=object)).reshape(along if len(values) > 1 else [1] * len(shape))

    return spread(format_.scales), spread(format_.zeros)


_each = np.frompyfunc


def reals(array: Array) -> Array:
    """Numbers of any kind, exactly."""
    return np.asarray(_each(lambda v: v if isinstance(v, Real) else Real(v if isinstance(v, Surd) else Fraction(v)), 1, 1)(array))


def decoded(codes: Array, format_: Quantized | Integer) -> Array:
    """The exact reals of codes."""
    if isinstance(format_, Integer):
        scale, offset = (reals(np.array(v, dtype=object)) for v in (format_.scale, format_.offset))
        return reals(codes.astype(object)) * scale + offset
    scale, zero = _by_channel(format_, codes.shape)
    return (reals(codes.astype(object)) - zero) * scale


def quantized(x: Array, format_: Quantized) -> Array:
    """The exact reals on the format's grid that ``x`` becomes."""
    scale, zero = _by_channel(format_, x.shape)

    def code(step: Real) -> int:
        if format_.bipolar:
            return 1 if step.sign() >= 0 else -1
        nearest = rounded(step, format_.rounding)
        if format_.wraps:
            return (nearest - format_.low) % (format_.high - format_.low + 1) + format_.low
        return min(max(nearest, format_.low), format_.high)

    return decoded(np.asarray(_each(code, 1, 1)(x / scale + zero)), format_)


class Evaluation:
    """All values of a graph for a batch: Real objects, or integer codes where the graph is lowered."""

    def __init__(self, graph: Graph, inputs: Mapping[str, Array]) -> None:
        self.values: dict[Value, Array] = {}
        self._native: dict[Value, Array] = {}
        for node in graph.nodes:
            if node.op == "input":
                self.values[node.output] = inputs[node.output.name]
            else:
                self.values[node.output] = np.asarray(self.node(node, [self.values[v] for v in node.inputs]))

    def node(self, node: Node, x: list[Array]) -> Array:
        """The output of a node for the values of its inputs."""
        native = [self._native[v] for v in node.inputs if v in self._native]
        if node.op in ("transpose", "reshape", "identity") and native:
            self._native[node.output] = self._moved(node, native[0], batch=False)
        batch = not node.inputs or node.inputs[0] not in self._native
        attrs: Any = node.attrs
        if node.op in INTEGER:
            return INTEGER[node.op].reference(node, x)
        match node.op:
            case "constant":
                if isinstance(attrs.format, Quantized):
                    return decoded(attrs.data, attrs.format)
                if attrs.data.dtype != object:
                    self._native[node.output] = attrs.data
                return reals(attrs.data.astype(object))
            case "quantize" if native:
                return decoded(attrs.format.quantize(native[0]), attrs.format)
            case "quantize":
                return quantized(x[0], attrs.format)
            case "decode":
                format_ = node.inputs[0].type.format
                assert isinstance(format_, Integer), "decode takes codes"
                return decoded(x[0], format_)
            case "linear":
                return x[0] @ x[1].T + x[2] if len(x) > 2 else x[0] @ x[1].T
            case "scale_bias":
                return x[0] * _along(attrs.gain, attrs.axis, x[0].ndim) + _along(attrs.bias, attrs.axis, x[0].ndim)
            case "batch_norm":
                gamma, beta, mean, variance = (
                    _along(v, attrs.axis, x[0].ndim) for v in (attrs.gamma, attrs.beta, attrs.mean, attrs.variance)
                )
                root = _each(lambda v: Real(Surd.sqrt((v.surd + attrs.epsilon).rational)), 1, 1)(variance)
                return (x[0] - mean) / root * gamma + beta
            case "add":
                return x[0] + x[1]
            case "sub":
                return x[0] - x[1]
            case "mul":
                return x[0] * x[1]
            case "div":
                return x[0] / x[1]
            case "min" | "max":
                sign = Real(1 if node.op == "max" else -1)
                return np.asarray(_each(lambda a, b: _greatest([a * sign, b * sign]) * sign, 2, 1)(*x))
            case "conv" | "conv_transpose":
                of = exact_windows.convolution if node.op == "conv" else exact_windows.transposed
                return of(x[0], x[1], x[2] if len(x) > 2 else None, attrs, (len(x[0]), *node.output.type.shape[1:]))
            case "max_pool" | "average_pool":
                shape = (len(x[0]), *node.output.type.shape[1:])
                return exact_windows.pooled(x[0], attrs, shape, _greatest if node.op == "max_pool" else None)
            case "reduce":
                return exact_windows.reduced(x[0], attrs, _greatest)
            case "concat":
                return np.concatenate(x, axis=attrs.axis)
            case "slice":
                return exact_windows.part(x[0], attrs)
            case "pad":
                return exact_windows.padded(x[0], attrs, Real(attrs.value))
            case "resize":
                return exact_windows.resized(x[0], attrs)
            case "interpolate":
                return exact_windows.interpolated(x[0], attrs)
            case "prelu":
                slopes = _along(attrs.slope, attrs.axis, x[0].ndim)
                return np.asarray(_each(lambda v, s: v if v.sign() >= 0 else v * s, 2, 1)(x[0], slopes))
            case _ if node.op in ACTIVATIONS:
                return np.asarray(_each(lambda v: activation(v, node.op, attrs), 1, 1)(x[0]))
            case "softmax":
                return self._rows(x[0], lambda row: _softmax(row, log=attrs.log))
            case "argmax":
                return self._rows(x[0], lambda row: [Real(_place_of_greatest(row))])
            case "identity" | "reshape" | "transpose":
                return self._moved(node, x[0], batch=batch)
            case _:
                raise NotImplementedError(f"{node.op}: say here what it means in exact arithmetic")

    @staticmethod
    def _moved(node: Node, x: Array, *, batch: bool) -> Array:
        attrs: Any = node.attrs
        if node.op == "identity":
            return x
        if node.op == "transpose":
            return x.transpose(attrs.perm)
        return x.reshape((x.shape[0], *attrs.shape[1:]) if batch else attrs.shape)

    @staticmethod
    def _rows(x: Array, function: Any) -> Array:
        rows = [function(list(row)) for row in x.reshape(-1, x.shape[-1])]
        return np.array(rows, dtype=object).reshape(*x.shape[:-1], -1)


def same(left: Array, right: Array) -> bool:
    """Whether two arrays hold the same numbers, reals or codes."""
    if left.shape != right.shape:
        return False
    if left.dtype != object or right.dtype != object:
        return left.dtype == right.dtype and bool((left == right).all())
    return bool(np.all(_each(lambda a, b: a.equals(b), 2, 1)(left, right)))
