"""The network as the page shows it: a row for each port and stage, and the streams beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from hwgen.dataflow.layers import LayerRow, layer_rows
from hwgen.dataflow.links import links_of
from hwgen.dataflow.stage import Dataflow, Stage, integer_format
from hwgen.dataflow.use import MultiplierUse, multiplier_use, multiplying
from hwgen.report.rails import Rails, lay_out


@dataclass(frozen=True, slots=True)
class StreamView:
    """What a place gives.  shape: of a tensor, channels last.  lanes: elements a beat."""

    format: str
    shape: tuple[int, ...]
    lanes: int


@dataclass(frozen=True, slots=True)
class SourceView:
    """What a place takes from another than the one above it.  fifo_depth: of the FIFOs on the way; 0: none."""

    label: str
    name: str
    fifo_depth: int


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage.  number: from 1.  array: inputs and outputs that its multipliers work on at a time.

    interval_share: of the predicted interval that it must work.  use: of its multipliers in steady state; both None without them.
    """

    number: int
    layer: LayerRow
    array: tuple[int, int] | None
    interval_share: float
    use: MultiplierUse | None


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A place of the network.  rails: the streams beside it.  name: of a layer, or of a port's value.  stage: None for a port."""

    rails: Markup
    kind: Literal["input", "stage", "output"]
    name: str
    gives: StreamView
    stage: StageView | None
    sources: tuple[SourceView, ...]


@dataclass(frozen=True, slots=True)
class NetworkView:
    """rows: from the top down.  dense: whether they stand close.  branches: whether streams run beside the rows."""

    rows: tuple[NetworkRow, ...]
    dense: bool
    branches: bool


def stage_views(flow: Dataflow, interval: int) -> tuple[StageView, ...]:
    """The stages in order.  interval: cycles between inferences."""
    rows = zip(flow.stages, layer_rows(flow), strict=True)
    return tuple(_stage_view(k, stage, layer, interval) for k, (stage, layer) in enumerate(rows, start=1))


def _stage_view(number: int, stage: Stage, layer: LayerRow, interval: int) -> StageView:
    unit = multiplying(stage)
    array = None if unit is None else (unit.multipliers // unit.out_lanes, unit.out_lanes)
    return StageView(number, layer, array, stage.cycles / interval, multiplier_use(stage, interval))


def network_view(flow: Dataflow, stages: Sequence[StageView], names: Sequence[str]) -> NetworkView:
    """The rows of a flow, with their drawing.  names: of its places (`hwgen.dataflow.links`)."""
    links = links_of(flow)
    layout = lay_out(links)
    rails = Rails(layout)
    given = (*flow.inputs, *(s.gives[0] for s in flow.stages), *flow.outputs)
    label = links.labels
    above = {place: layout.order[k - 1] for k, place in enumerate(layout.order) if k and k - 1 in layout.straight}
    rows: list[NetworkRow] = []
    for k, place in enumerate(layout.order):
        stage = stages[place - links.inputs] if links.is_stage(place) else None
        kind = "stage" if stage is not None else "input" if place < links.inputs else "output"
        colour = kind if stage is None else "unit" if stage.array is not None else "plain"
        stream = given[place]
        view = StreamView(integer_format(stream.value).short, stream.value.type.shape[1:], stream.lanes)
        sources = [
            SourceView(label[link.source], names[link.source], link.fifo_depth)
            for link in links.links if link.target == place and (link.source != above.get(place) or link.fifo_depth)
        ]
        rows.append(NetworkRow(rails.row(k, label[place], colour), kind, names[place], view, stage, tuple(sources)))
    return NetworkView(tuple(rows), rails.dense, bool(layout.lanes))
