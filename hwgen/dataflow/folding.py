"""Choosing the parallelism of each layer: given by the user, or the fewest multipliers for a target interval."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

from hwgen.dataflow.plan import device_nodes
from hwgen.dataflow.unit import Parallelism, beats
from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph, Node
from hwgen.ops.linear import MatvecAttrs
from hwgen.ops.record import attrs_as

DEFAULT: Final = "4x4"
_CHOICE: Final = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")

Choices = tuple[tuple[Node, Parallelism], ...]


def _layers(graph: Graph) -> list[tuple[Node, int, int]]:
    """Matrix-vector nodes with their sizes (in, out)."""
    result: list[tuple[Node, int, int]] = []
    for node in device_nodes(graph):
        if node.op == "matvec":
            outputs, inputs = attrs_as(node, MatvecAttrs).weight.shape
            result.append((node, inputs, outputs))
    return result


def _bad(text: str, why: str) -> HwgenError:
    return HwgenError(
        "parallelism", f"--parallelism {text!r}", why, "write 4x8, full, or layer=4x8,layer=2x2 (inputs x outputs)"
    )


def _choice(text: str, whole: str, inputs: int, outputs: int) -> Parallelism:
    if text == "full":
        return Parallelism(inputs, outputs)
    match = _CHOICE.fullmatch(text)
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise _bad(whole, f"cannot read {text!r}")
    return Parallelism(min(int(match[1]), inputs), min(int(match[2]), outputs))


def from_text(graph: Graph, text: str) -> Choices:
    """``4x8`` or ``full`` for every layer, or ``fc1=4x8,fc2=2x2`` by layer (the rest keeps the default).

    Sizes beyond a layer's own are cut to it.
    """
    layers = _layers(graph)
    parts = [p.strip() for p in text.split(",") if p.strip()]
    named = {name.strip(): value.strip() for name, equals, value in (p.rpartition("=") for p in parts) if equals}
    general = [p for p in parts if "=" not in p] or [DEFAULT]
    if len(general) > 1 or not parts:
        raise _bad(text, "names one size for all layers and others by name")
    known = [node.path for node, _, _ in layers]
    for name in named:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise _bad(text, f"no layer {name!r}" + (f"; did you mean {near[0]}?" if near else f"; layers are {', '.join(known)}"))
    return tuple((n, _choice(named.get(n.path, general[0]), text, i, o)) for n, i, o in layers)


def for_interval(graph: Graph, interval_cycles: int) -> Choices:
    """For each layer the fewest multipliers that take at most ``interval_cycles`` a vector; ties to the most even split."""
    if interval_cycles < 1:
        raise HwgenError("interval", f"--interval {interval_cycles}", "is not positive", "give a number of cycles of at least 1")
    chosen: list[tuple[Node, Parallelism]] = []
    for node, inputs, outputs in _layers(graph):
        best = min(_candidates(inputs, outputs, interval_cycles), key=lambda p: (p.inputs * p.outputs, p.inputs + p.outputs))
        chosen.append((node, best))
    return tuple(chosen)


def _candidates(inputs: int, outputs: int, interval_cycles: int) -> Sequence[Parallelism]:
    """For each number of input blocks the fewest lanes, with the fewest output lanes that keep the interval."""
    result: list[Parallelism] = []
    for in_lanes in range(1, inputs + 1):
        in_blocks = beats(inputs, in_lanes)
        if in_blocks <= interval_cycles:
            out_lanes = beats(outputs, max(1, interval_cycles // in_blocks))
            result.append(Parallelism(in_lanes, out_lanes))
    return result
