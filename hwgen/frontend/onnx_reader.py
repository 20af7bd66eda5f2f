"""Reads ONNX and QONNX files into a graph.

The batch is the first axis and becomes 1, whatever size the file has baked in.  All problems of a file are collected, so
that ``hwgen check`` can list them at once; a node behind an unsupported one is not judged.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hwgen.errors import HwgenError, Problems, clean
from hwgen.formats import REAL, Quantized
from hwgen.frontend.building import GraphBuilder
from hwgen.frontend.finn_datatypes import quantized_of_annotation
from hwgen.frontend.limits import Budget, check_name, check_shape, read_model, read_tensor
from hwgen.frontend.onnx_call import NodeCall, node_path
from hwgen.frontend.onnx_shapes import fold_shape
from hwgen.ir.graph import Array, Graph, TensorType, Value
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.table import ONNX_RULES

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

_QONNX_DOMAINS: Final = frozenset(
    {"qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas", "finn", "qonnx"}
)
_STANDARD_DOMAINS: Final = frozenset({"", "ai.onnx"})
_OLDEST_OPSET, _NEWEST_OPSET = 7, 26
"""Versions of ONNX's operators whose meaning is known here."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """graph: None where there are problems.  node_count: nodes of the file."""

    graph: Graph | None
    problems: tuple[HwgenError, ...]
    node_count: int

    def require(self) -> Graph:
        """The graph; raises what stands in its way."""
        if self.graph is None:
            raise self.problems[0] if len(self.problems) == 1 else Problems(self.problems)
        return self.graph


def _ordered(graph: GraphProto) -> Iterator[NodeProto]:
    """Nodes so that each comes after what it uses; raises on a cycle."""
    waiting = list(graph.node)
    maker = {name: i for i, n in enumerate(waiting) for name in n.output if name}
    needs = [{maker[name] for name in n.input if name in maker and maker[name] != i} for i, n in enumerate(waiting)]
    users: dict[int, list[int]] = {}
    for i, before in enumerate(needs):
        for b in before:
            users.setdefault(b, []).append(i)
    ready = [i for i in range(len(waiting) - 1, -1, -1) if not needs[i]]
    done = 0
    while ready:
        i = ready.pop()
        done += 1
        yield waiting[i]
        for user in reversed(users.get(i, ())):
            needs[user].discard(i)
            if not needs[user]:
                ready.append(user)
    if done != len(waiting):
        stuck = next(n for i, n in enumerate(waiting) if needs[i])
        raise HwgenError("cycle", f"{stuck.op_type} {clean(node_path(stuck))!r}", "is part of a cycle", "export again")


def _rule_name(node: NodeProto) -> str:
    if node.domain in _STANDARD_DOMAINS:
        return node.op_type
    if node.domain in _QONNX_DOMAINS:
        return f"qonnx.{node.op_type}"
    return f"{node.domain}.{node.op_type}"


def _unsupported(node: NodeProto, name: str) -> HwgenError:
    close = difflib.get_close_matches(name[:80], ONNX_RULES, 1)
    fix = f"did you mean {close[0]}? " if close else ""
    where = f"{node.op_type} {clean(node_path(node))!r}"
    domain = f" of domain {node.domain!r}" if node.domain else ""
    what = f"operator {node.op_type}{domain} is not supported"
    return HwgenError("unsupported-node", where, what, f"{fix}`hwgen ops` lists what is")


def _input_type(info: ValueInfoProto) -> TensorType:
    where = f"input {clean(info.name)!r}"
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or kind.elem_type not in (1, 10, 11):
        raise HwgenError("type", where, "is not a tensor of floats", "export the model with a float32 input")
    dims = [d.dim_value for d in kind.shape.dim]
    if not kind.HasField("shape") or len(dims) < 2:
        raise HwgenError("shape", where, f"has {len(dims)} axes", "use (batch, features…)")
    for axis, d in enumerate(kind.shape.dim):
        if axis and not d.dim_value:
            raise HwgenError("shape", where, f"axis {axis} has no fixed size", "export with fixed sizes beyond the batch")
    return TensorType(check_shape(where, [1, *dims[1:]]), REAL)


class _Reader:
    def __init__(self, model: ModelProto, path: Path) -> None:
        self.model, self.folder = model, path.parent
        self.builder = GraphBuilder(path.stem)
        self.problems: list[HwgenError] = []
        self.unknown: set[str] = set()
        self.versions = {o.domain: o.version for o in model.opset_import}
        self.budget = Budget()

    def run(self) -> ReadResult:
        graph = self.model.graph
        try:
            self._sources(graph)
            for node in _ordered(graph):
                self._node(node)
        except HwgenError as error:
            self.problems.append(error)
        outputs = [self._output(o.name) for o in graph.output]
        found = [o for o in outputs if o is not None]
        if not graph.output:
            self.problems.append(HwgenError("no-output", "model", "has no output", "export the model again"))
        if self.problems:
            return ReadResult(None, tuple(self.problems), len(graph.node))
        return ReadResult(self.builder.finish(found), (), len(graph.node))

    def _sources(self, graph: GraphProto) -> None:
        names = [t.name for t in graph.initializer]
        made = [name for n in graph.node for name in n.output if name]
        for name in dict.fromkeys([*names, *made, *(i.name for i in graph.input), *(n.name for n in graph.node)]):
            self._collect(lambda n=name: check_name(n), name)
        for name in _repeated([*names, *made, *(i.name for i in graph.input if i.name not in set(names))]):
            raise HwgenError("duplicate-name", f"value {clean(name)!r}", "is made twice", "export the model again")
        if graph.sparse_initializer:
            raise HwgenError("unsupported", "model", "has sparse initializers", "export dense weights")
        self._check_opsets()
        for tensor in graph.initializer:
            self._collect(lambda t=tensor: self._weight(t), tensor.name)
        constants = set(names)
        annotations = _annotations(graph)
        for info in graph.input:
            if info.name not in constants:
                self._collect(lambda i=info: self._input(i, annotations), info.name)

    def _check_opsets(self) -> None:
        domains = [o.domain for o in self.model.opset_import]
        for domain in _repeated(domains):
            raise HwgenError("opset", "model", f"names the operator set {domain!r} twice", "export again")
        standard = [v for d, v in self.versions.items() if d in _STANDARD_DOMAINS]
        if len(standard) > 1:
            raise HwgenError("opset", "model", "names the standard operator set twice", "export again")
        for version in standard:
            if not _OLDEST_OPSET <= version <= _NEWEST_OPSET:
                what = f"opset {version} is too {'old' if version < _OLDEST_OPSET else 'new'}"
                raise HwgenError("opset", "model", what, f"export with an opset from 9 to {_NEWEST_OPSET}")

    def _weight(self, tensor: TensorProto) -> None:
        self.builder.bind_array(tensor.name, read_tensor(tensor, self.folder, f"weight {clean(tensor.name)!r}", self.budget))

    def _input(self, info: ValueInfoProto, annotations: Mapping[str, Quantized]) -> None:
        value = self.builder.input(info.name, _input_type(info))
        format_ = annotations.get(info.name)
        if format_ is not None:
            quantized = self.builder.emit(
                "quantize", QuantizeAttrs(format_), [value], name=f"{info.name}.quantized", path=info.name
            )
            self.builder.bind(info.name, quantized)

    def _collect(self, action: Callable[[], None], *names: str) -> None:
        try:
            action()
        except HwgenError as error:
            self.problems.append(error)
            self.unknown.update(names)

    def _output(self, name: str) -> Value | None:
        if name in self.unknown or self.problems:
            return None
        value = self.builder.value(name)
        if value is None:
            self.problems.append(HwgenError("no-output", f"output {clean(name)!r}", "is made by no node", "export again"))
        return value

    def _node(self, node: NodeProto) -> None:
        outputs = [name for name in node.output if name]
        if any(name in self.unknown for name in node.input):
            self.unknown.update(outputs)
            return
        self._collect(lambda: self._import(node, outputs), *outputs)

    def _version(self, domain: str) -> int:
        """Of the operator set that a node belongs to; the standard one has two names."""
        names = sorted(_STANDARD_DOMAINS) if domain in _STANDARD_DOMAINS else [domain]
        return next((self.versions[name] for name in names if name in self.versions), 1)

    def _import(self, node: NodeProto, outputs: list[str]) -> None:
        if not outputs:
            raise HwgenError("bad-file", f"{node.op_type} {clean(node_path(node))!r}", "has no output", "export again")
        name = _rule_name(node)
        version = self._version(node.domain)
        call = NodeCall(node, name, self.builder, version, self.folder)
        for index, used in enumerate(node.input):
            if used and not self.builder.knows(used):
                raise call.refuse(f"input {index} ({clean(used)!r}) is made by no node", "export the model again")
        if name == "Constant":
            self.builder.bind_array(outputs[0], _constant(node, call, self.folder, self.budget))
            return
        where = f"constant {clean(call.path)!r}"
        folded = fold_shape(call, lambda tensor: read_tensor(tensor, self.folder, where, self.budget))
        if folded is not None:
            call.finish()
            self.builder.bind_array(outputs[0], folded)
            return
        rule = ONNX_RULES.get(name)
        if rule is None:
            if name == "Cast" and call.integer("to") in (1, 11):
                self.builder.bind(outputs[0], call.value(0))
                return
            raise _unsupported(node, name)
        made = rule(call)
        call.finish()
        values = made if isinstance(made, tuple) else (made,)
        if len(values) > 1 and len(values) != len(node.output):
            raise call.refuse(f"{len(node.output)} outputs for {len(values)} parts", "name every part")
        for output, value in zip(node.output, values, strict=False):
            if output:
                self.builder.bind(output, value)


def _constant(node: NodeProto, call: NodeCall, folder: Path, budget: Budget) -> Array:
    """The array of a Constant node: its one attribute, whichever it is."""
    where = f"constant {clean(call.path)!r}"
    (name, *more) = [a.name for a in node.attribute] or ["value"]
    if more:
        raise call.refuse(f"a constant with {1 + len(more)} values", "export again")
    match name:
        case "value":
            return read_tensor(call.tensor(name), folder, where, budget)
        case "value_float":
            return np.array(call.real(name), dtype=np.float32)
        case "value_floats":
            return np.array(call.reals(name), dtype=np.float32)
        case "value_int":
            return np.array(call.integer(name), dtype=np.int64)
        case "value_ints":
            return np.array(call.integers(name), dtype=np.int64)
        case _:
            raise call.refuse("a constant of a kind that is not supported", "use a dense tensor")


def _repeated(names: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)


def _annotations(graph: GraphProto) -> dict[str, Quantized]:
    result: dict[str, Quantized] = {}
    for annotation in graph.quantization_annotation:
        for entry in annotation.quant_parameter_tensor_names:
            if entry.key == "finn_datatype":
                format_ = quantized_of_annotation(entry.value, f"input {clean(annotation.tensor_name)!r}")
                if format_ is not None:
                    result[annotation.tensor_name] = format_
    return result


def read_onnx(path: Path) -> ReadResult:
    """Reads the file; raises HwgenError only where it cannot be read as ONNX at all."""
    return _Reader(read_model(path), path).run()
