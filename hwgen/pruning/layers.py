"""The layers of a graph of reals whose weights can be pruned, and the graph with zeros in them.

A zero is a weight of 0 in the constant itself: it stays one through every quantizer that has a 0, batch norms folded into it, and
scales of channels.  So a graph carries its masks, in every form that it is kept in: `masks_of`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, FloatArray, IntArray, Quantized
from hwgen.ir.graph import Array, Graph, Node, Rewriter
from hwgen.numerics.surd import ZERO
from hwgen.ops.quantize import QuantizeAttrs
from hwgen.ops.record import attrs_as, make
from hwgen.ops.run import constant_floats
from hwgen.ops.shape import ReshapeAttrs, TransposeAttrs
from hwgen.ops.source import CONSTANT, ConstantAttrs
from hwgen.ops.weights import PRODUCTS
from hwgen.pruning.masks import Mask


@dataclass(frozen=True, eq=False)
class PrunableLayer:
    """node: the product.  constant: the node with its weight.  places: of the product's weight, where each element stands in it.

    places: of the shape of the product's weight, indices into the flattened constant.
    """

    node: Node
    constant: Node
    places: IntArray

    @property
    def path(self) -> str:
        """As the user knows it."""
        return self.node.path

    @property
    def weight(self) -> FloatArray:
        """In the product's shape, as the constant says it."""
        return constant_floats(attrs_as(self.constant, ConstantAttrs)).ravel()[self.places]

    @property
    def in_axis(self) -> int:
        """Of the weight, along the input channels."""
        return 0 if self.node.op == "conv_transpose" else 1

    @property
    def mask(self) -> Mask:
        """False where a weight is 0."""
        return self.weight != 0


def prunable_layers(graph: Graph) -> tuple[tuple[PrunableLayer, ...], Mapping[str, str]]:
    """All layers with a constant weight of their own that can hold zeros; and of the others, by path, why not."""
    if any(v.type.format is not REAL for v in graph.inputs):
        raise HwgenError("usage", f"model {graph.name!r}", "is lowered already", "prune the model before it is lowered")
    found: list[PrunableLayer] = []
    left: dict[str, str] = {}
    seen: dict[Node, str] = {}
    for node in graph.nodes:
        if node.op not in PRODUCTS:
            continue
        layer = _layer(node)
        if isinstance(layer, str):
            left[node.path] = layer
        elif layer.constant in seen:
            left[node.path] = f"shares its weight with {seen[layer.constant]!r}"
        else:
            seen[layer.constant] = node.path
            found.append(layer)
    return tuple(found), left


Told = Callable[[str, str], None]
"""``told(path, what was done there, or why nothing was)``."""


def _silent(path: str, what: str) -> None:
    """Nobody asks."""


def names_of(text: str) -> tuple[str, ...]:
    """Paths of layers, separated by commas or spaces."""
    return tuple(re.split(r"[,\s]+", text.strip())) if text.strip() else ()


def chosen_layers(graph: Graph, names: Sequence[str], left_out: Told = _silent) -> tuple[PrunableLayer, ...]:
    """Those of ``names``, or all that can be pruned where it is empty; ``left_out`` is told of the others then.

    Raises HwgenError for a name of no layer, or of one that cannot be pruned.
    """
    layers, left = prunable_layers(graph)
    for path, why in left.items():
        if not names:
            left_out(path, why)
    known = [*dict.fromkeys(layer.path for layer in layers)]
    for name in names:
        if name in left:
            raise HwgenError("pruning", f"layer {name!r}", left[name], "leave this layer out")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            fix = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
            raise HwgenError("usage", f"layer {name!r}", "is no layer with weights", fix)
    chosen = tuple(layer for layer in layers if not names or layer.path in names)
    if not chosen:
        raise HwgenError("pruning", f"model {graph.name!r}", "has no layer that can be pruned", "check the model")
    return chosen


def _layer(node: Node) -> PrunableLayer | str:
    value, moves = node.inputs[1], list[Node]()
    while value.producer.op in ("quantize", "identity", "transpose", "reshape"):
        moves.append(value.producer)
        value = value.producer.inputs[0]
    if not isinstance(value.producer.attrs, ConstantAttrs):
        return "its weight is computed by the network"
    constant = value.producer
    places = np.arange(value.type.elements).reshape(value.type.shape)
    for move in reversed(moves):
        match move.attrs:
            case TransposeAttrs(perm):
                places = places.transpose(perm)
            case ReshapeAttrs(shape):
                places = places.reshape(shape)
            case QuantizeAttrs(Quantized() as format_) if not _has_zero(format_, places.shape):
                return f"a weight of {format_} cannot be 0"
            case _:
                pass
    format_ = constant.output.type.format
    if isinstance(format_, Quantized) and not _has_zero(format_, constant.output.type.shape):
        return f"a weight of {format_} cannot be 0"
    return PrunableLayer(node, constant, places)


def _zeros(format_: Quantized, shape: tuple[int, ...]) -> IntArray:
    return format_.quantize(np.zeros(shape))


def _has_zero(format_: Quantized, shape: tuple[int, ...]) -> bool:
    return not format_.decode(_zeros(format_, shape)).any()


def with_masks(
    graph: Graph, masks: Sequence[tuple[PrunableLayer, Mask]], changed: Told = _silent, left: Told = _silent
) -> Graph:
    """The graph with zeros where a mask, of the shape of its layer's weight, is False.

    changed: hears of each layer that gets zeros; left: of each that has all of them.
    """
    rewriter, replaced = Rewriter(graph), set[Node]()
    for layer, mask in masks:
        gone = layer.places[~mask & layer.mask]
        if not gone.size:
            left(layer.path, "has these zeros already")
            continue
        changed(layer.path, f"{gone.size} of {mask.size} weights become 0")
        attrs, output = attrs_as(layer.constant, ConstantAttrs), layer.constant.output
        data = attrs.data.copy()
        data.reshape(-1)[gone] = _zero_data(attrs).ravel()[gone]
        rewriter.replace(output, make(CONSTANT, replace(attrs, data=data), [], output.name, layer.constant.path).output)
        replaced.add(layer.constant)
    for node in graph.nodes:
        if node not in replaced:
            rewriter.copy(node)
    return rewriter.finish()


def _zero_data(attrs: ConstantAttrs) -> Array:
    """What stands for 0 in each place of a constant."""
    if isinstance(attrs.format, Quantized):
        return _zeros(attrs.format, attrs.data.shape)
    return np.full(attrs.data.shape, ZERO if attrs.data.dtype == object else 0, dtype=attrs.data.dtype)


def masks_of(graph: Graph) -> Mapping[str, Mask]:
    """The mask of each pruned weight, by the name of its constant and of its shape: False where it is 0.

    Weights without a zero are not in it.  Training, rounding and calibration keep what it says by setting these weights to 0 again.
    """
    found: dict[str, Mask] = {}
    for layer in prunable_layers(graph)[0]:
        mask = constant_floats(attrs_as(layer.constant, ConstantAttrs)) != 0
        if not mask.all():
            found[layer.constant.output.name] = mask
    return found
