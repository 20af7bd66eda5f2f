"""What a planned design will cost, before any synthesis: from the parameters of its stages, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES, Family
from hwgen.cost.glue import axis_in, axis_out, credit_fifo, gate, pair_gate, reset, stream_fifo, stream_fork, width_converter
from hwgen.dataflow.links import Glue, Links, links_of
from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Fork, PlacedUnit, Stage
from hwgen.ops.table import INTEGER


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """path: the layer in the model.  area: with the width converters before the stage, the FIFO at its end, and the fork and
    FIFOs of the branches behind it.  memory_bits: of read-only memories.
    """

    path: str
    area: Area
    memory_bits: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """stages: in order.  other: outer ports with what belongs to them, and reset."""

    target: Target
    stages: tuple[StageEstimate, ...]
    other: Area

    @property
    def total(self) -> Area:
        """All of it."""
        return sum((s.area for s in self.stages), self.other)

    @property
    def memory_bits(self) -> int:
        """Bits of all read-only memories."""
        return sum(s.memory_bits for s in self.stages)


def _glue(element: Glue, family: Family) -> Area:
    before = element.takes[0]
    match element:
        case Converter():
            return width_converter(before.element_bits, element.elements, before.lanes, element.gives[0].lanes, family)
        case Fork():
            return stream_fork(len(element.gives), family)
        case Buffer():
            return stream_fifo(before.bits, element.depth, family)


def _unit(placed: PlacedUnit, target: Target) -> Area:
    cost = INTEGER[placed.node.op].costs.get(placed.unit.module)
    if cost is None:
        raise TypeError(f"{placed.node.op} has {placed.unit.module} and no cost of it")
    return cost(placed.unit, target)


def _stage(stage: Stage, target: Target) -> Area:
    family = FAMILIES[target]
    total = sum((_unit(placed, target) for placed in stage.units), Area())
    if stage.gated:
        joins = len(stage.takes) == 2 and not stage.streaming
        total += pair_gate() if joins else gate(stage.beats_per_output, family)
    return total + credit_fifo(stage.gives[0].bits, stage.fifo_depth, family) if stage.piped else total


def _glue_of(links: Links, place: int, family: Family) -> Area:
    return sum((_glue(e, family) for e in links.glue_of(place)), Area())


def estimate(flow: Dataflow, target: Target) -> Estimate:
    """The area of a planned design, stage by stage."""
    family, links = FAMILIES[target], links_of(flow)
    stages: list[StageEstimate] = []
    for k, stage in enumerate(flow.stages):
        area = _stage(stage, target) + _glue_of(links, links.place_of_stage(k), family)
        stages.append(StageEstimate(stage.path, area, sum(m.depth * m.width_bits for p in stage.units for m in p.unit.memories)))
    other = reset()
    other += sum((axis_in(s.beats, family) for s in flow.inputs), Area())
    other += sum((axis_out(s.beats, family) for s in flow.outputs), Area())
    other += sum((_glue_of(links, place, family) for place in range(links.places) if not links.is_stage(place)), Area())
    return Estimate(target, tuple(stages), other)
