"""Tries a design: exact outputs of the integer graph for all data, and what its hardware is estimated to take.

What is judged is what is built: the integer graph's outputs are the hardware's, bit for bit (`hwgen.profile.exact`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from hwgen.cost.area import Target
from hwgen.cost.estimate import estimate
from hwgen.data import Dataset
from hwgen.dataflow.cycles import predict
from hwgen.flow import BuildOptions, Lowered, lower, plan_dataflow
from hwgen.ir.graph import Graph
from hwgen.ir.text import parse_graph
from hwgen.ops.table import ATTRS
from hwgen.precision.points import Point, bits_of, points
from hwgen.precision.rules import PrecisionConfig, Section, section_of
from hwgen.profile.exact import exact_outputs
from hwgen.search.objectives import Candidate, Outputs, measure_of
from hwgen.search.space import PARALLELISM, Key, Setting, Space
from hwgen.search.trial import Evaluator, Trial

if TYPE_CHECKING:
    from hwgen.search.retrain import Retraining


def with_settings(base: PrecisionConfig | None, settings: Sequence[Setting]) -> PrecisionConfig:
    """A configuration in which the layers' own sections say ``settings``, over what they said before."""
    config = base or PrecisionConfig()
    texts: dict[str, dict[str, str]] = {}
    for setting in settings:
        texts.setdefault(setting.path, {})[setting.role] = setting.text
    known = dict(config.layers)
    made = {path: _merged(known.get(path), section_of(f'layers."{path}"', roles)) for path, roles in texts.items()}
    return replace(config, layers=tuple({**known, **made}.items()))


def _merged(before: Section | None, now: Section) -> Section:
    if before is None:
        return now
    given = tuple({**dict(before.given), **dict(now.given)}.items())
    return replace(now, given=given, parallelism=now.parallelism or before.parallelism)


def with_options(base: BuildOptions, settings: Sequence[Setting]) -> BuildOptions:
    """The options under which a build makes the design of these settings."""
    config = with_settings(base.formats or base.folding, settings)
    folding = config if base.folding is not None or any(s.role == PARALLELISM for s in settings) else None
    return replace(base, formats=config if config.gives_formats else None, folding=folding)


@dataclass(frozen=True)
class Design:
    """`Recipe`: all that a trial needs, as it goes to a worker.

    graph: as text.  real_outputs: of the model, for the data.  measures: names, as `measure_of` reads them; they may name code.
    target: the family whose area is estimated; dsps: whether products may go to its multiplier blocks.
    """

    graph: str
    data: Dataset
    options: BuildOptions
    space: Space
    real_outputs: Outputs
    measures: tuple[str, ...]
    target: Target
    retraining: Retraining | None = None
    dsps: bool = True

    def evaluator(self) -> Evaluator:
        return Bench(self).trial


class Bench:
    """Where designs of one model are tried."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._measures = {name: measure_of(name, code=True) for name in design.measures}
        self.graph = parse_graph(design.graph, ATTRS)

    @cached_property
    def _points(self) -> tuple[Point, ...]:
        return points(self.graph)

    def trial(self, key: Key, seed: int) -> Trial:
        """`Evaluator`."""
        return self.tried(self._design.space.settings(key), seed)

    def tried(self, settings: Sequence[Setting], seed: int) -> Trial:
        """What comes of the design of these settings."""
        if self._design.retraining is None:
            return self.measured(self.graph, settings)
        graph, kept = self._design.retraining.trained(self.graph, with_options(self._design.options, settings), seed)
        return replace(self.measured(graph, settings), graph_sha256=kept)

    def measured(self, graph: Graph, settings: Sequence[Setting]) -> Trial:
        """All measures of a graph with these settings; of one that was trained with them it keeps its own formats."""
        candidate = self._candidate(graph, settings)
        return Trial({name: float(measure.of(candidate)) for name, measure in self._measures.items()})

    def _candidate(self, graph: Graph, settings: Sequence[Setting]) -> Candidate:
        data, options = self._design.data, with_options(self._design.options, settings)
        options = options if graph is self.graph else replace(options, formats=None)
        lowered = lower(graph, options)
        flow = plan_dataflow(lowered, options)
        average, total = self._bits(lowered, settings)
        return Candidate(
            lowered, flow, predict(flow), lambda: estimate(flow, self._design.target, dsps=self._design.dsps),
            exact_outputs(lowered, data), self._design.real_outputs, data, average, total,
        )

    def _bits(self, lowered: Lowered, settings: Sequence[Setting]) -> tuple[float, float]:
        """Of an element of weights and of what enters layers, on average, and of all weights and biases."""
        chosen = with_settings(self._design.options.formats, settings).on(self.graph)
        made = {(p.path, p.role): p.format for p in points(lowered.quantized)}
        bits = elements = total = 0.0
        for point in self._points:
            choice = chosen.choice(point.node, point.role)
            format_ = made.get((point.path, point.role)) if choice is None else choice.format
            if format_ is None or point.role == "output":
                continue
            size = point.elements * float(bits_of(format_))
            if point.role in ("weight", "bias"):
                total += size
            if point.role in ("weight", "input"):
                bits, elements = bits + size, elements + point.elements
        return bits / (elements or 1.0), total
