"""One node of an ONNX graph as an import rule sees it: every attribute is asked for, or the import fails."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.errors import HwgenError, clean
from hwgen.frontend.building import GraphBuilder
from hwgen.ir.graph import Array, Attrs, Value

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto


def node_path(node: NodeProto) -> str:
    """How messages call a node: its name, or its first output where it has none."""
    return node.name or (node.output[0] if node.output else "(unnamed)")


class NodeCall:
    """`hwgen.ops.importing.OnnxCall` on a NodeProto."""

    def __init__(self, node: NodeProto, rule_name: str, builder: GraphBuilder, opset: int, folder: Path) -> None:
        self._node, self._builder, self._folder = node, builder, folder
        self.rule_name, self._opset = rule_name, opset
        self._attributes = {a.name: a for a in node.attribute}
        if len(self._attributes) != len(node.attribute):
            raise self.refuse("an attribute is given twice", "export the model again")
        self._asked: set[str] = set()
        self._seen: set[int] = set()
        self.output_name = node.output[0] if node.output else ""

    @property
    def path(self) -> str:
        return node_path(self._node)

    @property
    def opset(self) -> int:
        return self._opset

    @property
    def output_count(self) -> int:
        return len(self._node.output)

    @property
    def input_count(self) -> int:
        names = list(self._node.input)
        while names and not names[-1]:
            names.pop()
        return len(names)

    def refuse(self, what: str, fix: str) -> HwgenError:
        return HwgenError("unsupported-node", f"{self._node.op_type} {clean(self.path)!r}", what, fix)

    def _name(self, index: int) -> str:
        if not self.has(index):
            raise self.refuse(f"input {index} is missing", "export the model again")
        return self._node.input[index]

    def has(self, index: int) -> bool:
        self._seen.add(index)
        return index < len(self._node.input) and bool(self._node.input[index])

    def value(self, index: int) -> Value:
        value = self._builder.value(self._name(index))
        if value is None:
            raise self.refuse(f"input {self._name(index)!r} is made by no node", "export the model again")
        return value

    def is_constant(self, index: int) -> bool:
        return self.has(index) and self._builder.array(self._name(index)) is not None

    def constant(self, index: int) -> Array:
        array = self._builder.array(self._name(index))
        if array is None:
            raise self.refuse(f"input {index} ({self._name(index)!r}) is computed", "make it a constant")
        return array

    def emit(self, op: str, attrs: Attrs, inputs: Sequence[Value], *, suffix: str = "") -> Value:
        return self._builder.emit(op, attrs, inputs, name=self.output_name + suffix, path=self.path)

    def emit_constant(self, data: Array, *, suffix: str = "") -> Value:
        name = self.output_name + suffix
        self._builder.bind_array(name, data)
        value = self._builder.value(name)
        if value is None:
            raise self.refuse("a constant got lost", "please report this")
        return value

    def _attribute(self, name: str, kind: int, default: Any) -> Any:
        from onnx import helper

        self._asked.add(name)
        attribute = self._attributes.get(name)
        if attribute is None:
            return default
        if attribute.type != kind or attribute.ref_attr_name:
            raise self.refuse(f"attribute {name!r} has the wrong type", "export the model again")
        return helper.get_attribute_value(attribute)

    def _required(self, name: str, kind: int, default: Any) -> Any:
        result = self._attribute(name, kind, default)
        if result is None:
            raise self.refuse(f"attribute {name!r} is missing", "export with this attribute written out")
        return result

    def integer(self, name: str, default: int | None = None) -> int:
        return int(self._required(name, 2, default))

    def real(self, name: str, default: float | None = None) -> float:
        return self._finite(name, float(self._required(name, 1, default)))

    def reals(self, name: str) -> tuple[float, ...]:
        """List-of-floats attribute."""
        return tuple(self._finite(name, float(v)) for v in self._required(name, 6, None))

    def _finite(self, name: str, value: float) -> float:
        if not isfinite(value):
            raise self.refuse(f"attribute {name!r} is {value}", "train or export the model again")
        return value

    def tensor(self, name: str) -> TensorProto:
        """Tensor attribute."""
        return self._required(name, 4, None)

    def optional_tensor(self, name: str) -> TensorProto | None:
        """Tensor attribute, None where it is not there."""
        return self._attribute(name, 4, None)

    def integers(self, name: str) -> tuple[int, ...] | None:
        result = self._attribute(name, 7, None)
        return None if result is None else tuple(int(v) for v in result)

    def text(self, name: str, default: str | None = None) -> str:
        result = self._required(name, 3, default)
        return result.decode("utf-8", "replace") if isinstance(result, bytes) else str(result)

    def ignore(self, name: str) -> None:
        self._asked.add(name)

    def finish(self) -> None:
        unknown = sorted(set(self._attributes) - self._asked)
        if unknown:
            raise self.refuse(f"attribute {unknown[0]!r} is not understood", "export without it, or report the case")
        unseen = [i for i in range(self.input_count) if self._node.input[i] and i not in self._seen]
        if unseen:
            raise self.refuse(f"input {unseen[0]} is not understood", "export without it, or report the case")
