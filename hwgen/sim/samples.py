"""Input codes for verification: extremes first, then random codes on the inputs' formats; or real data on their grids.

Codes are (samples, …) arrays by the model's own names of its inputs, in the model's own shapes; the order in which a port
takes them is the host's work (`hwgen.dataflow.plan.device_graph`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from hwgen.dataflow.plan import integer_format
from hwgen.dataflow.stage import Dataflow, Stream, model_input
from hwgen.errors import HwgenError
from hwgen.formats import FloatArray, IntArray, Integer, Quantized
from hwgen.ir.graph import Array, Shape, Value
from hwgen.ops.permute import PermuteAttrs

Codes = Mapping[str, IntArray]
"""(samples, …) codes by the name of the input."""
Reals = Mapping[str, FloatArray]
"""(samples, …) reals by the name of the input."""
Given = Mapping[str, FloatArray] | Mapping[str, IntArray] | Sequence[FloatArray] | Sequence[IntArray] | FloatArray | IntArray
"""(samples, …) arrays as users give them: by name, in the order of the inputs, or of the only one."""
_MAX_ELEMENTS: Final = 1 << 28


def count(codes: Codes | Reals) -> int:
    """Samples."""
    return min(len(array) for array in codes.values())


def part(codes: Codes, samples: slice) -> Codes:
    """Some of the samples."""
    return {name: array[samples] for name, array in codes.items()}


def repeated(codes: Codes, samples: int) -> Codes:
    """That many samples: those given, again and again."""
    times = -(-samples // count(codes))
    return {name: np.concatenate([array] * times)[:samples] for name, array in codes.items()}


def draw(flow: Dataflow, samples: int, seed: int) -> Codes:
    """All least, all greatest, inputs that drive rows of a first product to its bounds, random; at most half are extremes."""
    elements = sum(s.value.type.elements for s in flow.inputs)
    if samples * elements > _MAX_ELEMENTS:
        raise HwgenError("usage", "--samples", f"{samples} samples of {elements} elements do not fit in memory", "give fewer")
    random = np.random.default_rng(seed)
    drawn: dict[str, IntArray] = {}
    for stream in flow.inputs:
        format_, shape = integer_format(stream.value), stream.value.type.shape[1:]
        if format_.bipolar:
            codes = random.choice(np.array([-1, 1]), size=(samples, *shape))
        else:
            codes = random.integers(format_.low, format_.high, size=(samples, *shape), endpoint=True)
        extremes = _extremes(first_weight(flow, stream), stream, samples // 2)
        codes[: len(extremes)] = extremes
        drawn[model_input(stream).name] = as_in_model(codes.astype(np.int64), stream.value)
    return drawn


def as_in_model(codes: IntArray, value: Value) -> IntArray:
    """The model's input of which the host makes ``codes`` (samples, …) of a port."""
    attrs = value.producer.attrs
    if not isinstance(attrs, PermuteAttrs):
        return codes
    moved = codes.reshape(len(codes), *(attrs.dims[axis] for axis in attrs.order[1:]))
    back = np.argsort(attrs.order)
    return np.ascontiguousarray(moved.transpose(back)).reshape(len(codes), *value.producer.inputs[0].type.shape[1:])


def first_weight(flow: Dataflow, stream: Stream) -> IntArray | None:
    """(out, …, channels) weights of a product that takes what streams in there, if one does."""
    for stage in flow.stages:
        weight = getattr(stage.node.attrs, "weight", None)
        if stream.value in stage.node.inputs and isinstance(weight, np.ndarray):
            return weight
    return None


def _extremes(weight: IntArray | None, stream: Stream, most: int) -> IntArray:
    """At most ``most`` of (samples, …), in the order of the port."""
    format_, shape = integer_format(stream.value), stream.value.type.shape[1:]
    found = [np.full(shape, format_.low), np.full(shape, format_.high)]
    for row in () if weight is None else weight[: most // 2]:
        found += bounding(row, format_, shape)
    return np.array(found[:most], dtype=np.int64).reshape(-1, *shape)


def bounding(row: IntArray, format_: Integer, shape: Shape) -> tuple[IntArray, IntArray]:
    """Inputs, of the shape of a port, that drive the product with ``row`` (kernel…, channels) to its greatest and to its least."""
    image = (*shape[:-1], *(1,) * (row.ndim - len(shape)), shape[-1])[-row.ndim :]
    tiles = [-(-size // min(size, own)) for size, own in zip(image, row.shape, strict=True)]
    pattern = np.tile(row > 0, tiles)[tuple(slice(size) for size in image)].reshape(shape[-row.ndim :])
    positive = np.broadcast_to(pattern, shape)
    return np.where(positive, format_.high, format_.low), np.where(positive, format_.low, format_.high)


def of_inputs(data: Given, inputs: Sequence[Value], what: str) -> dict[str, Array]:
    """The arrays of a model's inputs, in their order.

    data: by name, in their order, or that of the only one.  what: the option that gave them.
    Raises HwgenError where names, shapes or numbers of samples do not fit.
    """
    names = [v.name for v in inputs]
    given = _named(data, names, what)
    if given.keys() != set(names):
        raise HwgenError("data", what, f"arrays for {', '.join(given)}", f"give one for each of {', '.join(names)}")
    for value in inputs:
        array, shape = given[value.name], value.type.shape[1:]
        if array.ndim == 0 or array.shape[1:] != shape or not len(array) or not np.isfinite(array).all():
            raise HwgenError(
                "data", what, f"data of shape {array.shape}, or with NaN or infinity",
                f"give finite numbers of shape (samples, {', '.join(map(str, shape))})",
            )
    if len({len(array) for array in given.values()}) != 1:
        counts = ", ".join(f"{len(given[name])} of {name}" for name in names)
        raise HwgenError("data", what, f"different numbers of samples: {counts}", "give as many of each input")
    return {name: given[name] for name in names}


def _named(data: Given, names: Sequence[str], what: str) -> dict[str, Array]:
    if isinstance(data, Mapping):
        return dict(data)
    arrays: tuple[Array, ...] = (data,) if isinstance(data, np.ndarray) else tuple(data)
    if len(arrays) != len(names):
        raise HwgenError("data", what, f"{len(arrays)} arrays for {len(names)} inputs", f"give one for each of {', '.join(names)}")
    return dict(zip(names, arrays, strict=True))


def checked_codes(data: Given, flow: Dataflow) -> Codes:
    """Codes of a design's inputs; raises HwgenError where they do not fit, or lie beyond an input's range."""
    inputs = {v.name: v for v in map(model_input, flow.inputs)}
    found = of_inputs(data, tuple(inputs.values()), "--codes")
    for name, array in found.items():
        low, high = integer_format(inputs[name]).low, integer_format(inputs[name]).high
        if array.min() < low or array.max() > high:
            raise HwgenError(
                "data", "--codes", f"codes from {array.min()} to {array.max()}", f"the input {name} takes {low} to {high}"
            )
    return {name: np.asarray(array, dtype=np.int64) for name, array in found.items()}


def encode(data: Given, flow: Dataflow, quantizers: Mapping[str, Quantized]) -> Codes:
    """Codes of real inputs.

    quantizers: of the model's inputs by name; an input without one takes the nearest code of its grid, ties to even, saturating.
    """
    inputs = tuple(map(model_input, flow.inputs))
    given = of_inputs(data, inputs, "--inputs")
    found: dict[str, IntArray] = {}
    for value in inputs:
        reals, quantizer = given[value.name].astype(np.float64), quantizers.get(value.name)
        found[value.name] = codes_of(reals, integer_format(value)) if quantizer is None else quantizer.quantize(reals)
    return found


def codes_of(reals: FloatArray | IntArray, format_: Integer) -> IntArray:
    """Nearest codes of ``reals`` (…, channels)."""
    scale, offset = (np.array([float(v) for v in numbers]) for numbers in (format_.scale, format_.offset))
    steps = (np.asarray(reals, dtype=np.float64) - offset) / scale
    if format_.bipolar:
        return np.where(steps >= 0, 1, -1).astype(np.int64)
    return np.rint(np.clip(steps, format_.low, format_.high)).astype(np.int64)
