"""A graph of reals as a torch module, to be trained by any loop: its quantizers quantize, gradients go straight through them.

    module = GraphModule(graph)
    loss(module(x), y).backward()
    trained = module.to_graph()

Parameters are the graph's weights and biases, under the names of their values (``fc1.weight``), the gains and shifts of its batch
norms, under their paths (``bn1.weight``), and the scales that are learned (``quantizers.fc1.input.scale.log2``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Quantized
from hwgen.ir.graph import Attrs, Graph, Node, Rewriter, Value, topological
from hwgen.ops.checking import check
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.record import TorchFunction, make
from hwgen.ops.run import constant_floats
from hwgen.ops.scalar import BatchNormAttrs
from hwgen.ops.source import ConstantAttrs
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.training.names import place
from hwgen.training.norm import BatchNorm
from hwgen.training.parameters import trained_constants, weight_quantizers
from hwgen.training.quantizers import Quantizer


@dataclass(frozen=True, slots=True)
class _Held:
    """A parameter or buffer of a module, looked up each time; quantized, where it is the reals of codes."""

    owner: nn.Module
    key: str
    quantizer: Quantizer | None = None

    def __call__(self) -> Tensor:
        """What it is now."""
        tensor: Tensor = getattr(self.owner, self.key)
        return tensor if self.quantizer is None else self.quantizer(tensor)


@dataclass(frozen=True, slots=True)
class _Step:
    """One node: ``function`` of the values at ``inputs``; then those at ``done`` are used no more."""

    function: TorchFunction
    inputs: tuple[int, ...]
    done: tuple[int, ...]


class GraphModule(nn.Module):
    """See the module.  Called with the graph's inputs in order, (batch, …) each; gives the output, or a tuple of several.

    outputs: values of the graph to give instead of its outputs; what they do not need is left as it is.
    learned: the ``quantize`` nodes whose scale is a parameter, of formats that have a free one.
    power_of_two_scales: such scales are powers of two, those that are not learned as well.
    Raises HwgenError for a lowered graph, and for an operator that torch cannot compute.
    """

    def __init__(
        self, graph: Graph, *, outputs: Sequence[Value] | None = None, learned: Collection[Node] = (),
        power_of_two_scales: bool = False, dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        lowered = next((v for v in graph.inputs if v.type.format is not REAL), None)
        if lowered is not None:
            raise HwgenError("usage", f"input {lowered.name!r}", "comes in as codes", "train the graph before it is lowered")
        self.graph = graph
        self.dtype = dtype
        self._learned, self._power_of_two = frozenset(learned), power_of_two_scales
        self._trained, self._weights = frozenset(trained_constants(graph)), weight_quantizers(graph)
        self._parts: dict[str, _Held | Quantizer | BatchNorm] = {}
        self.quantizers = nn.Module()
        self._fixed = nn.Module()
        wanted = graph.outputs if outputs is None else tuple(outputs)
        nodes = topological(wanted, [v.producer for v in graph.inputs])
        place_of = {value: k for k, value in enumerate(v for n in nodes for v in n.outputs)}
        self._inputs = len(graph.inputs)
        self._outputs = tuple(place_of[v] for v in wanted)
        last = {v: node for node in nodes for v in node.inputs}
        self._steps: list[_Step] = []
        for node in nodes[self._inputs :]:
            done = tuple(place_of[v] for v in dict.fromkeys(node.inputs) if last[v] is node and place_of[v] not in self._outputs)
            self._steps.append(_Step(self._function(node), tuple(place_of[v] for v in node.inputs), done))

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The outputs for a batch."""
        self._check(inputs)
        values: list[Tensor | None] = list(inputs)
        for step in self._steps:
            values.append(step.function(*(values[k] for k in step.inputs)))
            for k in step.done:
                values[k] = None
        outputs = tuple(v for v in (values[k] for k in self._outputs) if v is not None)
        return outputs[0] if len(outputs) == 1 else outputs

    def quantizer_of(self, value: Value) -> Quantizer | None:
        """The module of the ``quantize`` node that makes a value; None where another node does."""
        found = self._parts.get(value.name)
        return found if isinstance(found, Quantizer) else None

    def weight_named(self, name: str) -> nn.Parameter | None:
        """The parameter that stands for the constant of that name; None where it is not trained."""
        held = self._parts.get(name)
        found = getattr(held.owner, held.key) if isinstance(held, _Held) else None
        return found if isinstance(found, nn.Parameter) else None

    def to_graph(self) -> Graph:
        """The graph with the parameters as they are now; what was not trained stays as it was, to the bit."""
        rewriter = Rewriter(self.graph)
        for node in self.graph.nodes:
            attrs = self._attrs(node)
            if attrs is node.attrs:
                rewriter.copy(node)
                continue
            inputs = [rewriter[v] for v in node.inputs]
            rewriter.replace(node.output, make(REAL_OPS[node.op], attrs, inputs, node.output.name, node.path).output)
        graph = rewriter.finish()
        check(graph)
        return graph

    def _attrs(self, node: Node) -> Attrs:
        part = self._parts.get(node.output.name)
        match part, node.attrs:
            case Quantizer(), QuantizeAttrs():
                return node.attrs if part.format == node.attrs.format else QuantizeAttrs(part.format)
            case BatchNorm(), BatchNormAttrs():
                return node.attrs if part.trained() == node.attrs else part.trained()
            case _Held(), ConstantAttrs():
                now: Tensor = getattr(part.owner, part.key).detach()
                if torch.equal(now.cpu(), _tensor(node.attrs, now.dtype)):
                    return node.attrs
                data, format_ = now.cpu().numpy().copy(), node.attrs.format
                return ConstantAttrs(format_.quantize(data), format_) if isinstance(format_, Quantized) else ConstantAttrs(data)
            case _:
                return node.attrs

    def _check(self, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs) != self._inputs:
            names = ", ".join(v.name for v in self.graph.inputs)
            raise HwgenError("shape", f"module of {self.graph.name!r}", f"was given {len(inputs)} inputs", f"give {names}")
        for value, tensor in zip(self.graph.inputs, inputs, strict=True):
            if tuple(tensor.shape[1:]) != value.type.shape[1:]:
                what, wanted = f"was given {tuple(tensor.shape)}", ", ".join(map(str, ("batch", *value.type.shape[1:])))
                raise HwgenError("shape", f"input {value.name!r}", what, f"give ({wanted})")

    def _function(self, node: Node) -> TorchFunction:
        """How the node is computed; its parameters and buffers are registered."""
        match node.attrs:
            case ConstantAttrs():
                return self._part(node, self._constant(node, node.attrs))
            case QuantizeAttrs(format=Quantized() as format_) if node.op == "quantize":
                made = Quantizer(
                    format_, len(node.output.type.shape), dtype=self.dtype, weights=node in self._weights,
                    learned=node in self._learned, power_of_two=self._power_of_two,
                )
                place(self.quantizers, node.output.name, made)
                return self._part(node, made)
            case BatchNormAttrs():
                norm = BatchNorm(node.attrs, len(node.output.type.shape), self.dtype)
                place(self, node.path, norm)
                return self._part(node, norm)
            case _:
                forward = REAL_OPS[node.op].forward if node.op in REAL_OPS else None
                if forward is None:
                    fix = "import the model with whole pairs of quantizers, or leave this part out"
                    raise HwgenError("unsupported-node", f"{node.op} {node.path!r}", "cannot be computed by torch", fix)
                return forward(node)

    def _part(self, node: Node, part: _Held | Quantizer | BatchNorm) -> TorchFunction:
        self._parts[node.output.name] = part
        return part

    def _constant(self, node: Node, attrs: ConstantAttrs) -> _Held:
        tensor = _tensor(attrs, self.dtype)
        if node not in self._trained:
            key = f"constant{len(list(self._fixed.buffers()))}"
            self._fixed.register_buffer(key, tensor, persistent=False)
            return _Held(self._fixed, key)
        path, _, key = place(self, node.output.name, nn.Parameter(tensor)).rpartition(".")
        quantizer = None
        if isinstance(attrs.format, Quantized):
            quantizer = Quantizer(attrs.format, tensor.ndim, dtype=self.dtype, weights=True)
            place(self.quantizers, node.output.name, quantizer)
        return _Held(self.get_submodule(path), key, quantizer)


def _tensor(attrs: ConstantAttrs, dtype: torch.dtype) -> Tensor:
    """The constant's reals."""
    return torch.as_tensor(constant_floats(attrs), dtype=dtype).clone()
