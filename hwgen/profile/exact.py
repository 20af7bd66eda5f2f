"""What a network gives, in float64 and from the integers that its hardware computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hwgen.data import Dataset
from hwgen.flow import Lowered
from hwgen.ir.graph import Array, Graph
from hwgen.ops.run import evaluate
from hwgen.profile.statistics import floats_of
from hwgen.sim.reference import samples_at_a_time

Outputs = tuple[Array, ...]


def real_outputs(graph: Graph, data: Dataset) -> Outputs:
    """The outputs of a graph of reals, run in float64."""
    return _in_parts(graph, data, lambda part: floats_of(part))


def exact_outputs(lowered: Lowered, data: Dataset) -> Outputs:
    """The outputs of the integer graph, decoded, after what the host does: bit for bit what the hardware's are."""
    quantizers = lowered.quantizers

    def codes(part: Dataset) -> dict[str, Array]:
        return {name: quantizers[name].quantize(reals) for name, reals in floats_of(part).items()}

    return _in_parts(lowered.graph, data, codes)


def _in_parts(graph: Graph, data: Dataset, given: Callable[[Dataset], dict[str, Array]]) -> Outputs:
    step = samples_at_a_time(graph)
    parts: list[list[Array]] = []
    for start in range(0, data.samples, step):
        values = evaluate(graph, given(data.part(slice(start, start + step))), graph.outputs)
        parts.append([values[v] for v in graph.outputs])
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
