"""Windows, moves and meetings of tensors by their definitions, element by element, written once more and apart from `hwgen.ops`.

Everything works on arrays of exact numbers (objects) or floats; ``shape`` is that of the result, its batch that of ``x``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from pass_fuzz.real import Real

Array = np.ndarray[Any, np.dtype[Any]]


def _per_axis(numbers: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Pads before and after."""
    return numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]


def _hits(place: tuple[int, ...], attrs: Any, size: tuple[int, ...], kernel: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """Tap and position of the image, for each tap of the window at ``place`` that lies in the image."""
    before, _ = _per_axis(attrs.pads)
    for tap in product(*map(range, kernel)):
        at = tuple(
            o * s + t * d - b for o, s, t, d, b in zip(place, attrs.strides, tap, attrs.dilations, before, strict=True)
        )
        if all(0 <= a < n for a, n in zip(at, size, strict=True)):
            yield tap, at


def _number(x: Array, value: int) -> Any:
    """Of the kind of those in ``x``."""
    return Real(value) if x.dtype == object else float(value)


def convolution(x: Array, w: Array, bias: Array | None, attrs: Any, shape: tuple[int, ...]) -> Array:
    """A convolution, window by window."""
    result = np.full(shape, _number(x, 0))
    outputs, inputs = shape[1] // attrs.groups, w.shape[1]
    for o, *place in product(*map(range, shape[1:])):
        first = o // outputs * inputs
        total = np.full(len(x), _number(x, 0))
        for tap, at in _hits(tuple(place), attrs, x.shape[2:], w.shape[2:]):
            for c in range(inputs):
                total = total + x[(slice(None), first + c, *at)] * w[(o, c, *tap)]
        result[(slice(None), o, *place)] = total if bias is None else total + bias.ravel()[o % bias.size]
    return result


def transposed(x: Array, w: Array, bias: Array | None, attrs: Any, shape: tuple[int, ...]) -> Array:
    """A transposed convolution, by what each position of the input adds."""
    result = np.full(shape, _number(x, 0))
    before, _ = _per_axis(attrs.pads)
    inputs, outputs = x.shape[1] // attrs.groups, w.shape[1]
    for c, *at in product(*map(range, x.shape[1:])):
        for o, *tap in product(range(outputs), *map(range, w.shape[2:])):
            place = [a * s + t * d - b for a, s, t, d, b in zip(at, attrs.strides, tap, attrs.dilations, before, strict=True)]
            if all(0 <= p < n for p, n in zip(place, shape[2:], strict=True)):
                where = (slice(None), c // inputs * outputs + o, *place)
                result[where] = result[where] + x[(slice(None), c, *at)] * w[(c, o, *tap)]
    if bias is not None:
        for o in range(shape[1]):
            result[:, o] = result[:, o] + bias.ravel()[o % bias.size]
    return result


def pooled(x: Array, attrs: Any, shape: tuple[int, ...], greatest: Callable[[list[Any]], Any] | None) -> Array:
    """greatest: of a list; None for an average."""
    result = np.zeros(shape, dtype=x.dtype)
    before, after = _per_axis(attrs.pads)
    for place in product(*map(range, shape[2:])):
        hits = [at for _, at in _hits(place, attrs, x.shape[2:], attrs.kernel)]
        count = 1
        for k, o in enumerate(place):  # of the padded image
            firsts = (o * attrs.strides[k] + t * attrs.dilations[k] - before[k] for t in range(attrs.kernel[k]))
            count *= sum(p < x.shape[2 + k] + after[k] for p in firsts)
        for n, c in product(range(shape[0]), range(shape[1])):
            elements = [x[(n, c, *at)] for at in hits]
            if greatest is None:
                divisor = attrs.divisor or (count if attrs.count_pads else len(hits))
                result[(n, c, *place)] = sum(elements, _number(x, 0)) / _number(x, divisor)
            else:
                result[(n, c, *place)] = greatest(elements)
    return result


def reduced(x: Array, attrs: Any, greatest: Callable[[list[Any]], Any]) -> Array:
    """Sum, mean or maximum along axes."""
    moved = np.moveaxis(x, attrs.axes, range(-len(attrs.axes), 0))
    flat = moved.reshape(*moved.shape[: x.ndim - len(attrs.axes)], -1)
    result = np.empty(flat.shape[:-1], dtype=x.dtype)
    for index in np.ndindex(*flat.shape[:-1]):
        elements = list(flat[index])
        total = greatest(elements) if attrs.kind == "max" else sum(elements, _number(x, 0))
        result[index] = total / _number(x, len(elements)) if attrs.kind == "mean" else total
    return np.expand_dims(result, attrs.axes) if attrs.keep else result


def resized(x: Array, attrs: Any) -> Array:
    """Positions repeated."""
    for axis, taken in enumerate((attrs.rows, attrs.cols), start=2):
        x = np.stack([x.take(k, axis=axis) for k in taken], axis=axis) if taken else x
    return x


def interpolated(x: Array, attrs: Any) -> Array:
    """Between two neighbours, by the distance to each."""
    for axis, entries in enumerate((attrs.rows, attrs.cols), start=2):
        if entries:
            count, first, step, parts = entries
            x = np.stack([_between(x, first + step * k, parts, axis) for k in range(count)], axis=axis)
    return x


def _between(x: Array, place: int, parts: int, axis: int) -> Array:
    place = min(max(place, 0), (x.shape[axis] - 1) * parts)
    left, rest = divmod(place, parts)
    right = min(left + 1, x.shape[axis] - 1)
    whole = x.take(left, axis=axis) * _number(x, parts - rest) + x.take(right, axis=axis) * _number(x, rest)
    return whole / _number(x, parts)


def padded(x: Array, attrs: Any, value: Any) -> Array:
    """A number around a tensor."""
    shape = [b + n + a for b, n, a in zip(attrs.before, x.shape, attrs.after, strict=True)]
    result = np.empty(shape, dtype=x.dtype)
    result.fill(value)
    result[tuple(slice(b, b + n) for b, n in zip(attrs.before, x.shape, strict=True))] = x
    return result


def part(x: Array, attrs: Any) -> Array:
    """Some elements along an axis."""
    return np.stack([x.take(attrs.start + k * attrs.step, axis=attrs.axis) for k in range(attrs.count)], axis=attrs.axis)
