"""Reads a plain torch module into a graph, through ``torch.export``.

The module is traced in evaluation mode on the first sample of the example, and made functional (no operator changes a
tensor in place).  Parameters, buffers and tensors made in ``forward`` become constants: the exact numbers of their floats.
Operators that only move constants about (transpose, slice, ``eye`` …) are done at once; arithmetic is never folded here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hwgen.errors import HwgenError, clean
from hwgen.formats import REAL
from hwgen.frontend.building import GraphBuilder
from hwgen.frontend.limits import check_shape
from hwgen.frontend.onnx_reader import ReadResult
from hwgen.ir.graph import Array, Attrs, Graph, TensorType, Value
from hwgen.ops.refused import MODULES
from hwgen.ops.table import TORCH_RULES

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram
    from torch.fx import Node as FxNode

_MOVES: Final = frozenset(
    f"aten.{name}"
    for name in (
        "t.default", "transpose.int", "permute.default", "view.default", "reshape.default", "flatten.using_ints",
        "unsqueeze.default", "squeeze.default", "squeeze.dim", "squeeze.dims", "clone.default", "detach.default",
        "alias.default", "contiguous.default", "lift_fresh_copy.default", "expand.default", "slice.Tensor", "select.int",
        "full.default", "ones.default", "zeros.default", "eye.default", "scalar_tensor.default",
    )
)
"""Operators that make exact copies of constants' elements, or constants out of nothing."""
_CHECKS: Final = frozenset({"aten._assert_tensor_metadata.default", "aten.sym_constrain_range_for_size.default"})
"""Operators that compute nothing."""


def _as_array(tensor: torch.Tensor, where: str) -> Array:
    """The elements, exactly; refuses NaN, infinity and complex numbers."""
    import torch

    plain = tensor.detach().cpu()
    if plain.is_sparse or plain.is_quantized or plain.is_complex():
        raise HwgenError("type", where, f"is a tensor of kind {tensor.dtype}, {tensor.layout}", "use dense float tensors")
    if plain.dtype in (torch.bfloat16, torch.float16):
        plain = plain.float()
    array = plain.numpy().copy()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise HwgenError("not-finite", where, "holds NaN or infinity", "train the model again")
    return array


def _module_path(node: FxNode) -> str:
    """The module that the user knows; inside a module of the user's own, the operation's name follows."""
    stack: Mapping[str, tuple[str, Any]] = node.meta.get("nn_module_stack") or {}
    path, kind = list(stack.values())[-1] if stack else ("", "")
    if not path:
        return node.name
    kind_name = kind if isinstance(kind, str) else f"{kind.__module__}."
    return path if kind_name.startswith("torch.nn.") else f"{path}.{node.name}"


def _refuse_module(node: FxNode) -> None:
    """Raises HwgenError where the call is part of a module that is refused as a whole."""
    stack: Mapping[str, tuple[str, Any]] = node.meta.get("nn_module_stack") or {}
    for path, kind in stack.values():
        package, _, name = (kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__name__}").rpartition(".")
        if package.startswith("torch.nn.") and (reason := MODULES.get(name)):
            raise HwgenError("unsupported-node", f"{name} {clean(path or node.name)!r}", *reason)


class _Call:
    """`hwgen.ops.importing.TorchCall` on a node of an exported graph; arguments stand in the order of the schema."""

    def __init__(self, node: FxNode, builder: GraphBuilder, shown: Mapping[str, str]) -> None:
        self._node, self._builder, self._shown = node, builder, shown
        target: Any = node.target
        self._names: list[str] = []
        self._defaults: list[object] = []
        self._given: list[object] = []
        for position, argument in enumerate(target._schema.arguments):
            default: object = argument.default_value
            self._names.append(argument.name)
            self._defaults.append(default)
            positional = position < len(node.args)
            self._given.append(node.args[position] if positional else node.kwargs.get(argument.name, default))
        self._asked: set[int] = set()
        self.rule_name = str(target)

    @property
    def path(self) -> str:
        """The module path, or the operation's name outside any module."""
        return _module_path(self._node)

    @property
    def input_count(self) -> int:
        """Arguments of the schema, without the absent ones at the end."""
        count = len(self._given)
        while count and self._given[count - 1] is None:
            count -= 1
        return count

    def refuse(self, what: str, fix: str) -> HwgenError:
        """The error that names this call."""
        return HwgenError("unsupported-node", f"{self.rule_name} {clean(self.path)!r}", what, fix)

    def has(self, index: int) -> bool:
        """Whether a tensor or number is given; an argument that is None counts as asked for."""
        if index < len(self._given):
            self._asked.add(index)
        return index < len(self._given) and self._given[index] is not None

    def _name(self, index: int) -> str:
        """The foreign name of a tensor argument; a number becomes a constant of the result's type, as torch takes it."""
        if not self.has(index):
            raise self.refuse(f"argument {index} is missing", "give it")
        given = self._given[index]
        if isinstance(given, bool) or not isinstance(given, int | float):
            name: object = getattr(given, "name", None)
            if not isinstance(name, str):
                raise self.refuse(f"argument {self._names[index]!r} is {given!r}, not a tensor", "give a tensor or a number")
            return self._shown.get(name, name)
        double = str(getattr(self._node.meta.get("val"), "dtype", "")) == "torch.float64"
        number = np.array(given, dtype=np.float64 if double else np.float32)
        if not np.isfinite(number):
            raise self.refuse(f"argument {self._names[index]!r} is {given}", "use a finite number")
        name = f"{self._node.name}.{self._names[index]}"
        self._builder.bind_array(name, number)
        return name

    def value(self, index: int) -> Value:
        """Argument ``index`` as a value."""
        name = self._name(index)
        value = self._builder.value(name)
        if value is None:
            raise self.refuse(f"argument {name!r} is made by no operator", "report this case")
        return value

    def values(self, index: int) -> tuple[Value, ...]:
        """Argument ``index``, a list of tensors."""
        given = self._given[index] if self.has(index) else None
        names = [getattr(one, "name", None) for one in given] if isinstance(given, list | tuple) else []
        found = tuple(v for n in names if isinstance(n, str) and (v := self._builder.value(n)) is not None)
        if not found or len(found) != len(names):
            raise self.refuse(f"argument {self._names[index]!r} is no list of tensors", "give a list of tensors")
        return found

    def is_constant(self, index: int) -> bool:
        """Whether the argument is a parameter, a buffer or a number."""
        return self.has(index) and self._builder.array(self._name(index)) is not None

    def constant(self, index: int) -> Array:
        """Argument ``index`` as an array."""
        array = self._builder.array(self._name(index))
        if array is None:
            raise self.refuse(f"argument {self._names[index]!r} is computed", "make it a parameter or a constant")
        return array

    def argument(self, index: int, name: str, default: object = ...) -> object:
        """What is given at ``index`` of the schema, else the schema's default, else ``default``."""
        if index >= len(self._given):
            if default is ...:
                raise self.refuse(f"argument {name!r} is missing", "give it")
            return default
        self._asked.add(index)
        given = self._given[index]
        if given is None and default is not ...:
            return default
        return given

    def emit(self, op: str, attrs: Attrs, inputs: Sequence[Value], *, suffix: str = "") -> Value:
        """Adds a node; its value is called by the module path."""
        return self._builder.emit(op, attrs, inputs, name=self.path + suffix, path=self.path)

    def emit_constant(self, data: Array, *, suffix: str) -> Value:
        """Adds a constant."""
        name = f"{self._node.name}{suffix}"
        self._builder.bind_array(name, data)
        value = self._builder.value(name)
        if value is None:
            raise self.refuse("a constant got lost", "report this case")
        return value

    def finish(self) -> None:
        """Refuses an argument that no rule asked for and that is not at its default."""
        for index, given in enumerate(self._given):
            if index not in self._asked and given is not None and given != self._defaults[index]:
                raise self.refuse(f"argument {self._names[index]}={given} is not understood", "call it without")


class _Reader:
    def __init__(self, program: ExportedProgram, name: str) -> None:
        self.program = program
        self.builder = GraphBuilder(name)
        self.problems: list[HwgenError] = []
        self.unknown: set[str] = set()
        self.taken = {node.name for node in program.graph.nodes}
        self.tensors: dict[str, torch.Tensor] = {}
        self.shown: dict[str, str] = {}  # names of parameters in the module, where they differ from the exported ones

    def run(self) -> ReadResult:
        import torch

        nodes = list(self.program.graph.nodes)
        calls = [n for n in nodes if n.op == "call_function" and str(n.target) not in _CHECKS]
        # constants are real tensors while they are moved about: outside the tracing mode
        with torch.no_grad():
            self._collect(lambda: self._sources(nodes))
            for node in calls:
                if any(used.name in self.unknown for used in node.all_input_nodes):
                    self.unknown.add(node.name)
                else:
                    self._collect(lambda n=node: self._node(n), node.name)
        outputs: list[Value] = []
        if not self.problems:
            self._collect(lambda: outputs.extend(self._outputs()))
        if self.problems:
            return ReadResult(None, tuple(self.problems), len(calls))
        return ReadResult(self.builder.finish(outputs), (), len(calls))

    def _collect(self, action: Callable[[], None], *names: str) -> None:
        try:
            action()
        except HwgenError as error:
            self.problems.append(error)
            self.unknown.update(names)

    def _sources(self, nodes: Sequence[FxNode]) -> None:
        from torch.export.graph_signature import InputKind

        placeholders = {n.name: n for n in nodes if n.op == "placeholder"}
        stored: Mapping[str, Any] = {**self.program.state_dict, **self.program.constants}
        for spec in self.program.graph_signature.input_specs:
            name: Any = getattr(spec.arg, "name", None)
            node = placeholders.get(name)
            if node is None or not node.users:
                if spec.kind == InputKind.USER_INPUT and node is not None:
                    self._collect(lambda n=node: self._input(n), name)
                continue
            if spec.kind == InputKind.USER_INPUT:
                self._collect(lambda n=node: self._input(n), name)
            elif spec.kind in (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
                self._collect(lambda n=node, t=str(spec.target): self._stored(n, t, stored), name)
            else:
                self.unknown.add(name)
                self.problems.append(
                    HwgenError("type", f"input {clean(name)!r}", f"is a {spec.kind.name}", "use tensors only")
                )

    def _input(self, node: FxNode) -> None:
        where = f"input {clean(node.name)!r}"
        example: Any = node.meta.get("val")
        if str(getattr(example, "dtype", "")) not in ("torch.float32", "torch.float64"):
            raise HwgenError("type", where, f"is no tensor of float32, but {getattr(example, 'dtype', 'no tensor')}", "use float32")
        if len(example.shape) < 2:
            raise HwgenError("shape", where, f"has {len(example.shape)} axes", "use (batch, features…)")
        self.builder.input(node.name, TensorType(check_shape(where, [1, *(int(d) for d in example.shape[1:])]), REAL))

    def _stored(self, node: FxNode, target: str, stored: Mapping[str, torch.Tensor]) -> None:
        tensor = stored[target]
        self.tensors[node.name] = tensor.detach()
        if target.partition(".")[0] not in self.taken:
            self.shown[node.name] = target
        self.builder.bind_array(self.shown.get(node.name, node.name), _as_array(tensor, f"parameter {clean(target)!r}"))

    def _node(self, node: FxNode) -> None:
        name = str(node.target)
        if getattr(node.target, "__name__", "") == "getitem":
            self._item(node)
            return
        if not name.startswith("aten."):
            where = f"{clean(name)} {clean(_module_path(node))!r}"
            raise HwgenError("unsupported-node", where, "is no aten operator", "use torch's own operators")
        inputs = node.all_input_nodes
        if name in _MOVES and all(n.name in self.tensors for n in inputs):
            self._move(node)
            return
        call = _Call(node, self.builder, self.shown)
        _refuse_module(node)
        rule = TORCH_RULES.get(name)
        if rule is None:
            raise call.refuse("this operator is not supported", "`hwgen ops` lists what is")
        made = rule(call)
        call.finish()
        for index, value in enumerate(made if isinstance(made, tuple) else (made,)):
            self.builder.bind(node.name if not isinstance(made, tuple) else f"{node.name}[{index}]", value)

    def _item(self, node: FxNode) -> None:
        source, index = node.args
        name = getattr(source, "name", "")
        value = self.builder.value(f"{name}[{index}]") or (self.builder.value(name) if index == 0 else None)
        if value is None:
            raise HwgenError(
                "unsupported-node", clean(_module_path(node)), f"uses result {index} of {source}", "use the first result only"
            )
        self.builder.bind(node.name, value)

    def _move(self, node: FxNode) -> None:
        from torch.fx.node import map_arg

        target: Any = node.target
        args: Any = map_arg(node.args, lambda n: self.tensors[n.name])
        kwargs: Any = map_arg(dict(node.kwargs), lambda n: self.tensors[n.name])
        tensor = target(*args, **kwargs)
        self.tensors[node.name] = tensor
        self.builder.bind_array(node.name, _as_array(tensor, f"constant {clean(_module_path(node))!r}"))

    def _outputs(self) -> list[Value]:
        from torch.export.graph_signature import OutputKind

        found: list[Value] = []
        for spec in self.program.graph_signature.output_specs:
            name: Any = getattr(spec.arg, "name", None)
            where = f"output {clean(name)!r}"
            if spec.kind != OutputKind.USER_OUTPUT:
                raise HwgenError(
                    "mutation", where, f"forward changes {clean(spec.target)!r} ({spec.kind.name})",
                    "keep no state between calls",
                )
            value = self.builder.value(name) if isinstance(name, str) else None
            if value is None:
                raise HwgenError("no-output", where, "is no tensor that the model computes", "return tensors only")
            found.append(value)
        if not found:
            raise HwgenError("no-output", "model", "returns nothing", "return the result")
        return found


@contextmanager
def evaluation_mode(module: torch.nn.Module) -> Generator[None]:
    """``module.eval()`` for the time of the block; each submodule's own mode is restored."""
    modes = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for m, training in modes:
            m.training = training


def first_sample(example: torch.Tensor | tuple[torch.Tensor, ...], name: str) -> tuple[torch.Tensor, ...]:
    """The example inputs with a batch of one."""
    import torch

    inputs = example if isinstance(example, tuple) else (example,)
    for tensor in inputs:
        # a caller that is not type-checked may give anything
        if not isinstance(tensor, torch.Tensor) or tensor.ndim < 2 or not len(tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise HwgenError(
                "shape", f"model {name!r}", f"an example input is {clean(getattr(tensor, 'shape', type(tensor)))}",
                "give tensors of shape (batch, features…)",
            )
    return tuple(tensor[:1] for tensor in inputs)


def export(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], name: str) -> ExportedProgram:
    """The functional aten graph of ``module`` in evaluation mode.  Raises HwgenError where torch cannot trace it."""
    import torch

    try:
        with evaluation_mode(module), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch.export's own, about its own calls
            return torch.export.export(module, inputs).run_decompositions({})
    except Exception as error:  # torch.export raises dozens of types, none with a common base
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise HwgenError(
            "not-traceable", f"model {name!r}", f"torch.export cannot trace it: {type(error).__name__}: {first}",
            "write a forward without data-dependent Python control flow, for a batch of one",
        ) from error


def check_torch(
    module: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...], name: str = "model"
) -> ReadResult:
    """What can be read of a plain torch module, and every problem of it; see `read_torch`."""
    inputs = first_sample(example, name)
    return _Reader(export(module, inputs, name), name).run()


def read_torch(module: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...], name: str = "model") -> Graph:
    """Reads a plain torch module.

    example: inputs as ``forward`` takes them, the batch first; it becomes 1.  name: of the graph.  The module is left as
    it was.  Raises HwgenError where the module cannot be traced, or `Problems` with all that is unsupported.
    """
    return check_torch(module, example, name).require()
