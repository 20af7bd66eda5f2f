"""Two runs on the same samples, and the first layer and value at which they differ.

A run is what the reference computes of a graph: codes where it is lowered, reals where it is not.  Values of the same
name are compared, in the order of the first run: as codes where both write them alike, else as the reals they stand for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import FloatArray, IntArray, Integer
from hwgen.frontend.limits import read_bytes
from hwgen.ir.graph import Array, Graph, Value
from hwgen.ops.run import evaluate
from hwgen.sim.compare import REPRODUCE
from hwgen.sim.samples import Reals, codes_of

_ENDINGS: Final = (".q", ".real")
"""Of names that passes give to a value of the model once it is quantized, or decoded."""
_MAX_RECORD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class TraceDifference:
    """The first value that differs.  element: index in the flattened value.  a, b: its numbers; units: what they are."""

    layer: str
    value: str
    sample: int
    element: int
    a: float | int | str
    b: float | int | str
    units: str

    def __str__(self) -> str:
        return (
            f"layer {self.layer!r}, value {self.value!r}, sample {self.sample}, element {self.element}: "
            f"{self.a} and {self.b} ({self.units})"
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """compared: values of the same name, up to the first difference.  only_a, only_b: values that one run alone has."""

    compared: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    difference: TraceDifference | None


def _reals(value: Value, array: Array) -> FloatArray:
    format_ = value.type.format
    return format_.decode(array) if isinstance(format_, Integer) else np.asarray(array, dtype=np.float64)


def _encoded(value: Value, reals: FloatArray) -> FloatArray | IntArray:
    """``reals`` as the input wants them: nearest codes, saturating, where it takes codes."""
    format_ = value.type.format
    return codes_of(reals, format_) if isinstance(format_, Integer) else reals


def _run(graph: Graph, samples: Reals) -> Mapping[str, tuple[Value, Array]]:
    if {v.name for v in graph.inputs} != set(samples):
        raise HwgenError(
            "shape", f"model {graph.name!r}", f"has inputs {', '.join(v.name for v in graph.inputs)}, not {', '.join(samples)}",
            "trace models of the same inputs",
        )
    for entry in graph.inputs:
        shape = samples[entry.name].shape[1:]
        if shape != entry.type.shape[1:]:
            raise HwgenError(
                "shape", f"input {entry.name!r} of {graph.name!r}", f"takes {entry.type.shape[1:]}, the samples are {shape}",
                "trace models of the same input",
            )
    values = evaluate(graph, {v.name: _encoded(v, samples[v.name]) for v in graph.inputs})
    kept = {v.name: (v, a) for v, a in values.items() if v.producer.op != "constant"}
    # what the passes put behind a value stands for it where the value itself is gone
    stands_for = {name.removesuffix(end): name for end in _ENDINGS for name in kept if name.endswith(end)}
    renamed = {name: base for base, name in stands_for.items() if base not in kept}
    return {renamed.get(name, name): pair for name, pair in kept.items()}


def _compare(first: tuple[Value, Array], second: tuple[Value, Array], tolerance: float) -> TraceDifference | None:
    (value, a), (other, b) = first, second
    if isinstance(value.type.format, Integer) != isinstance(other.type.format, Integer):
        a, b = _in_one_order(a, b)
    if a.size != b.size:
        shapes = ["x".join(map(str, v.type.shape)) for v in (value, other)]
        return TraceDifference(value.producer.path, value.name, 0, 0, shapes[0], shapes[1], "shapes")
    forms = value.type.format, other.type.format
    alike = all(isinstance(f, Integer) for f in forms)
    if alike and isinstance(forms[0], Integer) and isinstance(forms[1], Integer):
        alike = forms[0].scale == forms[1].scale and forms[0].offset == forms[1].offset
    if not alike or tolerance:
        a, b = _reals(value, a), _reals(other, b)
    flat_a, flat_b = (x.reshape(x.shape[0], -1) for x in (a, b))
    wrong = np.abs(flat_a - flat_b) > tolerance
    if not wrong.any():
        return None
    sample, element = (int(i) for i in np.argwhere(wrong)[0])
    units = "codes" if alike and not tolerance else "reals"
    return TraceDifference(
        value.producer.path, value.name, sample, element, flat_a[sample, element].item(), flat_b[sample, element].item(), units
    )


def _in_one_order(a: Array, b: Array) -> tuple[Array, Array]:
    """One of them is of hardware, channels last, the other in the model's order: both as they lie in the second."""
    if a.ndim > 2 and a.shape != b.shape:
        if np.moveaxis(a, -1, 1).shape == b.shape:
            return np.moveaxis(a, -1, 1), b
        if np.moveaxis(a, 1, -1).shape == b.shape:
            return np.moveaxis(a, 1, -1), b
    return a, b


def trace(a: Graph, b: Graph, reals: Reals, *, tolerance: float = 0.0) -> Trace:
    """Runs both graphs on ``reals`` (samples, …) by input name.  tolerance: difference of two reals that does not count.

    Raises HwgenError where the inputs do not fit or no value but the input has the same name.
    """
    left, right = _run(a, reals), _run(b, reals)
    shared = [name for name in left if name in right]
    only = tuple(n for n in left if n not in right), tuple(n for n in right if n not in left)
    if not [n for n in shared if left[n][0].producer.op != "input"]:
        raise HwgenError("trace", f"{a.name!r} and {b.name!r}", "share no names of values", "trace two versions of one model")
    for count, name in enumerate(shared, start=1):
        difference = _compare(left[name], right[name], tolerance)
        if difference is not None:
            return Trace(count, *only, difference)
    return Trace(len(shared), *only, None)


def recorded_failure(build_dir: Path) -> str | None:
    """The first difference between hardware and reference that a simulation left in a build directory, if one did."""
    path = build_dir / "failure" / REPRODUCE
    if not path.is_file():
        return None
    try:
        record = json.loads(read_bytes(path, _MAX_RECORD_BYTES))
        keys = ("layer", "value", "sample", "element", "expected", "got", "traffic")
        layer, value, sample, element, expected, got, traffic = (record[key] for key in keys)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HwgenError("bad-file", f"record of {build_dir.name!r}", "cannot be read", "run `hwgen sim` again") from error
    return f"layer {layer!r}, value {value!r}, sample {sample}, element {element}: expected {expected}, got {got} ({traffic})"
