"""What a verification compares with: the codes at the ports of a design, and how those of every value lie in its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hwgen.dataflow.stage import Dataflow
from hwgen.formats import IntArray
from hwgen.ir.graph import Array, Graph, Value
from hwgen.ops.run import computed, evaluate
from hwgen.sim.distribution import CodesSeen, seen_of
from hwgen.sim.samples import Codes, count, part

_PART_BYTES: Final = 1 << 28
"""Of the widest value and what is computed beside it, for the samples that are run at a time."""
_ARRAYS_AT_A_TIME: Final = 8


@dataclass(frozen=True, slots=True)
class Reference:
    """inputs, outputs: (samples, positions…, channels) codes of each port.  seen: of every value, for the samples of one part."""

    inputs: tuple[IntArray, ...]
    outputs: tuple[IntArray, ...]
    seen: tuple[CodesSeen, ...]


def samples_at_a_time(graph: Graph) -> int:
    """How many samples are run together, so that large tensors fit in memory."""
    widest = max(v.type.elements for v in graph.values())
    return max(1, _PART_BYTES // (8 * _ARRAYS_AT_A_TIME * widest))


def reference(graph: Graph, flow: Dataflow, codes: Codes) -> Reference:
    """Runs ``graph``, part by part."""
    ends = [s.value for s in (*flow.inputs, *flow.outputs)]
    step = samples_at_a_time(graph)
    parts: list[dict[Value, Array]] = []
    seen: list[CodesSeen] = []
    for start in range(0, count(codes), step):
        kept: dict[Value, Array] = {}
        for value, array in computed(graph, part(codes, slice(start, start + step)), {*ends, *graph.inputs}):
            if value in ends:
                kept[value] = array
            if not start:
                record = seen_of(value, array)
                seen += [] if record is None else [record]
        parts.append(kept)
    arrays = [np.concatenate([np.asarray(kept[v], dtype=np.int64) for kept in parts]) for v in ends]
    return Reference(tuple(arrays[: len(flow.inputs)]), tuple(arrays[len(flow.inputs) :]), tuple(seen))


def inside(graph: Graph, flow: Dataflow, codes: Codes) -> dict[Value, IntArray]:
    """The codes of every value that streams inside a design."""
    wanted = {s.value for e in flow.elements for s in (*e.takes, *e.gives)}
    return {v: np.asarray(a, dtype=np.int64) for v, a in evaluate(graph, codes, wanted).items()}
