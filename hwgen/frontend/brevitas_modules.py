"""Reads modules with Brevitas layers, by way of QONNX: what Brevitas exports is what it computes.

The export goes to a temporary folder and through the same gate as any foreign file (`hwgen.frontend.onnx_reader`).
Afterwards nodes and values take the names of the modules that the user wrote: ``fc1``, ``fc1.weight_quant``, ``act``.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hwgen.errors import HwgenError, clean
from hwgen.frontend.onnx_reader import ReadResult, read_onnx
from hwgen.frontend.torch_export import check_torch, evaluation_mode, first_sample
from hwgen.ir.graph import Graph, Node, Value

if TYPE_CHECKING:
    import torch

_KEPT: Final = ("weight_quant", "bias_quant", "input_quant", "output_quant")
"""Parts of a Brevitas layer that get a path of their own; all others count as the layer."""
_REFUSED: Final = {
    "brevitas.core.scaling.runtime.RuntimeDynamicStatsScaling": "a scale that is computed from each input",
    "brevitas.core.scaling.runtime.RuntimeDynamicGroupStatsScaling": "a scale that is computed from each input",
}


def has_brevitas_layers(module: torch.nn.Module) -> bool:
    """Whether a layer of ``module``, or a part of one, comes from Brevitas."""
    return any(type(m).__module__.partition(".")[0] == "brevitas" for m in module.modules())


def _check(module: torch.nn.Module, name: str) -> None:
    """Refuses what an export would freeze to the example's numbers."""
    for path, part in module.named_modules():
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        if kind in _REFUSED or "Dynamic" in type(part).__name__:
            raise HwgenError(
                "unsupported-node", f"{name} {clean(path)!r}", f"has {_REFUSED.get(kind, 'dynamic quantization')}",
                "use a quantizer with a fixed scale",
            )


def _input_names(module: torch.nn.Module, count: int) -> list[str]:
    """Names of ``forward``'s parameters, where it has enough of them."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in inspect.signature(module.forward).parameters.values() if p.kind in kinds]
    return names[:count] if len(names) >= count else [f"input{i}" for i in range(count)]


def _export(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, name: str) -> None:
    import torch

    try:
        from brevitas.export import export_qonnx
    except ImportError as error:
        raise HwgenError(
            "missing-package", f"model {name!r}", f"has Brevitas layers: {error}", "pip install brevitas onnxoptimizer"
        ) from error
    try:
        # the exporters print their progress; standard output belongs to the caller
        with (
            evaluation_mode(module), torch.no_grad(), warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            export_qonnx(
                module, args=inputs, export_path=str(path), dynamo=False, input_names=_input_names(module, len(inputs))
            )
    except Exception as error:  # torch.onnx and Brevitas raise anything, with no common base
        first = (str(error).strip().splitlines() or [""])[0]
        raise HwgenError(
            "not-exportable", f"model {name!r}", f"Brevitas cannot export it: {type(error).__name__}: {first}",
            "export it yourself with brevitas.export.export_qonnx, and give the file",
        ) from error


def _layer_path(onnx_path: str, modules: Mapping[str, object]) -> str:
    """``/body/body.0/weight_quant/export_handler/Quant`` as ``body.0.weight_quant``; unchanged where no module fits."""
    if not onnx_path.startswith("/"):
        return onnx_path
    *scopes, operator = onnx_path.removeprefix("/").split("/")
    path = ""
    for scope in scopes:
        inner = f"{path}.{scope}" if path else scope
        found = next((c for c in (inner, scope) if c in modules), None)
        if found is None or (scope.endswith("_quant") and scope not in _KEPT):
            break
        path = found
    return path or operator


def _named_after(graph: Graph, modules: Mapping[str, object]) -> Graph:
    """The same graph; paths and names of values are those of modules, the last node of a module takes its plain name."""
    paths = {node: _layer_path(node.path, modules) for node in graph.nodes}
    last = {paths[node]: node for node in graph.nodes if node.op not in ("input", "constant")}
    taken: set[str] = {v.name for n in graph.nodes if n.op in ("input", "constant") for v in n.outputs}
    new: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        names: Sequence[str] = node.output_names
        path = paths[node]
        if node.op not in ("input", "constant"):
            wanted = path if last[path] is node else f"{path}.{node.op}"
            names, number = [wanted], 1
            while names[0] in taken:
                number += 1
                names = [f"{wanted}.{number}"]
            taken.add(names[0])
        copied = replace(node, inputs=tuple(new[v] for v in node.inputs), output_names=tuple(names), path=path)
        new.update(zip(node.outputs, copied.outputs, strict=True))
        nodes.append(copied)
    return Graph(graph.name, tuple(nodes), tuple(new[v] for v in graph.outputs))


def check_brevitas(
    module: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...], name: str = "model"
) -> ReadResult:
    """What can be read of a module with Brevitas layers, and every problem of it; see `read_brevitas`."""
    inputs = first_sample(example, name)
    _check(module, name)
    modules = dict(module.named_modules())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        _export(module, inputs, path, name)
        result = read_onnx(path)
    if result.graph is None:
        return result
    return replace(result, graph=replace(_named_after(result.graph, modules), name=name))


def read_brevitas(
    module: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...], name: str = "model"
) -> Graph:
    """Reads a module with Brevitas layers.

    example: inputs as ``forward`` takes them, the batch first; it becomes 1.  The module is left as it was.  Raises
    HwgenError where Brevitas cannot export the module or a quantizer has no fixed scale, `Problems` with all that is
    unsupported.
    """
    return check_brevitas(module, example, name).require()


def check_module(
    module: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...], name: str = "model"
) -> ReadResult:
    """What can be read of a torch module: with Brevitas layers as Brevitas exports it, else through ``torch.export``."""
    return (check_brevitas if has_brevitas_layers(module) else check_torch)(module, example, name)


def read_module(module: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...], name: str = "model") -> Graph:
    """Reads a torch module, see `read_brevitas` and `read_torch`."""
    return check_module(module, example, name).require()
