"""Data of a model: inputs by name, and what is right for each sample; read from ``.npz`` or ``.npy``, checked against the graph."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hwgen.arrays import load_named
from hwgen.errors import HwgenError, clean
from hwgen.formats import FloatArray
from hwgen.ir.graph import Array, Graph, Shape

TARGETS: Final = ("y", "targets")
"""Names of the targets in a file; one that is the name of an input stands for that input."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """inputs: (samples, …) finite reals by the name of the input, in the order of the model.

    targets: (samples, …) class indices or reals, or None.  Raises HwgenError where the numbers of samples differ or are 0.
    """

    inputs: Mapping[str, FloatArray]
    targets: Array | None = None

    def __post_init__(self) -> None:
        arrays = {**self.inputs, **({} if self.targets is None else {"targets": self.targets})}
        counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        if not self.inputs or len({*counts.values()}) != 1 or 0 in counts.values():
            said = ", ".join(f"{count} of {name}" for name, count in counts.items()) or "none"
            raise HwgenError("data", "data", f"samples: {said}", "give as many samples of each, at least one")

    @property
    def samples(self) -> int:
        """How many."""
        return len(next(iter(self.inputs.values())))

    @property
    def sha256(self) -> str:
        """Of all names, types, shapes and numbers."""
        digest = hashlib.sha256()
        for name, array in [*self.inputs.items(), *([] if self.targets is None else [("", self.targets)])]:
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{name!r} {little.dtype.str} {little.shape}\n".encode())
            digest.update(little.tobytes())
        return digest.hexdigest()

    def part(self, samples: slice | Array) -> Dataset:
        """Some of the samples: a slice, or their indices."""
        targets = None if self.targets is None else self.targets[samples]
        return Dataset({name: array[samples] for name, array in self.inputs.items()}, targets)

    def split(self, share: float, seed: int) -> tuple[Dataset, Dataset]:
        """Two parts without a common sample, chosen at random: one of ``share`` of the samples, rounded, and the rest."""
        count = round(share * self.samples)
        if not 0 < count < self.samples:
            what = f"a share of {share:g} of {self.samples} samples leaves one part empty"
            raise HwgenError("data", "data", what, "give a share between 0 and 1, and more samples")
        order = np.random.default_rng(seed).permutation(self.samples)
        return self.part(np.sort(order[:count])), self.part(np.sort(order[count:]))


def read_dataset(path: Path, graph: Graph) -> Dataset:
    """The data in ``path`` for ``graph``.

    ``.npz``: arrays by the names of the inputs, or ``x`` for the only one; targets as ``y`` or ``targets``.  ``.npy``, or a
    folder of ``0.npy``, …: the inputs in order, without targets.  Raises HwgenError that names the array, what is wrong and where.
    """
    where = f"data {path.name!r}"
    given = load_named(path, "data")
    shapes = {v.name: v.type.shape[1:] for v in graph.inputs}
    if isinstance(given, dict):
        found = _named(given, list(shapes), where)
    else:
        arrays = given if isinstance(given, tuple) else (given,)
        if len(arrays) != len(shapes):
            fix = f"write an .npz with {', '.join(shapes)}"
            raise HwgenError("data", where, f"holds {len(arrays)} arrays for {len(shapes)} inputs", fix)
        found = dict(zip(shapes, arrays, strict=True))
    targets = found.pop("", None)
    inputs = {name: _input(array, shapes[name], f"{where}, {clean(name)}") for name, array in found.items()}
    if targets is not None:
        targets = _finite(targets if targets.dtype.kind == "f" else targets.astype(np.int64), f"{where}, targets")
    try:
        return Dataset(inputs, targets)
    except HwgenError as error:
        raise HwgenError(error.code, where, error.what, error.fix) from error


def _named(given: Mapping[str, Array], inputs: Sequence[str], where: str) -> dict[str, Array]:
    """Each input's array by its name, and the targets by an empty one."""
    found: dict[str, Array] = {}
    targets = [name for name in TARGETS if name not in inputs]
    for name, array in given.items():
        key = "" if name in targets else inputs[0] if name == "x" and len(inputs) == 1 else name
        if key and key not in inputs:
            near = difflib.get_close_matches(name, [*inputs, *targets], 1)
            fix = f"did you mean {near[0]}?" if near else f"name the arrays {', '.join([*inputs, *targets])}"
            raise HwgenError("data", f"{where}, {clean(name)}", "is no input of the model, nor the targets", fix)
        if key in found:
            what = f"gives {'the targets' if not key else f'input {key!r}'} twice"
            raise HwgenError("data", where, what, f"remove the array {clean(name)!r}")
        found[key] = array
    missing = [name for name in inputs if name not in found]
    if missing:
        raise HwgenError("data", where, f"holds no array for input {missing[0]!r}", f"name the arrays {', '.join(inputs)}")
    return {name: found[name] for name in (*inputs, "") if name in found}


def _input(array: Array, shape: Shape, where: str) -> FloatArray:
    if array.shape[1:] != shape:
        wanted = ", ".join(("samples", *map(str, shape)))
        raise HwgenError("data", where, f"has shape {array.shape}", f"give ({wanted})")
    return _finite(array if array.dtype.name in ("float32", "float64") else array.astype(np.float64), where)


def _finite(array: Array, where: str) -> Array:
    sound = np.isfinite(array)
    if not sound.all():
        place: list[int] = np.argwhere(~sound)[0].tolist()
        inside = f", element {' '.join(map(str, place[1:]))}" if len(place) > 1 else ""
        what = f"holds {array[tuple(place)]} at sample {place[0]}{inside} ({int((~sound).sum())} such numbers)"
        raise HwgenError("not-finite", where, what, "remove these samples")
    return array
