"""Small integer computations on constants, which is how exporters write shapes; they are done while reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Final

import numpy as np

from hwgen.frontend.onnx_call import NodeCall
from hwgen.ir.graph import Array

if TYPE_CHECKING:
    from onnx import TensorProto


def _unsqueeze(x: Array, axes: Sequence[int]) -> Array:
    return np.expand_dims(x, tuple(axes))


def _slice(call: NodeCall) -> Array:
    x = call.constant(0)
    starts, ends = call.constant(1).ravel(), call.constant(2).ravel()
    axes = call.constant(3).ravel() if call.has(3) else np.arange(len(starts))
    steps = call.constant(4).ravel() if call.has(4) else np.ones(len(starts), dtype=np.int64)
    index = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[int(axis)] = slice(int(start), int(end), int(step))
    return x[tuple(index)]


def _axes(call: NodeCall) -> tuple[int, ...]:
    given = call.integers("axes")
    return given if given is not None else tuple(call.constant(1).ravel().tolist())


def _filled(call: NodeCall, read: Callable[[TensorProto], Array]) -> Array | None:
    shape, given = call.constant(0).ravel(), call.optional_tensor("value")
    if shape.dtype.kind not in "iu" or (shape < 0).any() or prod(map(int, shape)) > _MAX_SHAPE_ELEMENTS:
        return None
    fill = np.zeros(1, dtype=np.float32) if given is None else read(given)
    return np.full(tuple(shape), fill.ravel()[0]) if fill.size == 1 else None


def _quotient(call: NodeCall) -> Array:
    left, right = call.constant(0), call.constant(1)
    return _UNKNOWN if (left < 0).any() or (right <= 0).any() else left // right


def _reshaped(call: NodeCall) -> Array:
    wanted = call.constant(1).ravel()
    return _UNKNOWN if call.integer("allowzero", 0) or (wanted == 0).any() else call.constant(0).reshape(wanted)


_SHAPE_RULES: Final[Mapping[str, Callable[[NodeCall], Array]]] = {
    "Gather": lambda c: np.take(c.constant(0), c.constant(1), axis=c.integer("axis", 0)),
    "Unsqueeze": lambda c: _unsqueeze(c.constant(0), _axes(c)),
    "Squeeze": lambda c: np.squeeze(c.constant(0), _axes(c) if c.input_count > 1 or c.integers("axes") else None),
    "Concat": lambda c: np.concatenate([c.constant(i) for i in range(c.input_count)], axis=c.integer("axis")),
    "Slice": _slice,
    "Cast": lambda c: c.constant(0) if c.integer("to") in (6, 7) else _UNKNOWN,
    "Reshape": _reshaped,
    "Transpose": lambda c: np.transpose(c.constant(0), c.integers("perm")),
    "Add": lambda c: c.constant(0) + c.constant(1),
    "Sub": lambda c: c.constant(0) - c.constant(1),
    "Mul": lambda c: c.constant(0) * c.constant(1),
    "Div": _quotient,
}
_MAX_SHAPE_ELEMENTS: Final = 64
_UNKNOWN: Final = np.array([], dtype=object)
"""The answer of a rule that does not apply."""


def fold_shape(call: NodeCall, read: Callable[[TensorProto], Array]) -> Array | None:
    """The result of a small integer computation on constants (how exporters write shapes), or None.

    A constant that only gets another name stays one, whatever it holds.  read: the array of a tensor of the file.
    """
    if call.rule_name == "Shape":
        shape = call.constant(0).shape if call.is_constant(0) else call.value(0).type.shape
        start, end = call.integer("start", 0), call.integer("end", len(shape))
        return np.array(shape[start:end], dtype=np.int64)
    if call.rule_name == "Identity" and call.is_constant(0):
        return call.constant(0)
    if call.rule_name == "ConstantOfShape" and call.is_constant(0):
        return _filled(call, read)
    rule = _SHAPE_RULES.get(call.rule_name)
    if rule is None or not all(call.is_constant(i) for i in range(call.input_count)):
        return None
    arrays = [call.constant(i) for i in range(call.input_count)]
    if any(a.dtype.kind not in "iu" or a.size > _MAX_SHAPE_ELEMENTS for a in arrays):
        return None
    try:
        result = rule(call)
    except (ValueError, IndexError, OverflowError) as error:
        raise call.refuse("its constant inputs do not fit", "check the shapes") from error
    return None if result.dtype == object else result
