"""What the front ends share: building a graph from named foreign values, constants made when they are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.errors import HwgenError
from hwgen.ir.graph import Array, Attrs, Graph, Node, TensorType, Value, topological
from hwgen.ops.record import make
from hwgen.ops.source import ConstantAttrs, InputAttrs
from hwgen.ops.table import REAL


class GraphBuilder:
    """Foreign name to IR value or to an array known at import."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._values: dict[str, Value] = {}
        self._arrays: dict[str, Array] = {}
        self._taken: set[str] = set()
        self._inputs: list[Node] = []

    def fresh(self, name: str) -> str:
        """``name``, or it with a number where it is taken."""
        candidate, number = name, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{name}.{number}"
        self._taken.add(candidate)
        return candidate

    def knows(self, name: str) -> bool:
        """Whether the foreign name stands for something."""
        return name in self._values or name in self._arrays

    def bind(self, name: str, value: Value) -> None:
        """From now on the foreign ``name`` means ``value``."""
        self._values[name] = value

    def bind_array(self, name: str, array: Array) -> None:
        """From now on the foreign ``name`` means a constant."""
        self._arrays[name] = array

    def array(self, name: str) -> Array | None:
        """The constant behind ``name``, or None where it is computed."""
        return self._arrays.get(name)

    def value(self, name: str) -> Value | None:
        """The IR value of ``name``; a constant becomes a node the first time it is asked for."""
        if name not in self._values and name in self._arrays:
            array = self._arrays[name]
            if array.dtype != object:
                array = array.astype(np.float64 if array.dtype.kind != "f" else array.dtype)
            self._values[name] = self.emit("constant", ConstantAttrs(array), [], name=name, path=name)
        return self._values.get(name)

    def input(self, name: str, type_: TensorType) -> Value:
        """A graph input."""
        value = self.emit("input", InputAttrs(type_.shape, type_.format), [], name=name, path=name)
        self._inputs.append(value.producer)
        self._values[name] = value
        return value

    def emit(self, op: str, attrs: Attrs, inputs: Sequence[Value], *, name: str, path: str) -> Value:
        """Adds a node whose value is called ``name`` (made unique)."""
        return make(REAL[op], attrs, inputs, self.fresh(name), path).output

    def finish(self, outputs: Sequence[Value]) -> Graph:
        """The graph of what ``outputs`` need."""
        if not self._inputs:
            raise HwgenError("no-input", f"model {self.name!r}", "has no input", "export a model that takes a tensor")
        return Graph(self.name, topological(outputs, self._inputs), tuple(outputs))
