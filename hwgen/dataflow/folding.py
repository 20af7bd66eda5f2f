"""Choosing the parallelism of each layer: given by the user, or the fewest multipliers for a target interval."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

from hwgen.dataflow.plan import Choices, cycles_of, device_graph
from hwgen.dataflow.unit import Parallelism, beats
from hwgen.errors import HwgenError
from hwgen.ir.graph import Graph, Node
from hwgen.ops.record import Work
from hwgen.ops.table import INTEGER

DEFAULT: Final = "4x4"
DEFAULT_MOST_CYCLES: Final = 1_000_000
"""Cycles a tensor that the default may take; where it takes more, the lanes are chosen for so many."""
DEFAULT_LEAST_USE: Final = 0.95
"""Share of the multipliers' places that the default then wants filled in each layer: the slowest one runs at its own pace."""
_CHOICE: Final = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")


def layers(graph: Graph) -> list[tuple[Node, Work]]:
    """The operators whose parallelism is chosen, with their products."""
    found: list[tuple[Node, Work]] = []
    for node in device_graph(graph).nodes:
        work = INTEGER[node.op].work
        if work is not None:
            found.append((node, work(node)))
    return found


def _bad(text: str, why: str) -> HwgenError:
    return HwgenError(
        "parallelism", f"--parallelism {text!r}", why, "write 4x8, full, or layer=4x8,layer=2x2 (inputs x outputs)"
    )


def _choice(text: str, whole: str, work: Work) -> Parallelism:
    if text == "full":
        return Parallelism(work.inputs, work.outputs)
    match = _CHOICE.fullmatch(text)
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise _bad(whole, f"cannot read {text!r}")
    return Parallelism(min(int(match[1]), work.inputs), min(int(match[2]), work.outputs))


def from_text(graph: Graph, text: str) -> Choices:
    """``4x8`` or ``full`` for every layer, or ``fc1=4x8,fc2=2x2`` by layer (the rest keeps the default).

    Sizes beyond a layer's own are cut to it, and lanes that it cannot have to the nearest below.
    """
    found = layers(graph)
    parts = [p.strip() for p in text.split(",") if p.strip()]
    named = {name.strip(): value.strip() for name, equals, value in (p.rpartition("=") for p in parts) if equals}
    general = [p for p in parts if "=" not in p] or [DEFAULT]
    if len(general) > 1 or not parts:
        raise _bad(text, "names one size for all layers and others by name")
    known = list(dict.fromkeys(node.path for node, _ in found))
    for name in named:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise _bad(text, f"no layer {name!r}" + (f"; did you mean {near[0]}?" if near else f"; layers are {', '.join(known)}"))
    return tuple((n, INTEGER[n.op].fit(n, _choice(named.get(n.path, general[0]), text, work))) for n, work in found)


def by_default(graph: Graph) -> Choices:
    """`DEFAULT` for every layer, or in large models what takes at most `DEFAULT_MOST_CYCLES`."""
    plain = from_text(graph, DEFAULT)
    work = dict(layers(graph))
    slowest = max((cycles_of(work[node], lanes) for node, lanes in plain), default=0)
    return plain if slowest <= DEFAULT_MOST_CYCLES else for_interval(graph, DEFAULT_MOST_CYCLES, least_use=DEFAULT_LEAST_USE)


def for_interval(graph: Graph, interval_cycles: int, *, least_use: float = 0.0) -> Choices:
    """For each layer the fewest multipliers that take at most ``interval_cycles`` a tensor; ties to the most even split.

    A layer that cannot be so fast gets all the lanes that it can have.  least_use: share of the multipliers' places in a
    layer's own cycles that hold a product, where lanes with which that is so are fast enough.
    """
    if interval_cycles < 1:
        raise HwgenError("interval", f"--interval {interval_cycles}", "is not positive", "give a number of cycles of at least 1")
    chosen: list[tuple[Node, Parallelism]] = []
    for node, work in layers(graph):
        legal = list(dict.fromkeys(INTEGER[node.op].fit(node, p) for p in _candidates(work, interval_cycles, least_use)))
        fast = [p for p in legal if cycles_of(work, p) <= interval_cycles]
        filled = [p for p in fast if _use(work, p) >= least_use]
        best = min(
            filled or fast or legal,
            key=lambda p: (0 if fast else cycles_of(work, p), p.inputs * p.outputs, p.inputs + p.outputs),
        )
        chosen.append((node, best))
    return tuple(chosen)


def _use(work: Work, lanes: Parallelism) -> float:
    """Share of the multipliers' places in the layer's own cycles that hold a product: less than 1 where lanes do not divide."""
    filled = work.inputs / (beats(work.inputs, lanes.inputs) * lanes.inputs)
    return filled if work.lanewise else filled * work.outputs / (beats(work.outputs, lanes.outputs) * lanes.outputs)


def _candidates(work: Work, interval_cycles: int, least_use: float) -> Sequence[Parallelism]:
    """For each number of input lanes the fewest output lanes that keep the interval, the fewest that are also used, and all."""
    result = [Parallelism(work.inputs, work.outputs)]
    for in_lanes in range(1, work.inputs + 1):
        in_blocks = beats(work.inputs, in_lanes) * work.taps * work.vectors
        if in_blocks <= interval_cycles:
            out_lanes = in_lanes if work.lanewise else beats(work.outputs, max(1, interval_cycles // in_blocks))
            fewest = min(out_lanes, work.outputs)
            result.append(Parallelism(in_lanes, fewest))
            wider = (Parallelism(in_lanes, lanes) for lanes in range(fewest, work.outputs + 1) if not work.lanewise)
            result += [p for p in wider if _use(work, p) >= least_use][:1]
    return result
